import { constantOf, type Dimension, dimensionText, fixed, sameDimension } from "../../dimension.js";
import type { Graph, GraphValue } from "../graph.js";
import type { Call, Rule, Rules } from "./call.js";

const sameShape = (a: readonly Dimension[], b: readonly Dimension[]): boolean =>
  a.length === b.length && a.every((side, i) => sameDimension(side, b[i] ?? fixed(0)));

/**
 * To the shape that came out: sides that stay where they are are copied (0), one that is free is worked out (-1), and only
 * what is left is computed when the file is run.
 */
const reshape: Rule = (call, graph) => reshaped(graph, call.tensor(0), call.shape);

function reshaped(graph: Graph, x: GraphValue, shape: readonly Dimension[]): GraphValue {
  if (sameShape(x.shape, shape)) return x;
  const constants = shape.map(constantOf);
  if (x.weight !== undefined && constants.every((side) => side !== undefined))
    return { ...x, name: `${x.weight}[${constants.join(",")}]`, shape };
  const sides = shape.map((side, i) => {
    const from = x.shape[i];
    return constants[i] ?? (from !== undefined && sameDimension(from, side) ? 0 : -1);
  });
  const isPlain = sides.filter((side) => side === -1).length <= 1;
  return graph.make("Reshape", [x, isPlain ? graph.list(sides, "int64") : graph.integers(shape)], { shape });
}

/** Turns axes; two turns in a row become one. */
function turned(graph: Graph, x: GraphValue, perm: readonly number[], shape: readonly Dimension[]): GraphValue {
  if (perm.every((axis, i) => axis === i)) return x;
  const before = graph.producer(x);
  const inner = before?.type === "Transpose" ? before.attributes[0]?.ints : undefined;
  const source = inner === undefined ? undefined : graph.value(before?.inputs[0] ?? "");
  if (inner !== undefined && source !== undefined)
    return turned(
      graph,
      source,
      perm.map((axis) => inner[axis] ?? 0),
      shape,
    );
  return graph.make("Transpose", [x], { shape, attributes: { perm } });
}

const permute: Rule = (call, graph) => {
  const x = call.tensor(0);
  return turned(graph, x, call.axes(1), call.shape);
};

const transpose: Rule = (call, graph) => {
  const x = call.tensor(0);
  const [a, b] = [call.axis(1), call.axis(2)];
  const perm = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
  return turned(graph, x, perm, call.shape);
};

const unsqueeze: Rule = (call, graph) => {
  const x = call.tensor(0);
  const axis = call.axis(1, undefined, x.shape.length + 1);
  return graph.make("Unsqueeze", [x, graph.list([axis], "int64")], { shape: call.shape });
};

const squeeze: Rule = (call, graph) => {
  const x = call.tensor(0);
  if (x.shape.length === call.shape.length) return x;
  return graph.make("Squeeze", [x, graph.list([call.axis(1)], "int64")], { shape: call.shape });
};

/** ONNX's Expand leaves a side as it is where it is told 1. */
const expand: Rule = (call, graph) => {
  const x = call.tensor(0);
  if (sameShape(x.shape, call.shape)) return x;
  const added = call.shape.length - x.shape.length;
  const sides = call.shape.map((side, i) => {
    const from = x.shape[i - added];
    return from !== undefined && sameDimension(from, side) ? 1 : side;
  });
  return graph.make("Expand", [x, graph.integers(sides)], { shape: call.shape });
};

const repeat: Rule = (call, graph) => {
  const x = call.tensor(0);
  const times = call.dimensions(1);
  const added = times.length - x.shape.length;
  const ones = Array.from({ length: added }, () => fixed(1));
  const wide = added === 0 ? x : reshaped(graph, x, [...ones, ...x.shape]);
  return graph.make("Tile", [wide, graph.integers(times)], { shape: call.shape });
};

/** Beyond every dimension. */
const farEnd = 2 ** 31 - 1;

function sliced(
  graph: Graph,
  x: GraphValue,
  part: { axis: number; start: number | Dimension; end: number | Dimension; step?: number },
  shape: readonly Dimension[],
): GraphValue {
  const { axis, start, end, step = 1 } = part;
  const list = (value: number | Dimension): GraphValue => graph.integers([value]);
  return graph.make("Slice", [x, list(start), list(end), list(axis), list(step)], { shape });
}

const slice: Rule = (call, graph) => {
  const x = call.tensor(0);
  const step = call.number(4, 1);
  if (sameShape(x.shape, call.shape) && step === 1) return x;
  const end = call.dimension(3);
  const far = end === undefined || (constantOf(end) ?? 0) > farEnd;
  return sliced(
    graph,
    x,
    { axis: call.axis(1, 0), start: call.dimension(2) ?? 0, end: far ? farEnd : end, step },
    call.shape,
  );
};

const select: Rule = (call, graph) => {
  const index = graph.scalar(call.number(2), "int64");
  return graph.make("Gather", [call.tensor(0), index], { shape: call.shape, attributes: { axis: call.axis(1) } });
};

/** Into the parts that came out, along argument 2. */
const split: Rule = (call, graph) => {
  const axis = call.axis(2, 0);
  return parts(call, graph, axis);
};

function parts(call: Call, graph: Graph, axis: number): GraphValue[] {
  const x = call.tensor(0);
  const { outputs } = call.step;
  if (outputs.length === 1) return [x];
  const sizes = graph.integers(outputs.map(({ shape }) => shape[axis] ?? fixed(1)));
  return graph.makeSeveral(
    "Split",
    [x, sizes],
    outputs.map(({ shape }) => ({ shape })),
    { axis },
  );
}

const unbind: Rule = (call, graph) => {
  const x = call.tensor(0);
  const axis = call.axis(1, 0);
  const count = call.side(x, axis);
  const thin = x.shape.map((side, i) => (i === axis ? fixed(1) : side));
  const sizes = graph.list(Array<number>(count).fill(1), "int64");
  const pieces =
    count === 1 ? [x] : graph.makeSeveral("Split", [x, sizes], Array(count).fill({ shape: thin }), { axis });
  return pieces.map((piece) => graph.make("Squeeze", [piece, graph.list([axis], "int64")], { shape: call.shape }));
};

const concatenate: Rule = (call, graph) => {
  const tensors = call.tensors(0);
  const wanted = graph.typeOf(call.out, tensors);
  const axis = call.axis(1, 0, call.shape.length);
  const same = tensors.map((one) => graph.cast(one, wanted));
  return graph.make("Concat", same, { shape: call.shape, attributes: { axis } });
};

const stack: Rule = (call, graph) => {
  const tensors = call.tensors(0);
  const wanted = graph.typeOf(call.out, tensors);
  const axis = call.axis(1, 0, call.shape.length);
  const thin = call.shape.map((side, i) => (i === axis ? fixed(1) : side));
  const axes = graph.list([axis], "int64");
  const wide = tensors.map((one) => graph.make("Unsqueeze", [graph.cast(one, wanted), axes], { shape: thin }));
  return graph.make("Concat", wide, { shape: call.shape, attributes: { axis } });
};

const flip: Rule = (call, graph) =>
  call
    .axes(1)
    .reduce((x, axis) => sliced(graph, x, { axis, start: -1, end: -farEnd, step: -1 }, call.shape), call.tensor(0));

const roll: Rule = (call, graph) => {
  const [shifts, axes] = [call.numbers(1), call.numbers(2)];
  if (axes.length === 0) throw call.refuse("a roll over all elements", "Name the dimensions.");
  return axes.reduce((x, given, i) => {
    const axis = given < 0 ? given + x.shape.length : given;
    const side = call.side(x, axis);
    const shift = (((shifts[i] ?? 0) % side) + side) % side;
    if (shift === 0) return x;
    const part = (start: number, end: number): GraphValue =>
      sliced(
        graph,
        x,
        { axis, start, end },
        x.shape.map((old, k) => (k === axis ? fixed(end - start) : old)),
      );
    const turnedParts = [part(side - shift, side), part(0, side - shift)];
    return graph.make("Concat", turnedParts, { shape: call.shape, attributes: { axis } });
  }, call.tensor(0));
};

const padModes: Readonly<Record<string, string>> = {
  constant: "constant",
  reflect: "reflect",
  replicate: "edge",
};

/** padding: before and after, the last dimension first. */
function padded(call: Call, graph: Graph, mode: string, value: number): GraphValue {
  const x = call.tensor(0);
  const padding = call.numbers(1);
  const rank = x.shape.length;
  const known = padModes[mode];
  if (known === undefined) throw call.refuse(`the mode ${mode}`, "Pad with constant, reflect or replicate.");
  const side = (axis: number, after: 0 | 1): number => padding[2 * (rank - 1 - axis) + after] ?? 0;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const pads = graph.list([...axes.map((axis) => side(axis, 0)), ...axes.map((axis) => side(axis, 1))], "int64");
  const inputs = known === "constant" ? [x, pads, graph.scalar(value, x.type)] : [x, pads];
  return graph.make("Pad", inputs, { shape: call.shape, attributes: { mode: known } });
}

/** Rows of tokens, `take(x, ids)`: the index is spread over the width, which GatherND need not do. */
function rowsTaken(call: Call, graph: Graph): GraphValue | undefined {
  const [x, index] = [call.tensor(0), call.tensor(2)];
  const spread = graph.producer(index);
  const thin = spread?.type === "Expand" ? graph.value(spread.inputs[0] ?? "") : undefined;
  if (thin === undefined || thin.shape.length !== 3 || x.shape.length !== 3 || call.axis(1) !== 1) return undefined;
  if (constantOf(thin.shape[2] ?? fixed(0)) !== 1) return undefined;
  const fits = [0, 2].every(
    (axis) => dimensionText(index.shape[axis] ?? fixed(-1)) === dimensionText(x.shape[axis] ?? fixed(-2)),
  );
  if (!fits || !sameDimension(thin.shape[0] ?? fixed(-1), x.shape[0] ?? fixed(-2))) return undefined;
  return graph.make("GatherND", [x, thin], { shape: call.shape, attributes: { batch_dims: 1 } });
}

const gather: Rule = (call, graph) =>
  rowsTaken(call, graph) ??
  graph.make("GatherElements", [call.tensor(0), call.tensor(2)], {
    shape: call.shape,
    attributes: { axis: call.axis(1) },
  });

function scatter(reduction: "none" | "add"): Rule {
  return (call, graph) => {
    const inputs = [call.tensor(0), call.tensor(2), graph.cast(call.tensor(3), call.tensor(0).type)];
    return graph.make("ScatterElements", inputs, { shape: call.shape, attributes: { axis: call.axis(1), reduction } });
  };
}

const oneHot: Rule = (call, graph) => {
  const classes = call.number(1, -1);
  if (classes < 0)
    throw call.refuse("the number of classes is read from the values", "Say how many classes there are.");
  const values = graph.list([0, 1], "int64");
  return graph.make("OneHot", [call.tensor(0), graph.scalar(classes, "int64"), values], {
    shape: call.shape,
    type: "int64",
    attributes: { axis: -1 },
  });
};

/** A tensor of one value. */
function filled(value: (call: Call) => number): Rule {
  return (call, graph) => {
    const one = graph.scalar(value(call), call.out.dtype);
    if (call.shape.length === 0) return one;
    return graph.make("Expand", [one, graph.integers(call.shape)], { shape: call.shape });
  };
}

/** A tensor whose values follow from fixed numbers. */
function counted(values: (call: Call) => number[]): Rule {
  return (call, graph) => reshaped(graph, graph.list(values(call), call.out.dtype), call.shape);
}

const range = (count: number, value: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => value(i));

export const shape = {
  reshape,
  view: reshape,
  "flatten.using_ints": reshape,
  permute,
  "transpose.int": transpose,
  unsqueeze,
  "squeeze.dim": squeeze,
  expand,
  repeat,
  "slice.Tensor": slice,
  "select.int": select,
  "split.Tensor": split,
  split_with_sizes: split,
  chunk: split,
  "unbind.int": unbind,
  cat: concatenate,
  stack,
  flip,
  roll,
  reflection_pad2d: (call, graph) => padded(call, graph, "reflect", 0),
  pad: (call, graph) => padded(call, graph, call.text(2, "constant"), call.has(3) ? call.number(3) : 0),
  gather,
  "scatter.src": scatter("none"),
  scatter_add: scatter("add"),
  index_select: (call, graph) =>
    graph.make("Gather", [call.tensor(0), call.tensor(2)], { shape: call.shape, attributes: { axis: call.axis(1) } }),
  embedding: (call, graph) =>
    graph.make("Gather", [call.tensor(0), call.tensor(1)], { shape: call.shape, attributes: { axis: 0 } }),
  one_hot: oneHot,
  zeros: filled(() => 0),
  ones: filled(() => 1),
  full: filled((call) => call.number(1)),
  "arange.start_step": counted((call) => {
    const [start, end, step] = [call.number(0), call.number(1), call.number(2, 1)];
    return range(Math.ceil((end - start) / step), (i) => start + i * step);
  }),
  linspace: counted((call) => {
    const [start, end, steps] = [call.number(0), call.number(1), call.number(2)];
    return range(steps, (i) => start + (i * (end - start)) / Math.max(1, steps - 1));
  }),
  eye: counted((call) => {
    const side = call.number(0);
    return range(side * side, (i) => Number(i % (side + 1) === 0));
  }),
} as const satisfies Rules;
