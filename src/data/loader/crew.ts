/** Who fills the ring: worker threads, or the calling thread itself. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { BadPictureError } from "../errors.js";
import { Note } from "./notes.js";
import { Pulse } from "./pulse.js";
import type { Ring } from "./ring.js";
import { type Decoder, loadDecoder, type Report, Work, type WorkSetup } from "./work.js";

export interface CrewOptions {
  readonly setup: WorkSetup;
  readonly noteFolder: string | undefined;
  /** Called for each report, in this thread. */
  readonly onReport: (report: Report) => void;
}

export interface Crew {
  /** Work on this ring from now on, and on no other. */
  use(ring: Ring): void;
  /** More was published. */
  wake(): void;
  /** Hands over all reports that were sent until now, without waiting for the event loop. */
  drain(): void;
  /** Looks for workers that hang; called at intervals while somebody waits, and once a batch. */
  watch(): void;
  close(): Promise<void>;
}

/** The calling thread does the work itself, when it waits for a batch and not before. */
export class LocalCrew implements Crew {
  readonly #options: CrewOptions;
  readonly #work: Work;
  readonly #note: Note | undefined;
  #ready: Promise<void> | undefined;
  #ring: Ring | undefined;
  #running = false;
  #closed = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#note = options.noteFolder === undefined ? undefined : new Note(options.noteFolder, 0);
    this.#work = new Work(options.setup, new Pulse(), this.#note, options.onReport);
  }

  use(ring: Ring): void {
    this.#ring = ring;
  }

  wake(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#run().catch((error: unknown) => {
      this.#running = false;
      this.#options.onReport({ type: "failed", reason: messageOf(error), cause: error });
    });
  }

  async #run(): Promise<void> {
    const { setup } = this.#options;
    this.#ready ??= loadDecoderFor(setup).then((decoder) => this.#work.prepare(decoder && limited(decoder)));
    await this.#ready;
    let turned = performance.now();
    for (;;) {
      const ring = this.#ring as Ring;
      const place = this.#closed ? undefined : ring.take();
      if (place === undefined) {
        // In the same breath as the last `take`: a wake in between would be lost.
        this.#running = false;
        return;
      }
      await this.#work.fill(ring, place);
      // Signals and timers of the program must get their turn in a long batch.
      if (performance.now() - turned > MOST_MS_WITHOUT_A_TURN) {
        await nextTurn();
        turned = performance.now();
      }
    }
  }

  drain(): void {}

  watch(): void {}

  close(): Promise<void> {
    this.#note?.close();
    this.#closed = true;
    return Promise.resolve();
  }
}

const MOST_MS_WITHOUT_A_TURN = 50;

async function loadDecoderFor(setup: WorkSetup): Promise<Decoder | undefined> {
  return setup.content.kind === "files" ? loadDecoder(setup.decoder) : undefined;
}

/** A thread cannot stop itself while it computes, but it need not wait for a promise that never comes. */
function limited({ decodeFile, ...rest }: Decoder): Decoder {
  const patient: Decoder["decodeFile"] = async (path, options) => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      const limitMs = hangLimitMs(options.timeoutMs);
      timer = setTimeout(() => {
        reject(new BadPictureError("timeout", path, hungReason(limitMs)));
      }, limitMs);
    });
    try {
      return await Promise.race([decodeFile(path, options), limit]);
    } finally {
      clearTimeout(timer);
    }
  };
  return { ...rest, decodeFile: patient };
}

/** The decoder has a limit of its own and keeps it unless it hangs: this one is later. */
export function hangLimitMs(timeoutMs: number): number {
  return timeoutMs + Math.max(500, timeoutMs / 4);
}

export function hungReason(limitMs: number): string {
  return `no answer after ${Math.round(limitMs)} ms`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
