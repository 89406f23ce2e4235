import type { OpName } from "../engine/dispatch.js";
import { noGrad } from "../engine/modes.js";
import { type RecordedStep, record } from "../engine/record.js";
import { scope } from "../engine/scope.js";
import { type Module, Parameter } from "../nn/module.js";
import { onDevice } from "../nn/parameter.js";
import { differentiableSteps } from "./differentiable.js";
import { operations } from "./operations.js";

/** What a model costs, and where. */
export interface Cost {
  /** All parameters and buffers, frozen ones included. */
  readonly parameters: number;
  readonly trainable: number;
  /** Multiply-adds of one forward pass as recorded: matrix products, linear layers, convolutions and attention. */
  readonly multiplyAdds: number;
  /** Those of them that backward goes through: not a teacher's, nor a frozen layer's next to the pictures. */
  readonly differentiable: number;
  /** By module path, every level: `encoder.blocks.0.attn`. */
  readonly modules: ReadonlyMap<string, { readonly parameters: number; readonly multiplyAdds: number }>;
}

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
  const counted = new Set(model.state().values()); // without what a model has and never uses
  const walk = (module: Module<never[], unknown>, path: readonly string[]): number => {
    const direct = Object.values(module).filter((value) => value instanceof Parameter && counted.has(value));
    const below = module.children().map(([key, child]) => walk(child, [...path, key]));
    const total = [...direct.map(({ size }) => size), ...below].reduce((a, b) => a + b, 0);
    at(path.join(".")).parameters += total;
    return total;
  };
  const parameters = walk(model, []);
  const trained = model.parameters().map(({ tensor }) => tensor);
  const isDifferentiable = differentiableSteps(
    steps,
    trained.map(({ id }) => id),
  );
  let [multiplyAdds, differentiable] = [0, 0];
  for (const [i, step] of steps.entries()) {
    const count = operations[step.op as OpName].multiplyAdds?.(step) ?? 0;
    multiplyAdds += count;
    if (isDifferentiable[i] === true) differentiable += count;
    if (count === 0) continue;
    const keys = step.module.slice(1).join(".").split("."); // the first one is the root's own name
    for (let depth = 1; depth <= keys.length; depth++) at(keys.slice(0, depth).join(".")).multiplyAdds += count;
  }
  at("").multiplyAdds = multiplyAdds;
  const trainable = trained.reduce((sum, { size }) => sum + size, 0);
  return { parameters, trainable, multiplyAdds, differentiable, modules };
}
