import { StateError } from "../engine/errors.js";
import type { Rng } from "./random.js";

/**
 * Random numbers of layers. A layer such as drop path draws inside `forward`, which is given tensors only; whoever runs a
 * step says from which keys: `withRandom(step.rng.fork("layers"), () => model.call(images))`. The draw is keyed by the
 * step's samples, by what it is for and by its place among the draws of that forward pass, so it depends neither on
 * micro-batches nor on what other steps drew. Activation checkpointing notes the place and goes back to it when it
 * computes a segment again (grad.ts): the same numbers both times.
 */
export interface RandomPlace {
  readonly rng: Rng;
  /** Draws taken so far. */
  draws: number;
}

let current: RandomPlace | undefined;

/** Layers inside `body` draw from `rng`: a row for each of its samples. */
export function withRandom<R>(rng: Rng, body: () => R): R {
  return atRandomPlace({ rng, draws: 0 }, body);
}

/** Where the draws stand, to be gone back to; undefined outside `withRandom`. */
export function randomPlace(): RandomPlace | undefined {
  return current && { ...current };
}

/** Runs `body` with draws going on from `place`. */
export function atRandomPlace<R>(place: RandomPlace | undefined, body: () => R): R {
  const before = current;
  current = place && { ...place };
  try {
    return body();
  } finally {
    current = before;
  }
}

/**
 * The keys of the next draw for `purpose`. @throws StateError outside `withRandom`: a layer that trains must not draw
 * numbers that cannot be repeated
 */
export function nextRandom(purpose: string): Rng {
  if (current === undefined) {
    throw new StateError({
      problem: `${purpose} needs random numbers, and nobody said from which keys.`,
      code: "random",
      expected: "a forward pass inside withRandom(rng, …)",
      actual: "none around it",
      remedy: "Run the model inside withRandom(step.rng.fork(…), …), or in evaluation mode: setTraining(false).",
    });
  }
  return current.rng.fork(`${purpose}/${current.draws++}`);
}
