/**
 * What a worker is doing, in shared memory: the main thread reads it when the worker no longer answers, to know which
 * picture brought it down and which place must be given to another.
 */

export interface Activity {
  /** Counts pictures begun: the same number at two times is the same picture. */
  readonly begun: number;
  readonly ring: number;
  readonly ordinal: number;
  readonly position: number;
  /** The picture being made: the sample at the place, or the one that replaces it. */
  readonly sample: number;
}

const BEGUN = 0;
const BUSY = 1;
const RING = 2;
const ORDINAL = 3;
const POSITION = 4;
const SAMPLE = 5;
const WORDS = 6;

export class Pulse {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4 * WORDS)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  begin(ring: number, ordinal: number, position: number, sample: number): void {
    this.#words[RING] = ring;
    this.#words[ORDINAL] = ordinal;
    this.#words[POSITION] = position;
    this.#words[SAMPLE] = sample;
    Atomics.add(this.#words, BEGUN, 1);
    Atomics.store(this.#words, BUSY, 1);
  }

  end(): void {
    Atomics.store(this.#words, BUSY, 0);
  }

  /** What the worker is at, or undefined when it is at nothing. */
  read(): Activity | undefined {
    if (Atomics.load(this.#words, BUSY) === 0) return undefined;
    const [begun = 0, , ring = 0, ordinal = 0, position = 0, sample = 0] = this.#words;
    return { begun, ring, ordinal, position, sample };
  }
}
