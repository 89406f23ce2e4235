import { type Dimension, fixed } from "../../dimension.js";
import type { Graph, GraphValue } from "../graph.js";
import type { Call, Rule, Rules } from "./call.js";

/** A reduction whose axes come as an input (ONNX since opset 18); without axes over everything. */
function reduced(
  graph: Graph,
  type: string,
  x: GraphValue,
  how: { axes: readonly number[]; keep: boolean; shape: readonly Dimension[] },
): GraphValue {
  const every = how.axes.length === x.shape.length && !how.keep;
  const inputs = every ? [x] : [x, graph.list(how.axes, "int64")];
  return graph.make(type, inputs, { shape: how.shape, attributes: { keepdims: Number(how.keep) } });
}

/** Over everything: `sum(x)`. */
function whole(type: string): Rule {
  return (call, graph) => {
    const x = call.tensor(0);
    const cast = graph.cast(x, graph.typeOf(call.out, [x]));
    return graph.make(type, [cast], { shape: call.shape, attributes: { keepdims: 0 } });
  };
}

/** Over the axes of argument 1, kept by argument 2. */
function along(type: string): Rule {
  return (call, graph) => {
    const x = call.tensor(0);
    const cast = graph.cast(x, graph.typeOf(call.out, [x]));
    return reduced(graph, type, cast, { axes: call.axes(1), keep: call.flag(2), shape: call.shape });
  };
}

/** Divided by n − correction, n being the number of elements that are reduced. */
function variance(call: Call, graph: Graph): GraphValue {
  const x = call.tensor(0);
  const axes = call.axes(1);
  const count = axes.reduce((product, axis) => product * call.side(x, axis), 1);
  const keptShape = x.shape.map((side, axis) => (axes.includes(axis) ? fixed(1) : side));
  const mean = reduced(graph, "ReduceMean", x, { axes, keep: true, shape: keptShape });
  const centred = graph.make("Sub", [x, mean], { shape: x.shape });
  const squares = graph.make("Mul", [centred, centred], { shape: x.shape });
  const sum = reduced(graph, "ReduceSum", squares, { axes, keep: call.flag(3), shape: call.shape });
  return graph.make("Div", [sum, graph.scalar(count - call.number(2, 1), x.type)], { shape: call.shape });
}

function softmax(type: string): Rule {
  return (call, graph) => {
    const x = call.tensor(0);
    const cast = graph.cast(x, graph.typeOf(call.out, [x]));
    return graph.make(type, [cast], { shape: call.shape, attributes: { axis: call.axis(1) } });
  };
}

/** Truths as numbers: all is their least, any their largest. */
function truth(type: string): Rule {
  return (call, graph) => {
    const numbers = graph.cast(graph.cast(call.tensor(0), "bool"), "int32");
    return graph.cast(graph.make(type, [numbers], { shape: call.shape, attributes: { keepdims: 0 } }), "bool");
  };
}

const argMax: Rule = (call, graph) => {
  const x = call.tensor(0);
  if (call.has(1)) {
    const attributes = { axis: call.axis(1), keepdims: Number(call.flag(2)) };
    return graph.make("ArgMax", [x], { shape: call.shape, type: "int64", attributes });
  }
  const flat = graph.make("Reshape", [x, graph.list([-1], "int64")], { shape: [fixed(1)] });
  return graph.make("ArgMax", [flat], { shape: [], type: "int64", attributes: { axis: 0, keepdims: 0 } });
};

/** ONNX's TopK breaks ties by the lower index, so that with every element it is a stable sort. */
function sorted(call: Call, graph: Graph, axis: number, largest: boolean, count?: Dimension): GraphValue[] {
  const x = call.tensor(0);
  const k = graph.integers([count ?? x.shape[axis] ?? fixed(1)]);
  const shape = call.shape;
  const made = [
    { shape, type: x.type },
    { shape, type: "int64" as const },
  ];
  return graph.makeSeveral("TopK", [x, k], made, { axis, largest: Number(largest), sorted: 1 });
}

const cumulative: Rule = (call, graph) => {
  const x = call.tensor(0);
  const cast = graph.cast(x, graph.typeOf(call.out, [x]));
  return graph.make("CumSum", [cast, graph.scalar(call.axis(1), "int64")], { shape: call.shape });
};

const norm: Rule = (call, graph) => {
  const x = call.tensor(0);
  const order = call.has(1) ? call.number(1) : 2;
  const how = { axes: call.axes(2), keep: call.flag(3), shape: call.shape };
  if (order === 2) return reduced(graph, "ReduceL2", x, how);
  if (order === 1) return reduced(graph, "ReduceL1", x, how);
  if (order === Number.POSITIVE_INFINITY)
    return reduced(graph, "ReduceMax", graph.make("Abs", [x], { shape: x.shape }), how);
  throw call.refuse(`a norm of order ${order}`, "Use order 1, 2 or infinity, or write it in powers and sums.");
};

export const reduce = {
  sum: whole("ReduceSum"),
  "sum.dim_IntList": along("ReduceSum"),
  mean: whole("ReduceMean"),
  "mean.dim": along("ReduceMean"),
  "var.correction": variance,
  "std.correction": (call, graph) => graph.make("Sqrt", [variance(call, graph)], { shape: call.shape }),
  amax: along("ReduceMax"),
  amin: along("ReduceMin"),
  logsumexp: along("ReduceLogSumExp"),
  linalg_vector_norm: norm,
  "softmax.int": softmax("Softmax"),
  "log_softmax.int": softmax("LogSoftmax"),
  all: truth("ReduceMin"),
  any: truth("ReduceMax"),
  argmax: argMax,
  topk: (call, graph) => sorted(call, graph, call.axis(2, -1), call.flag(3, true), call.dimension(1)),
  "argsort.stable": (call, graph) => sorted(call, graph, call.axis(2, -1), call.flag(3))[1] as GraphValue,
  "sort.stable": (call, graph) => sorted(call, graph, call.axis(2, -1), call.flag(3)),
  cumsum: cumulative,
} as const satisfies Rules;
