import { type DType, dtypeBytes } from "../engine/dtype.js";
import { CheckpointError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { outside, scope } from "../engine/scope.js";
import { ConfigError } from "../errors.js";
import { zeros } from "../tensor/creation.js";
import { Tensor } from "../tensor/tensor.js";

/** A parameter and the name under which checkpoints know it. */
export interface NamedTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

/** Parameters that share their decay and their part of the learning rate. */
export interface ParameterGroup {
  readonly tensors: readonly NamedTensor[];
  readonly weightDecay: number;
  /** Factor on the learning rate given to `step` (layer-wise decay); 1 for plain training. */
  readonly learningRateScale: number;
  /** Takes the peak rate at every step, whatever the schedule says (SimSiam's predictor). */
  readonly constantRate?: boolean;
}

/** Where the schedules stand at a step. */
export interface Rates {
  readonly learningRate: number;
  /** For groups whose rate is constant; the learning rate if absent. */
  readonly peakRate?: number;
  /** Factor on every group's weight decay; 1 if absent. */
  readonly decayScale?: number;
}

/** A tensor as a checkpoint file holds it; `dtype` in safetensors' spelling. A function reads its bytes when its turn has come. */
export interface RawEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array | (() => Uint8Array);
}
export type StateEntry = Tensor | RawEntry;

/** What a training loop asks of an optimiser. Gradients are read from `tensor.grad`. */
export interface Optimizer {
  /** Steps taken so far, those before a `load` included. */
  readonly stepCount: number;
  /** Changes every parameter that has a gradient; the others are passed over, their state too, as in PyTorch. */
  step(rates: number | Rates): void;
  /** Sets every gradient to none. */
  zeroGrad(): void;
  /** The live state tensors by key (`exp_avg/<parameter>`, …): write them, do not dispose them. */
  state(): ReadonlyMap<string, Tensor>;
  /** Copies a saved state in. @throws CheckpointError where keys, shapes or types differ; nothing is changed then */
  load(entries: ReadonlyMap<string, StateEntry>): void;
  /** Frees the state. */
  close(): void;
}

/** What a group takes at a step. */
export interface GroupSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
}

function settingsOf(
  group: ParameterGroup,
  { learningRate, peakRate = learningRate, decayScale = 1 }: Rates,
): GroupSettings {
  const { learningRateScale, constantRate = false, weightDecay } = group;
  return {
    learningRate: (constantRate ? peakRate : learningRate) * learningRateScale,
    weightDecay: weightDecay * decayScale,
  };
}

const STEP_KEY = "step";

/** Bookkeeping that all optimisers share: named state, strict loading, the count of steps. */
export abstract class StatefulOptimizer implements Optimizer {
  readonly groups: readonly ParameterGroup[];
  readonly #slots = new Map<string, Tensor>();

  constructor(groups: readonly ParameterGroup[]) {
    this.groups = groups;
    refuseRepeated(groups);
    this.#slots.set(
      STEP_KEY,
      outside(() => zeros([], { dtype: "int64" })),
    );
  }

  /** State beside a parameter: zeros, of the parameter's shape, type and device unless said otherwise. */
  protected slot(
    kind: string,
    { name, tensor }: NamedTensor,
    like: { shape?: readonly number[]; dtype?: DType } = {},
  ): Tensor {
    const made = outside(() =>
      zeros(like.shape ?? tensor.shape, { dtype: like.dtype ?? tensor.dtype, device: tensor.device }),
    );
    this.#slots.set(`${kind}/${name}`, made);
    return made;
  }

  /** Updates the parameters of all groups; called inside a scope, without gradients being recorded. */
  protected abstract update(settings: readonly GroupSettings[]): void;

  step(rates: number | Rates): void {
    const settings = this.groups.map((group) =>
      settingsOf(group, typeof rates === "number" ? { learningRate: rates } : rates),
    );
    scope(() =>
      noGrad(() => {
        this.update(settings);
        this.#count().add_(1);
      }),
    );
  }

  get stepCount(): number {
    return this.#count().item();
  }

  #count(): Tensor {
    return this.#slots.get(STEP_KEY) as Tensor;
  }

  zeroGrad(): void {
    for (const { tensors } of this.groups) for (const { tensor } of tensors) tensor.grad = undefined;
  }

  state(): ReadonlyMap<string, Tensor> {
    return this.#slots;
  }

  load(entries: ReadonlyMap<string, StateEntry>): void {
    checkEntries(this.#slots, entries);
    scope(() => noGrad(() => this.#copy(entries)));
  }

  #copy(entries: ReadonlyMap<string, StateEntry>): void {
    for (const [key, entry] of entries) {
      const target = this.#slots.get(key) as Tensor;
      if (entry instanceof Tensor) target.copy_(entry);
      else target.setBytes(typeof entry.data === "function" ? entry.data() : entry.data);
    }
  }

  close(): void {
    for (const tensor of this.#slots.values()) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Names are the keys of the state: two parameters of one name would share it. */
function refuseRepeated(groups: readonly ParameterGroup[]): void {
  const seen = new Set<string>();
  for (const { name } of groups.flatMap((group) => group.tensors)) {
    if (seen.has(name)) {
      throw new ConfigError({
        problem: `the parameter ${name} was given twice.`,
        code: "repeated-parameter",
        path: name,
        expected: "every parameter in one group",
        actual: name,
      });
    }
    seen.add(name);
  }
}

/** The element types of a state and safetensors' words for them. */
const words: Partial<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
};

function checkEntries(slots: ReadonlyMap<string, Tensor>, entries: ReadonlyMap<string, StateEntry>): void {
  const missing = [...slots.keys()].filter((key) => !entries.has(key));
  const unexpected = [...entries.keys()].filter((key) => !slots.has(key));
  if (missing.length + unexpected.length > 0) {
    throw new CheckpointError({
      problem: `the optimiser's state does not fit: ${missing.length} missing${listed(missing)}, ${unexpected.length} unexpected${listed(unexpected)}.`,
      code: "optimizer-keys",
      expected: missing,
      actual: unexpected,
      remedy: "Resume with the model and the optimiser that the run was started with.",
    });
  }
  for (const [key, slot] of slots) checkEntry(key, slot, entries.get(key) as StateEntry);
}

function checkEntry(key: string, slot: Tensor, entry: StateEntry): void {
  const expected = `${slot.dtype} [${slot.shape.join(" ")}]`;
  let actual = describe(slot, entry);
  if (expected === actual) {
    if (entry instanceof Tensor || typeof entry.data === "function") return; // a file's sizes were checked when it was opened
    if (entry.data.byteLength === slot.size * dtypeBytes(slot.dtype)) return;
    actual += ` in ${entry.data.byteLength} bytes`;
  }
  throw new CheckpointError({
    problem: `the optimiser's state expects ${expected}, got ${actual}.`,
    code: "optimizer-shape",
    path: key,
    expected,
    actual,
    remedy: "Resume with the model and the optimiser that the run was started with.",
  });
}

function describe(slot: Tensor, entry: StateEntry): string {
  const type = entry.dtype === words[slot.dtype] ? slot.dtype : entry.dtype;
  return `${type} [${entry.shape.join(" ")}]`;
}

function listed(keys: readonly string[]): string {
  if (keys.length === 0) return "";
  return ` (${keys.slice(0, 6).join(", ")}${keys.length > 6 ? `, and ${keys.length - 6} more` : ""})`;
}
