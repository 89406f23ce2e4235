import { fixed } from "../../dimension.js";
import type { Graph, GraphValue } from "../graph.js";
import type { Call, Rule, Rules } from "./call.js";

/** Operands in one type. */
function alike(call: Call, graph: Graph, values: readonly GraphValue[]): GraphValue[] {
  const wanted = graph.typeOf(call.out, values);
  return values.map((value) => graph.cast(value, wanted));
}

const product: Rule = (call, graph) =>
  graph.make("MatMul", alike(call, graph, [call.tensor(0), call.tensor(1)]), { shape: call.shape });

/** x [… I], weight [O I] -> [… O] */
const linear: Rule = (call, graph) => {
  const [x, weight, bias] = [call.tensor(0), call.tensor(1), call.maybe(2)];
  const wanted = graph.typeOf(call.out, [x, weight]);
  const made = { shape: call.shape, type: wanted };
  const whole = graph.make("MatMul", [graph.cast(x, wanted), graph.matrix(weight)], made);
  return bias === null ? whole : graph.make("Add", [whole, graph.cast(bias, wanted)], made);
};

/** beta · c + alpha · a b */
const addProduct: Rule = (call, graph) => {
  const [c, a, b] = alike(call, graph, [call.tensor(0), call.tensor(1), call.tensor(2)]) as [
    GraphValue,
    GraphValue,
    GraphValue,
  ];
  const scaled = (value: GraphValue, factor: number): GraphValue =>
    factor === 1 ? value : graph.make("Mul", [value, graph.scalar(factor, value.type)], { shape: value.shape });
  const whole = scaled(graph.make("MatMul", [a, b], { shape: call.shape }), call.number(4, 1));
  return graph.make("Add", [whole, scaled(c, call.number(3, 1))], { shape: call.shape });
};

/** softmax(q kᵀ s + mask) v, in plain products: what runtimes without an attention kernel can run, and others fuse. */
const attention: Rule = (call, graph) => {
  if (call.number(4, 0) !== 0) throw call.refuse("dropout", "Call setTraining(false) first.");
  if (call.flag(5)) throw call.refuse("a causal mask", "Hand the mask in as a tensor.");
  if (call.flag(7)) throw call.refuse("grouped queries", "Repeat keys and values.");
  const [q, k, v] = alike(call, graph, [call.tensor(0), call.tensor(1), call.tensor(2)]) as [
    GraphValue,
    GraphValue,
    GraphValue,
  ];
  const scale = call.has(6) ? call.number(6) : call.side(q, -1) ** -0.5;
  const rank = k.shape.length;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  const turned = graph.make("Transpose", [k], {
    shape: perm.map((axis) => k.shape[axis] ?? fixed(1)),
    attributes: { perm },
  });
  const scores = { shape: [...q.shape.slice(0, -1), k.shape.at(-2) ?? fixed(1)] };
  const scaled = graph.make("Mul", [q, graph.scalar(scale, q.type)], { shape: q.shape });
  const plain = graph.make("MatMul", [scaled, turned], scores);
  const mask = call.maybe(3);
  const masked = mask === null ? plain : masking(graph, plain, mask);
  const shares = graph.make("Softmax", [masked], { ...scores, attributes: { axis: -1 } });
  return graph.make("MatMul", [shares, v], { shape: call.shape });
};

/** A mask of numbers is added; of a mask of truths the false ones are left out. */
function masking(graph: Graph, scores: GraphValue, mask: GraphValue): GraphValue {
  if (mask.type !== "bool") return graph.make("Add", [scores, graph.cast(mask, scores.type)], { shape: scores.shape });
  const never = graph.scalar(Number.NEGATIVE_INFINITY, scores.type);
  return graph.make("Where", [mask, scores, never], { shape: scores.shape, type: scores.type });
}

const layerNorm: Rule = (call, graph) => {
  const axes = call.numbers(1);
  const sides = axes.length;
  const weight = call.maybe(2);
  const x = graph.cast(call.tensor(0), graph.typeOf(call.out, [call.tensor(0), ...(weight === null ? [] : [weight])]));
  const scale = weight ?? graph.filled(1, axes, x.type);
  const attributes = { axis: -sides, epsilon: { float: call.number(4, 1e-5) } };
  const bias = call.maybe(3);
  const inputs = bias === null ? [x, scale] : [x, scale, bias];
  if (call.step.outputs.length === 1)
    return graph.make("LayerNormalization", inputs, { shape: call.shape, attributes });
  const made = call.step.outputs.map(({ shape }) => ({ shape, type: x.type }));
  return graph.makeSeveral("LayerNormalization", inputs, made, attributes);
};

const batchNorm: Rule = (call, graph) => {
  if (call.flag(5)) throw call.refuse("statistics of the batch", "Call setTraining(false) first.");
  const x = call.tensor(0);
  const channels = call.side(x, 1);
  const inputs = [1, 2, 3, 4].map((i) =>
    graph.cast(call.maybe(i) ?? graph.filled(i === 1 || i === 4 ? 1 : 0, [channels], x.type), x.type),
  );
  const attributes = { epsilon: { float: call.number(7) } };
  return graph.make("BatchNormalization", [x, ...inputs], { shape: call.shape, attributes });
};

/** One number stands for all spatial dimensions. */
function pairOf(values: readonly number[], otherwise: number): number[] {
  if (values.length === 0) return [otherwise, otherwise];
  return values.length === 1 ? [values[0] ?? 0, values[0] ?? 0] : [...values];
}

const convolution: Rule = (call, graph) => {
  const bias = call.maybe(2);
  const inputs = alike(call, graph, [call.tensor(0), call.tensor(1), ...(bias === null ? [] : [bias])]);
  if (call.shape.length !== 4) throw call.refuse("an image without a batch", "Add the dimension with unsqueeze.");
  const padding = pairOf(call.numbers(4), 0);
  const attributes = {
    strides: pairOf(call.numbers(3), 1),
    pads: [...padding, ...padding],
    dilations: pairOf(call.numbers(5), 1),
    group: call.number(6, 1),
  };
  return graph.make("Conv", inputs, { shape: call.shape, attributes });
};

const einsum: Rule = (call, graph) =>
  graph.make("Einsum", alike(call, graph, call.tensors(1)), {
    shape: call.shape,
    attributes: { equation: call.text(0, "") },
  });

function pool(type: string, options: (call: Call) => Record<string, number>): Rule {
  return (call, graph) => {
    const kernel = pairOf(call.numbers(1), 1);
    const strides = call.numbers(2);
    const padding = pairOf(call.numbers(3), 0);
    const attributes = {
      kernel_shape: kernel,
      strides: strides.length === 0 ? kernel : pairOf(strides, 1),
      pads: [...padding, ...padding],
      ...options(call),
    };
    return graph.make(type, [call.tensor(0)], { shape: call.shape, attributes });
  };
}

const averagePool = pool("AveragePool", (call) => {
  if (call.has(6)) throw call.refuse("a divisor of its own", "Leave divisor_override out and multiply.");
  return { ceil_mode: Number(call.flag(4)), count_include_pad: Number(call.flag(5, true)) };
});

const maxPool: Rule = (call, graph) => {
  if (call.numbers(4).some((d) => d !== 1)) throw call.refuse("a dilated pool", "Pool without dilation.");
  return pool("MaxPool", () => ({ ceil_mode: Number(call.flag(5)) }))(call, graph);
};

/** input [… H W] -> [… h w] where h and w divide H and W. */
const adaptivePool: Rule = (call, graph) => {
  const x = call.tensor(0);
  const size = pairOf(call.numbers(1), 1);
  const sides = [-2, -1].map((axis) => call.side(x, axis));
  const kernel = sides.map((side, i) => side / (size[i] ?? 1));
  if (!kernel.every(Number.isInteger))
    throw call.refuse(`${sides} does not divide into ${size}`, "Choose a size that divides.");
  return graph.make("AveragePool", [x], { shape: call.shape, attributes: { kernel_shape: kernel, strides: kernel } });
};

/** Pixels are taken at their centres, as in PyTorch. */
function resize(mode: "cubic" | "linear"): Rule {
  return (call, graph) => {
    const x = call.tensor(0);
    const align = call.flag(2);
    const factors = call.numbers(3); // PyTorch samples by the factors where they are given, not by the sizes
    const scaled = factors.length > 0;
    const target = scaled ? graph.list([1, 1, ...factors], "float32") : graph.integers(call.shape);
    const attributes = {
      mode,
      coordinate_transformation_mode: align ? "align_corners" : "half_pixel",
      cubic_coeff_a: { float: -0.75 },
    };
    return graph.make("Resize", scaled ? [x, null, target] : [x, null, null, target], {
      shape: call.shape,
      attributes,
    });
  };
}

export const matrix = {
  matmul: product,
  bmm: product,
  linear,
  addmm: addProduct,
  baddbmm: addProduct,
  scaled_dot_product_attention: attention,
  layer_norm: layerNorm,
  native_layer_norm: layerNorm,
  batch_norm: batchNorm,
  conv2d: convolution,
  einsum,
  avg_pool2d: averagePool,
  max_pool2d: maxPool,
  adaptive_avg_pool2d: adaptivePool,
  "upsample_bicubic2d.vec": resize("cubic"),
  "upsample_bilinear2d.vec": resize("linear"),
} as const satisfies Rules;
