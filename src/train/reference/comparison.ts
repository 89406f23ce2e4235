import { cat } from "../../tensor/creation.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Recorded } from "./recorded.js";

/** One compared part: what is said of the tensor that is nearest to its tolerance, or farthest above it. */
export interface ReferencePart {
  readonly part: string;
  readonly tensors: number;
  /** max |a − b| / max |b| */
  readonly difference: number;
  readonly tolerance: number;
  readonly worst: string;
  readonly passed: boolean;
}

/** How far two tensors of one name are from each other; infinite where one is missing. */
export type Difference = (name: string, ours: Tensor | undefined, theirs: Tensor | undefined) => number;

/**
 * max |ours − theirs| / max |theirs|.
 *
 * Gradients that are zero in exact arithmetic stand as zeros in the file. One that is zero throughout is measured by the largest
 * gradient of all. In what is left after the steps such entries are left out, in a teacher too: Adam turns their rounding into
 * whole steps. So are the key rows of a qkv bias, whichever file they are in: softmax does not change when a constant is added
 * to all scores.
 */
export function differencesIn(recorded: Pick<Recorded, "has" | "read" | "below">): Difference {
  const gradients = recorded.below("grad/");
  const largest = Math.max(0, ...gradients.map((name) => largestIn(recorded.read(`grad/${name}`))));
  const moving = (name: string): Tensor | undefined => {
    const gradient = `grad/${name.slice("after/".length).replace(/^teacher\./, "")}`;
    if (!name.startsWith("after/") || !recorded.has(gradient)) return undefined;
    return withoutKeys(name, recorded.read(gradient).ne(0).float());
  };
  return (name, ours, theirs) => {
    if (ours === undefined || theirs === undefined || ours.size !== theirs.size) return Number.POSITIVE_INFINITY;
    if (theirs.size === 0) return 0;
    const counted = moving(name);
    const part = (value: Tensor): Tensor => {
      const plain = value.detach().float().reshape(theirs.shape);
      return counted === undefined ? plain : plain.mul(counted);
    };
    const scale = largestIn(part(theirs)) || (name.startsWith("grad/") ? largest : 1) || 1;
    return largestIn(part(ours).sub(part(theirs))) / scale;
  };
}

const largestIn = (value: Tensor): number => value.float().abs().amax([]).item();

function withoutKeys(name: string, counted: Tensor): Tensor {
  if (!name.endsWith("attn.qkv.bias")) return counted;
  const third = counted.side(0) / 3;
  const keys = counted.slice(0, third, 2 * third).mul(0);
  return cat([counted.slice(0, 0, third), keys, counted.slice(0, 2 * third)]);
}

/** Collects the differences of a part, each beside its tolerance. */
export class Comparison {
  #worst = { name: "", difference: 0, tolerance: 0, ratio: Number.NEGATIVE_INFINITY };
  #tensors = 0;

  constructor(readonly part: string) {}

  /** A difference of NaN is above every tolerance. */
  add(name: string, difference: number, tolerance: number): void {
    this.#tensors += 1;
    const ratio = difference === 0 ? 0 : Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference / tolerance;
    if (ratio > this.#worst.ratio) this.#worst = { name, difference, tolerance, ratio };
  }

  /** Undefined where nothing was compared. */
  result(): ReferencePart | undefined {
    if (this.#tensors === 0) return undefined;
    const { name: worst, difference, tolerance, ratio } = this.#worst;
    return { part: this.part, tensors: this.#tensors, difference, tolerance, worst, passed: ratio <= 1 };
  }
}
