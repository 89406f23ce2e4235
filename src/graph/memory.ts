import type { OpName } from "../engine/dispatch.js";
import { type DType, dtypeBytes } from "../engine/dtype.js";
import type { RecordedStep, RecordedTensor } from "../engine/record.js";
import { type Operation, operations } from "./operations.js";

export interface MemorySettings {
  /** In which matrix products run; the rest stays in float32 (autocast). */
  readonly precision: "float32" | "bfloat16";
  /** Ids of the parameters, and whether training changes them. */
  readonly parameters: ReadonlyMap<number, boolean>;
  /** Whether gradients of earlier micro-batches are there already. */
  readonly accumulates?: boolean;
  /** Modules whose activations are computed again in backward, by a step's path. */
  readonly segmentOf?: (path: readonly string[]) => string | undefined;
}

/** Bytes of one step, over parameters, optimiser state and what a process needs anyway. */
export interface StepMemory {
  /** What lies between the forward pass and backward: activations that autograd keeps, and lower-precision weights. */
  readonly keptBytes: number;
  /** Gradients of all trainable parameters. */
  readonly gradientBytes: number;
  /** The most at once, gradients included. */
  readonly peakBytes: number;
}

/** Memory that tensors share: a tensor and its views. */
interface Storage {
  readonly bytes: number;
  holders: number;
}

/** A step with the storages it makes, keeps and lets go. */
interface Planned {
  readonly step: RecordedStep;
  readonly operation: Operation;
  readonly made: readonly Storage[];
  /** Kept for backward: of what others see, and with it what never shows outside of the operation. */
  readonly given: readonly Storage[];
  readonly kept: readonly Storage[];
  /** Inside the kernel only: copies of what does not lie in order. */
  readonly passing: number;
  readonly differentiable: boolean;
  /** Storages that no scope holds after this step. */
  readonly released: Storage[];
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);
const isProduct = ({ kind }: Operation): boolean => ["product", "attention", "convolution"].includes(kind);

/**
 * The memory of a training step, from a recording of its forward pass: what autograd keeps by the table of operations, and
 * when scopes let go of the rest; then backward, step by step in reverse. Nothing is run.
 */
export function stepMemory(steps: readonly RecordedStep[], settings: MemorySettings): StepMemory {
  const planned = new Planner(settings).plan(steps);
  const run = new Rehearsal(planned, settings);
  run.forward(0, steps.length);
  const keptBytes = run.live;
  run.backward();
  return { keptBytes, gradientBytes: run.gradientBytes, peakBytes: run.peak };
}

/** Works out types, storages and what is kept. */
class Planner {
  readonly #types = new Map<number, DType>();
  readonly #storages = new Map<number, Storage>();
  readonly #differentiable = new Set<number>();
  readonly #lowered = new Map<number, Storage>();

  constructor(private readonly settings: MemorySettings) {
    for (const [id, trainable] of settings.parameters) if (trainable) this.#differentiable.add(id);
  }

  plan(steps: readonly RecordedStep[]): Planned[] {
    const planned = steps.map((step) => this.#planStep(step));
    const last = lastSteps(steps);
    for (const [storage, index] of this.#lastOfStorages(last)) planned[index]?.released.push(storage);
    return planned;
  }

  /** A storage goes when the last of its tensors has gone. */
  #lastOfStorages(last: ReadonlyMap<number, number>): Map<Storage, number> {
    const found = new Map<Storage, number>();
    for (const [id, index] of last) {
      const storage = this.#storages.get(id);
      if (storage !== undefined) found.set(storage, Math.max(found.get(storage) ?? 0, index));
    }
    return found;
  }

  #typeOf({ id, dtype }: RecordedTensor): DType {
    return this.#types.get(id) ?? (dtype as DType);
  }

  #planStep(step: RecordedStep): Planned {
    const operation = operations[step.op as OpName];
    const lower = this.settings.precision !== "float32";
    const isLow = lower && isProduct(operation);
    const type = isLow || (lower && operation.isLow) ? this.settings.precision : this.#widest(step);
    const isPassing = operation.isConstant !== true && step.isWithoutGradient !== true;
    const differentiable = isPassing && step.inputs.some(({ id }) => this.#differentiable.has(id));
    const made: Storage[] = [];
    for (const output of step.outputs) {
      const own = output.dtype === "float32" ? type : (output.dtype as DType);
      const source = step.inputs.find(({ storage }) => storage !== undefined && storage === output.storage);
      const isSame = source !== undefined && this.#typeOf(source) === own;
      const storage = isSame
        ? this.#storages.get(source.id)
        : { bytes: product(output.shape) * dtypeBytes(own), holders: 0 };
      if (!isSame && storage !== undefined) made.push(storage);
      if (storage !== undefined) this.#storages.set(output.id, storage);
      this.#types.set(output.id, own);
      if (differentiable && (own === "float32" || own === "bfloat16")) this.#differentiable.add(output.id);
    }
    const operands = step.inputs.map((input) => this.#operand(step, operation, input, isLow ? type : undefined));
    const given = differentiable ? this.#given(step, operation, operands) : [];
    const kept = differentiable ? [...given, ...noted(step, operation)] : [];
    const copies = operands.filter((one) => one.isCopy && !kept.includes(one.storage as Storage));
    const own = operation.inside?.(step).forwardBytes ?? 0;
    const passing = copies.reduce((sum, { storage }) => sum + (storage?.bytes ?? 0), own);
    return { step, operation, made, given, kept, passing, differentiable, released: [] };
  }

  /** The type in which an operation computes that is no product: the widest of its operands'. */
  #widest(step: RecordedStep): DType {
    if (step.op === "to.dtype") return step.outputs[0]?.dtype as DType;
    const own = step.inputs.filter(({ dtype }) => dtype === "float32").map((input) => this.#typeOf(input));
    return own.length > 0 && own.every((type) => type === "bfloat16") ? "bfloat16" : "float32";
  }

  /** An operand as the kernel takes it: cast to lower precision, or copied into order, where it has to be. */
  #operand(
    step: RecordedStep,
    operation: Operation,
    input: RecordedTensor,
    lower: DType | undefined,
  ): { storage: Storage | undefined; isCopy: boolean } {
    const isParameter = this.settings.parameters.has(input.id);
    const isRead = isParameter && operation.castsItself === true;
    const cast = !isRead && lower !== undefined && this.#typeOf(input) !== lower && input.dtype === "float32";
    const copied = operation.kind === "product" && step.op !== "linear" && input.shape.length > 2 && !input.contiguous;
    if (!cast && !copied) return { storage: this.#storages.get(input.id), isCopy: false };
    const bytes = product(input.shape) * dtypeBytes(lower ?? this.#typeOf(input));
    if (!isParameter) return { storage: { bytes, holders: 0 }, isCopy: true };
    const storage = this.#lowered.get(input.id) ?? { bytes, holders: 0 }; // autocast casts a weight once
    this.#lowered.set(input.id, storage);
    return { storage, isCopy: true };
  }

  #given(step: RecordedStep, { keeps }: Operation, operands: readonly { storage: Storage | undefined }[]): Storage[] {
    const needs = (i: number): boolean => this.#differentiable.has(step.inputs[i]?.id ?? 0);
    const isPair = keeps.length === 2 && keeps[0] === 0 && keeps[1] === 1 && step.inputs.length >= 2;
    const found = keeps.flatMap((keep) => {
      if (keep === "result") return this.#storages.get(step.outputs[0]?.id ?? 0) ?? [];
      if (isPair && !needs(1 - keep)) return []; // a factor is kept for the other's gradient
      return operands[keep]?.storage ?? [];
    });
    return [...new Set(found)];
  }
}

/** What an operation keeps that never shows: mean and deviation of rows, sums of attention's exponentials, a block's activations. */
function noted(step: RecordedStep, { kind, inside }: Operation): Storage[] {
  const { op, inputs, attributes } = step;
  if (inside !== undefined) return [{ bytes: inside(step).keptBytes, holders: 0 }];
  const shape = inputs[0]?.shape ?? [];
  const rows = product(shape.slice(0, -1));
  if (kind === "norm") return [{ bytes: 8 * rows, holders: 0 }];
  if (op === "lacuna::attention") return [{ bytes: 8 * rows * Number(attributes[1]), holders: 0 }]; // two numbers for each head
  return kind === "attention" ? [{ bytes: 4 * rows, holders: 0 }] : [];
}

/** The step after which no scope holds a tensor: the end of the innermost module call that holds all of its uses. */
function lastSteps(steps: readonly RecordedStep[]): Map<number, number> {
  const born = new Map<number, { index: number; depth: number }>();
  for (const [index, step] of steps.entries()) {
    for (const { id } of step.inputs) {
      const made = born.get(id);
      if (made === undefined) continue;
      const path = steps[made.index]?.module ?? [];
      made.depth = Math.min(made.depth, commonDepth(path, step.module));
    }
    for (const { id } of step.outputs) born.set(id, { index, depth: step.module.length });
  }
  const last = new Map<number, number>();
  for (const [id, { index, depth }] of born) {
    const path = steps[index]?.module ?? [];
    let end = index;
    while (end + 1 < steps.length && commonDepth(path, steps[end + 1]?.module ?? []) >= depth) end++;
    last.set(id, end);
  }
  return last;
}

function commonDepth(a: readonly string[], b: readonly string[]): number {
  let depth = 0;
  while (depth < a.length && depth < b.length && a[depth] === b[depth]) depth++;
  return depth;
}

/** Goes through a step of training, holding and releasing storages. */
class Rehearsal {
  live = 0;
  peak = 0;
  gradientBytes = 0;
  readonly #gradients = new Map<number, number>();
  readonly #segments: readonly (string | undefined)[];
  /** What each segment was given, kept until it is computed again. */
  readonly #inputs = new Map<string, Storage[]>();

  constructor(
    private readonly planned: readonly Planned[],
    private readonly settings: MemorySettings,
  ) {
    this.#segments = planned.map(({ step }) => settings.segmentOf?.(step.module));
    if (settings.accumulates === true)
      for (const { step } of planned) for (const input of step.inputs) this.#parameterGradient(input);
  }

  /** tensor/grad.ts keeps the graph around checkpointed segments until the last of them has run. */
  get #hasSegments(): boolean {
    return this.#inputs.size > 0;
  }

  #add(bytes: number): void {
    this.live += bytes;
    this.peak = Math.max(this.peak, this.live);
  }
  #hold(storage: Storage): void {
    if (storage.holders++ === 0) this.#add(storage.bytes);
  }
  #drop(storage: Storage): void {
    if (--storage.holders === 0) this.live -= storage.bytes;
  }

  /** @param again within a segment that backward computes again: only then is anything kept there */
  forward(from: number, to: number, again = false): void {
    const own = new Set<Storage>();
    for (let i = from; i < to; i++) {
      const { made, kept, passing, released } = this.planned[i] as Planned;
      const segment = this.#segments[i];
      for (const storage of made) {
        this.#hold(storage);
        own.add(storage);
      }
      this.peak = Math.max(this.peak, this.live + passing);
      if (segment === undefined || again) for (const storage of kept) this.#hold(storage);
      else if (segment !== this.#segments[i - 1]) this.#inputs.set(segment, this.#takenBy(i));
      for (const storage of released) {
        if (storage.holders === 0 || (again && !own.has(storage))) continue;
        this.#drop(storage);
        own.delete(storage);
      }
    }
    this.#escaped = own;
  }
  /** What the last forward pass made and did not let go. */
  #escaped: ReadonlySet<Storage> = new Set();

  /** What a segment's first step is given stays until backward. */
  #takenBy(index: number): Storage[] {
    const { given } = this.planned[index] as Planned;
    for (const storage of given) this.#hold(storage);
    return [...given];
  }

  backward(): void {
    for (let i = this.planned.length - 1; i >= 0; i--) {
      const segment = this.#segments[i];
      if (segment === undefined) {
        this.#backwardStep(this.planned[i] as Planned, false);
        continue;
      }
      let start = i;
      while (start > 0 && this.#segments[start - 1] === segment) start--;
      this.forward(start, i + 1, true);
      const escaped = this.#escaped;
      for (let k = i; k >= start; k--) this.#backwardStep(this.planned[k] as Planned, true);
      for (const storage of escaped) if (storage.holders > 0) this.#drop(storage);
      for (const storage of this.#inputs.get(segment) ?? []) this.#drop(storage);
      i = start;
    }
  }

  #backwardStep({ step, operation, kept, differentiable }: Planned, inSegment: boolean): void {
    if (!differentiable) return;
    this.peak = Math.max(this.peak, this.live + (operation.inside?.(step).backwardBytes ?? 0));
    const incoming = step.outputs.reduce((sum, { id }) => sum + (this.#gradients.get(id) ?? 0), 0);
    const passes = passesOn(step, operation);
    let before = 0;
    for (const input of step.inputs) {
      if (this.#parameterGradient(input)) continue;
      if (this.settings.parameters.has(input.id) || input.dtype !== "float32") continue;
      const bytes = passes ? (before++ === 0 ? incoming : 0) : this.#bytesOf(input, operation);
      if (!passes) this.#add(bytes);
      const held = this.#gradients.get(input.id);
      if (held === undefined) this.#gradients.set(input.id, bytes);
      else this.live -= bytes; // added to the one that is there
    }
    if (!passes || before === 0) this.live -= incoming;
    for (const { id } of step.outputs) this.#gradients.delete(id);
    if (inSegment || !this.#hasSegments) for (const storage of kept) if (storage.holders > 0) this.#drop(storage);
  }

  #bytesOf({ shape }: RecordedTensor, operation: Operation): number {
    const type = isProduct(operation) ? this.settings.precision : "float32";
    return product(shape) * dtypeBytes(type);
  }

  /** The first time a parameter's gradient appears it stays. @returns whether it is a trainable parameter */
  #parameterGradient({ id, shape }: RecordedTensor): boolean {
    if (this.settings.parameters.get(id) !== true) return false;
    if (this.#gradients.has(id)) return true;
    const bytes = 4 * product(shape);
    this.#gradients.set(id, bytes);
    this.gradientBytes += bytes;
    this.#add(bytes);
    return true;
  }
}

/** Whether the gradient of the result is that of the operand, as it is or seen in another shape. */
function passesOn({ op, inputs, outputs }: RecordedStep, { kind }: Operation): boolean {
  if (op === "add.Tensor" || op === "cat" || op === "add.Scalar" || op === "sub.Scalar") return true;
  const [input, output] = [inputs[0], outputs[0]];
  const isView = kind === "elementwise" && input?.storage !== undefined && input.storage === output?.storage;
  return isView && outputs.length === 1 && product(input.shape) === product(output.shape);
}
