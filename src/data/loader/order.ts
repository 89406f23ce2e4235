/** The order of an epoch: a permutation of the samples keyed by (seed, epoch), and how positions fall into batches. */
import { keyOf, philox } from "../random.js";

export interface OrderOptions {
  /** Samples of the source. */
  readonly size: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Without it every epoch goes through the samples as they are listed. */
  readonly shuffle: boolean;
  /** Leave out the last batch of an epoch when it is not full. */
  readonly dropLast: boolean;
}

/** The order of one epoch: position -> sample, as int32 [size]. */
export function epochOrder(options: Pick<OrderOptions, "size" | "seed" | "shuffle">, epoch: number): Int32Array {
  const { size, seed, shuffle } = options;
  const order = new Int32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;
  if (shuffle) shuffleInPlace(order, keyOf(seed, "order"), epoch);
  return order;
}

/**
 * Fisher and Yates from the end, one 32-bit word a position and four of them a Philox block. A word becomes an index by
 * multiplication: at a million samples no index is more than 0.03 % likelier than another (24 bits would make it 6 %).
 */
function shuffleInPlace(order: Int32Array, key: [number, number], epoch: number): void {
  let block: readonly number[] = [];
  for (let last = order.length - 1, drawn = 0; last > 0; last--, drawn++) {
    if ((drawn & 3) === 0) block = philox([drawn >>> 2, 0, 0, epoch >>> 0], key);
    // Exact: a 32-bit word times an index below 2^21 fits in 53 bits; above, the floor is off by at most one in 2^32.
    const other = Math.floor(((block[drawn & 3] as number) * (last + 1)) / 2 ** 32);
    const kept = order[last] as number;
    order[last] = order[other] as number;
    order[other] = kept;
  }
}

/** Which samples a batch of an epoch holds. Remembers the two epochs last asked for: prefetching looks into the next. */
export class Order {
  readonly options: OrderOptions;
  readonly batchesPerEpoch: number;
  readonly #epochs = new Map<number, Int32Array>();

  constructor(options: OrderOptions) {
    this.options = options;
    const { size, batchSize, dropLast } = options;
    this.batchesPerEpoch = dropLast ? Math.floor(size / batchSize) : Math.ceil(size / batchSize);
  }

  /** The samples of a batch, int32 [B]; fewer in the last batch of an epoch when it is kept. */
  batch(epoch: number, index: number): Int32Array {
    const { batchSize } = this.options;
    return this.#order(epoch).subarray(index * batchSize, (index + 1) * batchSize);
  }

  #order(epoch: number): Int32Array {
    let order = this.#epochs.get(epoch);
    if (order === undefined) {
      order = epochOrder(this.options, epoch);
      if (this.#epochs.size >= 2) this.#epochs.delete(Math.min(...this.#epochs.keys()));
      this.#epochs.set(epoch, order);
    }
    return order;
  }
}
