import type { Graph, GraphValue } from "../graph.js";
import type { ElementType } from "../schema.js";
import type { Call, Rule, Rules } from "./call.js";

/** One ONNX operator of one operand, in the type of the result. */
function unary(type: string): Rule {
  return (call, graph) => {
    const x = call.tensor(0);
    return graph.make(type, [graph.cast(x, graph.typeOf(call.out, [x]))], { shape: call.shape });
  };
}

/** Both operands in the type of the result. @param alpha position of a factor of the second */
function binary(type: string, alpha?: number): Rule {
  return (call, graph) => {
    const [a, b] = [call.tensor(0), call.tensor(1)];
    const wanted = graph.typeOf(call.out, [a, b]);
    const right = times(graph, graph.cast(b, wanted), alpha === undefined ? 1 : call.number(alpha, 1));
    return graph.make(type, [graph.cast(a, wanted), right], { shape: call.shape });
  };
}

function times(graph: Graph, value: GraphValue, factor: number): GraphValue {
  return factor === 1 ? value : graph.make("Mul", [value, graph.scalar(factor, value.type)], { shape: value.shape });
}

/** A tensor and a number. */
function withScalar(type: string, alpha?: number): Rule {
  return (call, graph) => {
    const x = call.tensor(0);
    const wanted = graph.typeOf(call.out, [x]);
    const number = times(graph, call.scalar(1, wanted), alpha === undefined ? 1 : call.number(alpha, 1));
    return graph.make(type, [graph.cast(x, wanted), number], { shape: call.shape });
  };
}

const ranks: readonly ElementType[] = [
  "bool",
  "uint8",
  "int8",
  "int16",
  "int32",
  "int64",
  "float32",
  "bfloat16",
  "float16",
  "float64",
];

/** The type in which two are compared. */
function common(a: ElementType, b: ElementType): ElementType {
  return ranks.indexOf(a) > ranks.indexOf(b) ? a : b;
}

/** A comparison with a tensor, or with a number. */
function compare(type: string, withNumber: boolean): Rule {
  return (call, graph) => {
    const a = call.tensor(0);
    if (withNumber) {
      const dimension = call.dimension(1);
      const isWhole = [...(dimension?.values() ?? [])].every(Number.isInteger);
      const wanted = isWhole ? a.type : common(a.type, "float32");
      return graph.make(type, [graph.cast(a, wanted), call.scalar(1, wanted)], { shape: call.shape, type: "bool" });
    }
    const b = call.tensor(1);
    const wanted = common(a.type, b.type);
    return graph.make(type, [graph.cast(a, wanted), graph.cast(b, wanted)], { shape: call.shape, type: "bool" });
  };
}

/** The negation of a comparison. */
function not(rule: Rule): Rule {
  return (call, graph) => graph.make("Not", [rule(call, graph) as GraphValue], { shape: call.shape });
}

function logical(type: string): Rule {
  return (call, graph) => {
    const operands = [0, 1].flatMap((i) => call.maybe(i) ?? []).map((value) => graph.cast(value, "bool"));
    return graph.make(type, operands, { shape: call.shape, type: "bool" });
  };
}

/** x → f(x), in the type of the result, as a chain of nodes of one shape. */
function chain(build: (x: GraphValue, on: Chain, call: Call) => GraphValue): Rule {
  return (call, graph) => {
    const given = call.tensor(0);
    const x = graph.cast(given, graph.typeOf(call.out, [given]));
    return build(x, new Chain(graph, x, call), call);
  };
}

class Chain {
  constructor(
    private readonly graph: Graph,
    private readonly x: GraphValue,
    private readonly call: Call,
  ) {}
  /** A node of the chain; numbers become constants of its type. */
  op(type: string, ...operands: (GraphValue | number)[]): GraphValue {
    const values = operands.map((one) => (typeof one === "number" ? this.graph.scalar(one, this.x.type) : one));
    return this.graph.make(type, values, { shape: this.call.shape, type: this.x.type });
  }
}

/** The form with the error function, which runtimes fuse into one kernel; or the tanh approximation. */
const gelu = chain((x, on, call) => {
  if (call.text(1, "none") === "none") {
    const error = on.op("Erf", on.op("Div", x, Math.SQRT2));
    return on.op("Mul", on.op("Mul", x, on.op("Add", error, 1)), 0.5);
  }
  const cube = on.op("Mul", on.op("Mul", on.op("Mul", x, x), x), 0.044715);
  const inner = on.op("Mul", on.op("Add", x, cube), Math.sqrt(2 / Math.PI));
  return on.op("Mul", on.op("Mul", x, 0.5), on.op("Add", on.op("Tanh", inner), 1));
});

const clamp: Rule = (call, graph) => {
  const x = call.tensor(0);
  const bounds = [1, 2].map((i) => (call.has(i) ? call.scalar(i, x.type) : null));
  return graph.make("Clip", [x, ...bounds], { shape: call.shape });
};

const where: Rule = (call, graph) => {
  const [condition, a, b] = [call.tensor(0), call.tensor(1), call.tensor(2)];
  const wanted = graph.typeOf(call.out, [a, b]);
  const chosen = [graph.cast(a, wanted), graph.cast(b, wanted)];
  return graph.make("Where", [graph.cast(condition, "bool"), ...chosen], { shape: call.shape, type: wanted });
};

const maskedFill: Rule = (call, graph) => {
  const [x, mask] = [call.tensor(0), call.tensor(1)];
  return graph.make("Where", [mask, call.scalar(2, x.type), x], { shape: call.shape, type: x.type });
};

const finite: Rule = (call, graph) => {
  const given = call.tensor(0);
  const x = given.type.startsWith("float") ? given : graph.cast(given, "float32");
  const made = { shape: call.shape, type: "bool" } as const;
  const strange = ["IsNaN", "IsInf"].map((type) => graph.make(type, [x], made));
  return graph.make("Not", [graph.make("Or", strange, made)], made);
};

/** A type that was asked for; where weights are float16, a step into float32 is taken too. */
const toType: Rule = (call, graph) => graph.cast(call.tensor(0), call.out.dtype);
const same: Rule = (call) => call.tensor(0);

export const elementwise = {
  "add.Tensor": binary("Add", 2),
  "add.Scalar": withScalar("Add", 2),
  "sub.Tensor": binary("Sub", 2),
  "sub.Scalar": withScalar("Sub", 2),
  "rsub.Scalar": (call, graph) => {
    const x = call.tensor(0);
    const wanted = graph.typeOf(call.out, [x]);
    const taken = times(graph, graph.cast(x, wanted), call.number(2, 1));
    return graph.make("Sub", [call.scalar(1, wanted), taken], { shape: call.shape });
  },
  "mul.Tensor": binary("Mul"),
  "mul.Scalar": withScalar("Mul"),
  "div.Tensor": binary("Div"),
  "div.Scalar": withScalar("Div"),
  maximum: binary("Max"),
  minimum: binary("Min"),
  "pow.Tensor_Scalar": withScalar("Pow"),
  neg: unary("Neg"),
  exp: unary("Exp"),
  log: unary("Log"),
  log1p: chain((x, on) => on.op("Log", on.op("Add", x, 1))),
  sqrt: unary("Sqrt"),
  rsqrt: chain((x, on) => on.op("Reciprocal", on.op("Sqrt", x))),
  reciprocal: unary("Reciprocal"),
  abs: unary("Abs"),
  sign: unary("Sign"),
  floor: unary("Floor"),
  sin: unary("Sin"),
  cos: unary("Cos"),
  tanh: unary("Tanh"),
  sigmoid: unary("Sigmoid"),
  relu: unary("Relu"),
  silu: chain((x, on) => on.op("Mul", x, on.op("Sigmoid", x))),
  gelu,
  clamp,
  "where.self": where,
  "masked_fill.Scalar": maskedFill,
  isfinite: finite,
  "eq.Scalar": compare("Equal", true),
  "eq.Tensor": compare("Equal", false),
  "ne.Scalar": not(compare("Equal", true)),
  "lt.Scalar": compare("Less", true),
  "lt.Tensor": compare("Less", false),
  "le.Scalar": compare("LessOrEqual", true),
  "gt.Scalar": compare("Greater", true),
  "gt.Tensor": compare("Greater", false),
  "ge.Scalar": compare("GreaterOrEqual", true),
  logical_and: logical("And"),
  logical_or: logical("Or"),
  logical_not: logical("Not"),
  "to.dtype": toType,
  "to.device": toType,
  contiguous: same,
  clone: same,
  detach: same,
} as const satisfies Rules;
