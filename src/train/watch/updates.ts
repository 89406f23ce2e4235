/** How far a step moves the weights: far too much where the rate is too high, not at all where something is frozen. */
import { dtypeBytes } from "../../engine/dtype.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import { stack } from "../../tensor/creation.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { UpdateWrapper } from "../loop/task.js";

/** So many measurements in a run, besides the steps 1, 2, 4, 8, … before the first of them. */
const measurements = 40;

interface WithState {
  state(): ReadonlyMap<string, Tensor>;
}

/** A model, or a task, and the part of it that is the encoder. */
interface WithEncoder extends WithState {
  readonly encoder: WithState;
}

/** One step's measurement. */
export interface Watched {
  /** The copy is made when activations are gone: it must not stand beside them. */
  readonly around: UpdateWrapper;
  /** Of the copy. */
  readonly bytes: number;
  /** Empty until `around` has run. */
  readonly ratios: Readonly<Record<string, number>>;
}

/**
 * ‖change‖ / ‖weights‖ of a step of the optimiser: of the encoder's `patch_embed`, of each of its blocks, and of all the rest
 * (`rest`: decoder, heads). Matrices alone count: a bias that begins at zero would change by infinitely much. Costs a copy of
 * the weights on the steps that are measured and nothing on the others.
 */
export class Updates {
  readonly #groups: ReadonlyMap<string, readonly Tensor[]>;
  readonly #bytes: number;

  constructor(
    model: WithEncoder,
    private readonly steps: number,
  ) {
    const encoder = new Map<Tensor, string>([...model.encoder.state()].map(([name, parameter]) => [parameter, name]));
    const groups = new Map<string, Tensor[]>();
    for (const [name, parameter] of model.state()) {
      if (!parameter.requiresGrad || parameter.rank < 2 || !name.endsWith("weight")) continue;
      const key = groupOf(encoder.get(parameter));
      groups.set(key, [...(groups.get(key) ?? []), parameter]);
    }
    this.#groups = groups;
    this.#bytes = [...groups.values()].flat().reduce((sum, { size, dtype }) => sum + size * dtypeBytes(dtype), 0);
  }

  /** The measurement of a step, by its number from 1; undefined where that step is not measured. */
  watch(step: number): Watched | undefined {
    if (!this.#isDue(step)) return undefined;
    const ratios: Record<string, number> = {};
    return { ratios, bytes: this.#bytes, around: (update) => void Object.assign(ratios, this.#measure(update)) };
  }

  #measure(update: () => void): Record<string, number> {
    return scope(() => {
      const before = noGrad(() =>
        [...this.#groups].map(([key, tensors]) => ({
          key,
          tensors,
          old: tensors.map((each) => each.detach().clone()),
        })),
      );
      update();
      return Object.fromEntries(before.map(({ key, tensors, old }) => [key, ratio(tensors, old)]));
    });
  }

  #isDue(step: number): boolean {
    const rank = (at: number): number => Math.floor((at * measurements) / this.steps);
    const isFirst = rank(step) === 0 && Number.isInteger(Math.log2(step));
    return isFirst || rank(step) > rank(step - 1);
  }
}

/** `blocks.3.attn.qkv.weight` -> `blocks.3` */
function groupOf(name: string | undefined): string {
  if (name === undefined) return "rest";
  return /^[a-z_]+\.\d+(?=\.)/.exec(name)?.[0] ?? (name.split(".")[0] as string);
}

function ratio(now: readonly Tensor[], before: readonly Tensor[]): number {
  return scope(() =>
    noGrad(() => {
      const norm = (tensors: readonly Tensor[]): Tensor => stack(tensors.map((each) => each.float().norm())).norm();
      const change = norm(now.map((tensor, i) => tensor.sub(before[i] as Tensor)));
      return Number(change.div(norm(before)).item().toPrecision(5));
    }),
  );
}
