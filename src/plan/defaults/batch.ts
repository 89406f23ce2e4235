import type { DefaultChoice } from "../../models/sizes.js";
import type { MachineFacts } from "./machine.js";
import type { Plan } from "./model.js";

export interface BatchChoice {
  readonly size: number;
  /** Micro-batches. */
  readonly accumulate: number;
  /** Whether activations are computed again in backward. */
  readonly checkpointing: boolean;
  readonly reason: string;
}

/** What is left of the activations where they are computed again: a ViT-B/16 in two views keeps 18 GB of 160 (lacuna plan). */
const keptWhenRecomputed = 1 / 8;

export interface BatchFacts {
  readonly plan: Plan;
  readonly machine: MachineFacts;
  /** Pictures to train on. */
  readonly pictures: number;
  /** By whoever asks. */
  readonly decided: number | undefined;
  /** Whether the method's batch must stay in one piece. */
  readonly isCoupled: boolean;
}

/** The method's batch, or the usual one, and how it fits into the memory. */
export function chooseBatch({ plan, machine, pictures, decided, isCoupled }: BatchFacts): BatchChoice {
  const own = plan.method.choices.find(({ key }) => key === "data.batchSize");
  const usual = own ?? usualBatch(pictures, machine.device);
  const size = decided ?? (usual.value as number);
  const fits = (micro: number): boolean => micro * keptNumbers(plan) * 64 <= roomOf(machine);
  if (isCoupled) {
    const checkpointing = !fits(size);
    let fitting = size;
    while (checkpointing && decided === undefined && fitting > 2 && !fits(fitting * keptWhenRecomputed)) fitting /= 2;
    const reason = fitting < size ? "as many as fit in memory" : usual.reason;
    return { size: fitting, accumulate: 1, checkpointing, reason };
  }
  let accumulate = 1;
  while (accumulate < size && size % (2 * accumulate) === 0 && !fits(size / accumulate)) accumulate *= 2;
  const reason = accumulate === 1 ? usual.reason : "parts that fit in memory";
  return { size, accumulate, checkpointing: false, reason };
}

/** A power of two that leaves at least sixteen steps an epoch, where there are pictures enough. */
function usualBatch(pictures: number, device: MachineFacts["device"]): Omit<DefaultChoice, "key"> {
  const most = device === "cuda" ? 1024 : 256;
  const fitting = Math.min(most, Math.max(pictures / 16, Math.min(8, pictures)));
  return { value: 2 ** Math.floor(Math.log2(fitting)), reason: "for 16 steps an epoch, but at least 8" };
}

/** Positions × channels × blocks of one picture: a block keeps about 16 numbers of 4 bytes for each. */
function keptNumbers({ size: { activations }, method: { memory, cost } }: Plan): number {
  return (memory ?? cost) * activations;
}

/** A quarter of the memory. */
function roomOf({ device, memoryBytes }: MachineFacts): number {
  return device === "cuda" ? 12 * 2 ** 30 : memoryBytes / 4;
}
