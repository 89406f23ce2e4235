/**
 * The memory that the loader and its workers share: a ring of batch slots, and a counter from which workers take places.
 *
 * Work is handed out through memory, not by messages: training holds the main thread for seconds at a time, and workers
 * that had to wait for its event loop would stand still meanwhile. A place is (ordinal, position): the ordinal-th batch of
 * this ring, and the position in it. Who fills a place makes no difference to its bytes.
 */

/** One view of the pictures in a ring: pixels [slots B H W C]. */
export interface RingView {
  readonly height: number;
  readonly width: number;
  readonly pixels: SharedArrayBuffer;
}

/** What is sent to a worker; a `Ring` is made of it on each side. */
export interface RingMemory {
  readonly id: number;
  readonly slots: number;
  readonly batchSize: number;
  readonly channels: number;
  readonly views: readonly RingView[];
  /** Two 64-bit counters: places published, places taken. 32 bits would end within a long run. */
  readonly counters: SharedArrayBuffer;
  /** 32-bit words: the cancelled flag; then for each slot its header and, for each position, state, sample, sample used. */
  readonly words: SharedArrayBuffer;
}

export interface Place {
  readonly ordinal: number;
  readonly position: number;
}

const PUBLISHED = 0;
const TAKEN = 1;

const CANCELLED = 0;
const FLAGS = 1;
const ORDINAL = 0;
const EPOCH = 1;
const COUNT = 2;
const REMAINING = 3;
const HEADER = 4;
const STATE = 0;
const SAMPLE = 1;
const USED = 2;
const PER_POSITION = 3;

// States of a place. FIRST_OWNER + w: being filled by worker w; the negative of it: taken away from worker w. Ownership is one atomic word, so that a worker that
// is lost at any moment leaves no place that nobody holds and nobody fills.
const PENDING = 0;
const DONE = 1;
const FIRST_OWNER = 2;

let nextRing = 1;

export interface RingShape {
  readonly slots: number;
  readonly batchSize: number;
  readonly channels: number;
  readonly views: readonly { readonly height: number; readonly width: number }[];
}

function slotWords(batchSize: number): number {
  return HEADER + PER_POSITION * batchSize;
}

export function allocateRing(shape: RingShape): RingMemory {
  const { slots, batchSize, channels } = shape;
  return {
    id: nextRing++,
    slots,
    batchSize,
    channels,
    views: shape.views.map(({ height, width }) => ({
      height,
      width,
      pixels: new SharedArrayBuffer(slots * batchSize * height * width * channels),
    })),
    counters: new SharedArrayBuffer(2 * 8),
    words: new SharedArrayBuffer(4 * (FLAGS + slots * slotWords(batchSize))),
  };
}

export class Ring {
  readonly memory: RingMemory;
  readonly #counters: BigInt64Array;
  readonly #words: Int32Array;
  readonly #pixels: readonly Uint8Array[];
  readonly #owner: number;

  /** @param worker index of the worker that fills places through this object */
  constructor(memory: RingMemory, worker: number) {
    this.memory = memory;
    this.#owner = FIRST_OWNER + worker;
    this.#counters = new BigInt64Array(memory.counters);
    this.#words = new Int32Array(memory.words);
    this.#pixels = memory.views.map((view) => new Uint8Array(view.pixels));
  }

  #slot(ordinal: number): number {
    return FLAGS + (ordinal % this.memory.slots) * slotWords(this.memory.batchSize);
  }

  #at({ ordinal, position }: Place): number {
    return this.#slot(ordinal) + HEADER + position * PER_POSITION;
  }

  /** Offers the next batch to the workers. Its slot must be free: the batch `slots` before it is no longer looked at. */
  publish(ordinal: number, epoch: number, samples: Int32Array): void {
    const slot = this.#slot(ordinal);
    this.#words[slot + ORDINAL] = ordinal;
    this.#words[slot + EPOCH] = epoch;
    this.#words[slot + COUNT] = samples.length;
    this.#words[slot + REMAINING] = samples.length;
    samples.forEach((sample, position) => {
      const at = this.#at({ ordinal, position });
      this.#words[at + SAMPLE] = sample;
      this.#words[at + USED] = sample;
      // Last, and atomic: a worker that sees a pending place sees all of the above.
      Atomics.store(this.#words, at + STATE, PENDING);
    });
    Atomics.store(this.#counters, PUBLISHED, BigInt((ordinal + 1) * this.memory.batchSize));
  }

  /** A place that nobody had, now this worker's; undefined when all is taken or the ring was cancelled. */
  take(): Place | undefined {
    for (;;) {
      if (Atomics.load(this.#words, CANCELLED) !== 0) return undefined;
      const taken = Atomics.load(this.#counters, TAKEN);
      if (taken >= Atomics.load(this.#counters, PUBLISHED)) return undefined;
      const { batchSize } = this.memory;
      const hinted = Math.floor(Number(taken) / batchSize);
      const position = Number(taken) - hinted * batchSize;
      // The last batch of an epoch may be short.
      const claimed = position < this.count(hinted) && this.claim({ ordinal: hinted, position });
      Atomics.compareExchange(this.#counters, TAKEN, taken, taken + 1n);
      // The counter is a hint. If it was stale and the slot is in its next round already, the claim was for that round,
      // which cannot end before the claimed place is filled: what the slot says now is what was claimed.
      if (claimed) return { ordinal: this.#words[this.#slot(hinted) + ORDINAL] as number, position };
    }
  }

  /** Makes a pending place this worker's. False when it is not pending. */
  claim(place: Place): boolean {
    return Atomics.compareExchange(this.#words, this.#at(place) + STATE, PENDING, this.#owner) === PENDING;
  }

  epoch(ordinal: number): number {
    return this.#words[this.#slot(ordinal) + EPOCH] as number;
  }

  /** Pictures in a batch. */
  count(ordinal: number): number {
    return this.#words[this.#slot(ordinal) + COUNT] as number;
  }

  /** The sample that the order puts at a place. */
  sample(place: Place): number {
    return this.#words[this.#at(place) + SAMPLE] as number;
  }

  /** Writes a picture's view; nothing is written to a place that was taken from this worker. */
  write(place: Place, view: number, pixels: Uint8Array): void {
    if (Atomics.load(this.#words, this.#at(place) + STATE) !== this.#owner) return;
    const slot = place.ordinal % this.memory.slots;
    this.#pixels[view]?.set(pixels, (slot * this.memory.batchSize + place.position) * pixels.length);
  }

  /** Marks a place as filled with `used`. True when its batch is complete with it. */
  complete(place: Place, used: number): boolean {
    const at = this.#at(place);
    this.#words[at + USED] = used;
    if (Atomics.compareExchange(this.#words, at + STATE, this.#owner, DONE) !== this.#owner) return false;
    return Atomics.sub(this.#words, this.#slot(place.ordinal) + REMAINING, 1) === 1;
  }

  /** Takes a place away from a worker that hangs. False when it was filled after all. */
  revoke(place: Place, worker: number): boolean {
    const owner = FIRST_OWNER + worker;
    return Atomics.compareExchange(this.#words, this.#at(place) + STATE, owner, -owner) === owner;
  }

  /** Once a worker can write no more: makes what it held, or was taken from it, pending again, and lists it. */
  release(worker: number): Place[] {
    const released: Place[] = [];
    for (let slot = 0; slot < this.memory.slots; slot++) {
      const ordinal = this.#words[FLAGS + slot * slotWords(this.memory.batchSize) + ORDINAL] as number;
      for (let position = 0; position < this.count(slot); position++) {
        const place = { ordinal, position };
        const at = this.#at({ ordinal: slot, position }) + STATE;
        const state = Atomics.load(this.#words, at);
        if (Math.abs(state) !== FIRST_OWNER + worker) continue;
        Atomics.store(this.#words, at, PENDING);
        released.push(place);
      }
    }
    return released;
  }

  isComplete(ordinal: number): boolean {
    return Atomics.load(this.#words, this.#slot(ordinal) + REMAINING) === 0;
  }

  /** The samples in a complete batch after replacement, int32 [B], copied. */
  used(ordinal: number): Int32Array {
    return Int32Array.from({ length: this.count(ordinal) }, (_, position) => {
      return this.#words[this.#at({ ordinal, position }) + USED] as number;
    });
  }

  /** The pixels of one view of a complete batch, uint8 [B H W C]; not copied. */
  pixels(ordinal: number, view: number): Uint8Array {
    const { slots, batchSize, channels, views } = this.memory;
    const { height, width } = views[view] as RingView;
    const picture = height * width * channels;
    const start = (ordinal % slots) * batchSize * picture;
    return (this.#pixels[view] as Uint8Array).subarray(start, start + this.count(ordinal) * picture);
  }

  /** No further place is handed out. Who is filling one may finish: nobody looks at this ring any more. */
  cancel(): void {
    Atomics.store(this.#words, CANCELLED, 1);
  }
}
