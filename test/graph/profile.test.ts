import { expect, test } from "vitest";
import type { Span } from "../../src/engine/record.js";
import { stepProfile } from "../../src/graph/profile.js";

function span(name: string, parent: number, from: number, to: number, more: Partial<Span> = {}): Span {
  const times = { beginSeconds: from, endSeconds: to };
  return { kind: "operation", name, parent, sequence: -1, ...times, bytes: 0, shapes: [], ...more };
}
const node = "autograd::engine::evaluate_function: AddmmBackward0";

/** A model with one layer, forward and backward, and an optimiser; the operation of the layer is a product inside another. */
const spans: Span[] = [
  span("Model", -1, 0, 5, { kind: "module" }),
  span("layer", 0, 1, 4, { kind: "module" }),
  span("aten::linear", 1, 1, 4, { sequence: 7, bytes: 100 }),
  span("aten::addmm", 2, 2, 4, { sequence: 7, bytes: 60, shapes: [[3], [2, 5], [5, 3]] }),
  span(node, -1, 5, 9, { kind: "backward", sequence: 7 }),
  span("aten::mm", 4, 6, 9, {
    bytes: 40,
    shapes: [
      [5, 2],
      [2, 3],
    ],
  }),
  span("aten::_fused_adamw_", -1, 9, 11, { bytes: 8 }),
  span("aten::empty_strided", 6, 9, 9.5, { bytes: 50 }),
];
const profile = stepProfile(spans, 12);

test("a step's time is its phases', what lies between operations with the rest", () => {
  expect(profile.phases).toEqual({ forward: 5, backward: 4, other: 3 });
});

test("a module has all that it and what lies below it took, forward and backward", () => {
  const [model, layer] = profile.modules;
  expect(model).toMatchObject({ path: "", seconds: 9, forwardSeconds: 5, backwardSeconds: 4 });
  expect(layer).toMatchObject({ path: "layer", seconds: 7, forwardSeconds: 3, backwardSeconds: 4 });
});

test("an operation has its own time; bytes and products are counted once, memory that is only reserved not at all", () => {
  const named = (name: string) => profile.operations.find((one) => one.name === name);
  expect(named("aten::linear")).toMatchObject({ calls: 1, seconds: 1, bytes: 0, multiplyAdds: 0 });
  expect(named("aten::addmm")).toMatchObject({ seconds: 2, bytes: 60, multiplyAdds: 2 * 5 * 3 });
  expect(named("aten::mm")).toMatchObject({ seconds: 3, bytes: 40, multiplyAdds: 5 * 2 * 3 });
  expect(named("aten::_fused_adamw_")).toMatchObject({ seconds: 1.5, bytes: 8 });
  expect(named("aten::empty_strided")).toMatchObject({ bytes: 0 });
  expect(named("AddmmBackward0")).toMatchObject({ seconds: 1 });
  expect(profile.operations[0]?.seconds).toBe(3);
});

test("the flame graph nests phases, modules, operations, and no box is wider than what is around it", () => {
  const [forward, backward, other] = profile.flame.children;
  expect(forward).toMatchObject({ name: "forward", seconds: 5, children: [{ name: "Model" }] });
  expect(backward?.children[0]?.children[0]).toMatchObject({ name: "layer", seconds: 4 });
  expect(other).toMatchObject({
    name: "other",
    seconds: 2,
    children: [{ name: "_fused_adamw_" }, { name: "empty_strided" }],
  });
  const check = ({ seconds, children }: typeof profile.flame): void => {
    expect(children.reduce((sum, child) => sum + child.seconds, 0)).toBeLessThanOrEqual(seconds);
    for (const child of children) check(child);
  };
  check(profile.flame);
});

test("attention's products are those of q, k and v", () => {
  const shape = [2, 3, 50, 64];
  const operation = (name: string, shapes: number[][]) =>
    stepProfile([span(name, -1, 0, 1, { shapes })], 1).operations[0];
  const fused = "aten::_scaled_dot_product_flash_attention_for_cpu";
  expect(operation(fused, [shape, shape, shape])?.multiplyAdds).toBe(2 * 6 * 50 * 50 * 64);
  expect(operation(`${fused}_backward`, [shape, shape, shape, shape])?.multiplyAdds).toBe(5 * 6 * 50 * 50 * 64);
});

test("a kernel's node of autograd has twice its products, or five halves; one that left them to libtorch has none", () => {
  const kernel = (name: string, shapes: number[][], inner: Span[] = []) => {
    const node = `torch::autograd::CppNode<lacuna::kernels::(anonymous namespace)::${name}Backward>`;
    const list = [
      span(`lacuna::${name}`, -1, 0, 1, { sequence: 3, shapes }),
      span(`autograd::engine::evaluate_function: ${node}`, -1, 1, 4, { kind: "backward", sequence: 3 }),
      span(node, 1, 1, 4, { kind: "backward", sequence: 3 }),
      ...inner,
    ];
    const { operations } = stepProfile(list, 4);
    const of = (wanted: string) => operations.find((one) => one.name === wanted)?.multiplyAdds;
    return [of(`lacuna::${name}`), of(`lacuna::${name}Backward`)];
  };
  const linear = [[4, 5, 8], [16, 8], [16]];
  expect(kernel("linear", linear)).toEqual([20 * 8 * 16, 2 * 20 * 8 * 16]);
  expect(kernel("attention", [[2, 7, 3 * 32]])).toEqual([2 * 2 * 7 * 7 * 32, 5 * 2 * 7 * 7 * 32]);
  const mm = (parent: number) =>
    span("aten::mm", parent, 0, 1, {
      shapes: [
        [20, 8],
        [8, 16],
      ],
    });
  expect(kernel("linear", linear, [mm(0), mm(2)])).toEqual([0, 0]);
});

test("an operation of several parts counts for each of them, forward and backward, and has the attention between them itself", () => {
  const product = [
    [28, 32],
    [32, 96],
  ];
  const list = [
    span("mae", -1, 0, 5, { kind: "module" }),
    span("blocks.0", 0, 0, 5, { kind: "module" }),
    span("lacuna::block", 1, 0, 5, { sequence: 3, shapes: [[4, 7, 32]] }),
    span("attn", 2, 1, 4, { kind: "module" }),
    span("aten::mm", 3, 1, 3, { shapes: product }),
    span("torch::autograd::CppNode<lacuna::kernels::(anonymous namespace)::BlockBackward>", -1, 5, 9, {
      kind: "backward",
      sequence: 3,
    }),
    span("attn", 5, 6, 8, { kind: "module" }),
    span("aten::mm", 6, 6, 8, { shapes: product }),
  ];
  const { modules, operations } = stepProfile(list, 9);
  const attn = modules.find(({ path }) => path === "blocks.0.attn");
  expect(attn).toMatchObject({ forwardSeconds: 3, backwardSeconds: 2, multiplyAdds: 2 * 28 * 32 * 96 });
  expect(modules.find(({ path }) => path === "blocks.0")).toMatchObject({ forwardSeconds: 5, backwardSeconds: 4 });
  const own = (name: string) => operations.find((one) => one.name === name)?.multiplyAdds;
  expect(own("lacuna::block")).toBe(2 * 28 * 7 * 32);
  expect(own("lacuna::BlockBackward")).toBe(5 * 28 * 7 * 32);
});
