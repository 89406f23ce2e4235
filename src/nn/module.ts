import { gradEnabled, noGrad } from "../engine/modes.js";
import { areModulesNamed, isRecording, withinModule } from "../engine/record.js";
import { scope } from "../engine/scope.js";
import { LacunaError } from "../errors.js";
import { checkpoint } from "../tensor/grad.js";
import type { Rng } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { Buffer, Parameter } from "./parameter.js";

/** `patchEmbed` -> `patch_embed`: our names and the published checkpoints' differ by this alone. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Modules whose `forward` is running, outermost first. */
const running: Module<never[], unknown>[] = [];

let watcher: ((result: unknown) => void) | undefined;

/** Runs `body` and shows `watch` what every module gives back, innermost first; what it throws names the module. */
export function watchOutputs<R>(watch: (result: unknown) => void, body: () => R): R {
  watcher = watch;
  try {
    return body();
  } finally {
    watcher = undefined;
  }
}

/** Whether what every module gives back is being looked at, so that none may leave the modules inside it out. */
export function isWatched(): boolean {
  return watcher !== undefined;
}

/** Which module threw, so that its parent can put its key in front of the error's path. */
const thrower = new WeakMap<LacunaError, AnyModule>();

type AnyModule = Module<never[], unknown>;
/** Any part of a model, whatever it is called with. */
export type Part = AnyModule;

/**
 * A part of a model. Fields that are parameters, modules or arrays of modules are its state, under their names in
 * snake case. `call` runs `forward` in a memory scope: what `forward` does not return is freed on the way out, so
 * authors free nothing. State written inside `forward` changes a buffer in place.
 */
export abstract class Module<A extends unknown[] = [Tensor], R = Tensor> {
  /** Whether dropout, drop path and batch statistics are on. */
  training = false;

  protected abstract forward(...args: A): R;

  call(...args: A): R {
    const key = areModulesNamed() ? keyIn(running.at(-1), this as AnyModule) : "";
    running.push(this as AnyModule);
    try {
      return scope(() => {
        const result = withinModule(key, () => this.forward(...args));
        watcher?.(result);
        return result;
      });
    } catch (error) {
      throw located(error, this as AnyModule);
    } finally {
      running.pop();
    }
  }

  /** Direct children with their keys in snake case. A field `blocks: Block[]` gives `blocks.0`, `blocks.1`, … */
  children(): [string, AnyModule][] {
    return Object.entries(this).flatMap(([name, value]): [string, AnyModule][] => {
      if (value instanceof Module) return [[snakeCase(name), value]];
      if (!Array.isArray(value)) return [];
      return value.flatMap((item, i): [string, AnyModule][] =>
        item instanceof Module ? [[`${snakeCase(name)}.${i}`, item]] : [],
      );
    });
  }

  /** Everything that a checkpoint holds: parameters and buffers by their published names, in order of definition. */
  state(prefix = ""): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Parameter) found.set(prefix + snakeCase(name), value);
    }
    for (const [key, child] of this.children()) {
      for (const [name, value] of child.state(`${prefix}${key}.`)) found.set(name, value);
    }
    return found;
  }

  /** The parameters that training changes. */
  parameters(): { name: string; tensor: Parameter }[] {
    return [...this.state()].flatMap(([name, tensor]) => (tensor.requiresGrad ? [{ name, tensor }] : []));
  }

  /** Sets the mode of this module and all below. */
  setTraining(on: boolean): void {
    this.training = on;
    for (const [, child] of this.children()) child.setTraining(on);
  }

  /** Gives every parameter its first values, keyed by its name: the same whatever the order of construction. */
  initialize(rng: Rng): void {
    for (const [name, parameter] of this.state()) {
      if (parameter.device !== "meta")
        noGrad(() => scope(() => void parameter.copy_(parameter.initializer(parameter.shape, rng.fork(name)))));
    }
  }

  /** Frees every parameter and buffer. */
  close(): void {
    for (const parameter of this.state().values()) parameter.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What the links of a chain are given besides; each may be absent. */
type Others = readonly (Tensor | undefined)[];

/** A list of modules called one after the other; their keys are their positions. */
export class Chain<M extends Module<[Tensor, ...Others]>> extends Module<[Tensor, ...Others]> {
  readonly links: readonly M[];
  /** Whether each link's activations are computed again in backward instead of kept (tensor/grad.ts). */
  checkpointing = false;

  constructor(links: readonly M[]) {
    super();
    this.links = links;
  }

  override children(): [string, AnyModule][] {
    return this.links.map((link, i) => [String(i), link as unknown as AnyModule]);
  }

  /** x [B …] -> [B …], through every link in turn; each is given the others too */
  protected forward(x: Tensor, ...others: Others): Tensor {
    const isForgotten = !gradEnabled() && !isRecording(); // nobody asks for what lies between
    return this.links.reduce((value, link) => {
      const next = this.run(link, value, others);
      if (isForgotten && value !== x && next !== value) value.dispose();
      return next;
    }, x);
  }

  /** x [B …] -> what every link gives in turn, [B …] each, the last one's last; each is given the others too */
  outputs(x: Tensor, ...others: Others): Tensor[] {
    let value = x;
    return this.links.map((link) => (value = this.run(link, value, others)));
  }

  private run(link: M, value: Tensor, others: Others): Tensor {
    return this.checkpointing && gradEnabled()
      ? checkpoint((input, ...given) => link.call(input, ...given), value, ...others)
      : link.call(value, ...others);
  }
}

/** The child's path below its caller (which may call a grandchild directly), or the name of a root. */
function keyIn(parent: AnyModule | undefined, child: AnyModule): string {
  const name = child.constructor.name;
  const root = name.charAt(0).toLowerCase() + name.slice(1);
  return (parent === undefined ? undefined : pathTo(parent, child)) ?? root;
}

function pathTo(parent: AnyModule, child: AnyModule): string | undefined {
  for (const [key, module] of parent.children()) {
    if (module === child) return key;
    const below = pathTo(module, child);
    if (below !== undefined) return `${key}.${below}`;
  }
  return undefined;
}

function located(error: unknown, module: AnyModule): unknown {
  if (!(error instanceof LacunaError)) return error;
  const parent = running.at(-2);
  if (thrower.get(error) === module) return error;
  thrower.set(error, module);
  return error.within(keyIn(parent, module));
}

export { Buffer, Parameter };
