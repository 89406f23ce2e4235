import type { OpName } from "../engine/dispatch.js";
import { noGrad } from "../engine/modes.js";
import { type RecordedStep, record } from "../engine/record.js";
import { scope } from "../engine/scope.js";
import { type Module, Parameter } from "../nn/module.js";
import { onDevice } from "../nn/parameter.js";

/** What a model costs, and where. */
export interface Cost {
  /** All parameters and buffers, frozen ones included. */
  readonly parameters: number;
  readonly trainable: number;
  /** Multiply-adds of one forward pass as recorded: matrix products, linear layers, convolutions and attention. */
  readonly multiplyAdds: number;
  /** By module path, every level: `encoder.blocks.0.attn`. */
  readonly modules: ReadonlyMap<string, { readonly parameters: number; readonly multiplyAdds: number }>;
}

type Rule = (step: RecordedStep) => number;

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);
const shape = (step: RecordedStep, input: number): readonly number[] => step.inputs[input]?.shape ?? [];
const output = (step: RecordedStep): number => product(step.outputs[0]?.shape ?? []);

/** [… M K] × [… K N]: each output element takes K multiply-adds. */
const matrixProduct: Rule = (step) => output(step) * (shape(step, 0).at(-1) ?? 0);

/** Operations that multiply matrices; all others count nothing, as is usual (element-wise work is bound by memory). */
const rules: Partial<Record<OpName, Rule>> = {
  matmul: matrixProduct,
  bmm: matrixProduct,
  linear: matrixProduct,
  baddbmm: (step) => output(step) * (shape(step, 1).at(-1) ?? 0),
  addmm: (step) => output(step) * (shape(step, 1).at(-1) ?? 0),
  conv2d: (step) => output(step) * product(shape(step, 1).slice(1)), // weight [O C/groups k k]
  scaled_dot_product_attention: (step) => 2 * product(shape(step, 0)) * (shape(step, 1).at(-2) ?? 0), // q kᵀ and the sum over v
};

/**
 * Parameters and multiply-adds of a model without allocating it: `build` runs on the `meta` device and so does one
 * forward pass, which is recorded at the door.
 * @param build makes the module; @param run calls it, with inputs on `meta`
 */
export function cost<M extends Module<never[], unknown>>(build: () => M, run: (model: M) => unknown): Cost {
  const model = onDevice("meta", build);
  try {
    const { recording } = noGrad(() => record(() => scope(() => void run(model))));
    return tally(model, recording.steps);
  } finally {
    model.close();
  }
}

function tally(model: Module<never[], unknown>, steps: readonly RecordedStep[]): Cost {
  const modules = new Map<string, { parameters: number; multiplyAdds: number }>();
  const at = (path: string): { parameters: number; multiplyAdds: number } => {
    const found = modules.get(path) ?? { parameters: 0, multiplyAdds: 0 };
    modules.set(path, found);
    return found;
  };
  const walk = (module: Module<never[], unknown>, path: readonly string[]): number => {
    const direct = Object.values(module).filter((value) => value instanceof Parameter);
    const below = module.children().map(([key, child]) => walk(child, [...path, key]));
    const total = [...direct.map(({ size }) => size), ...below].reduce((a, b) => a + b, 0);
    at(path.join(".")).parameters += total;
    return total;
  };
  const parameters = walk(model, []);
  let multiplyAdds = 0;
  for (const step of steps) {
    const count = rules[step.op as OpName]?.(step) ?? 0;
    multiplyAdds += count;
    if (count === 0) continue;
    const keys = step.module.slice(1).join(".").split("."); // the first one is the root's own name
    for (let depth = 1; depth <= keys.length; depth++) at(keys.slice(0, depth).join(".")).multiplyAdds += count;
  }
  at("").multiplyAdds = multiplyAdds;
  const trainable = model.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
  return { parameters, trainable, multiplyAdds, modules };
}
