/**
 * Batches of transformed pictures, in a keyed order, made ahead of time by worker threads.
 *
 * What a batch holds is a function of the source, the options and (epoch, batch) alone: neither the number of workers nor
 * their timing nor where a run was interrupted changes a byte. (The one exception is a picture that decodes within the
 * time limit on one day and not on the next.)
 */
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ColourMode } from "./decode/icc.js";
import type { JpegMode } from "./decode/jpeg.js";
import { DEFAULT_MAX_PIXELS, DEFAULT_TIMEOUT_MS } from "./decode.js";
import { DataError, workerFailed } from "./errors.js";
import { type BadSample, BadSamples } from "./loader/bad-samples.js";
import { hasChannels, shareContent } from "./loader/content.js";
import { type Crew, LocalCrew } from "./loader/crew.js";
import { forgetNotes } from "./loader/notes.js";
import { Order } from "./loader/order.js";
import { allocateRing, Ring } from "./loader/ring.js";
import { ThreadCrew } from "./loader/threads.js";
import type { Report, WorkSetup } from "./loader/work.js";
import type { Source } from "./source.js";
import { type ResolvedView, resolveViews, type Size, unfitStep, type ViewSpecInput } from "./views.js";

export { BadDataError, type BadSample } from "./loader/bad-samples.js";
export { notedPaths } from "./loader/notes.js";

/** What the loader needs of an opened source. */
export type LoaderSource = Pick<Source, "size" | "labels" | "captions" | "content" | "name">;

/** What a loader makes of a source: views, batches, their order, and what a bad picture may cost. */
export interface LoaderOptions {
  /**
   * Each view of a picture is drawn for itself, unless it says what it shares with another. For files of any size the
   * transform must end in a fixed size.
   */
  readonly views: Readonly<Record<string, ViewSpecInput>>;
  readonly batchSize: number;
  readonly seed: number;
  /** Threads; 0 does the work in the calling thread while it waits for a batch. See `defaultWorkers`. */
  readonly workers: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  /** 1 grey, 3 colour, 4 with alpha, or as many as each file has. Default: those of pictures in memory, 3 for files. */
  readonly channels?: number;
  readonly maxPixels?: number;
  /** Milliseconds for one picture. */
  readonly timeoutMs?: number;
  /** How JPEGs are decoded. Default "fast". */
  readonly jpeg?: JpegMode;
  /** Whether an embedded colour profile is applied. Default "converted". */
  readonly colour?: ColourMode;
  /** Above this share of bad pictures the loader stops with BadDataError. Default 0.1. */
  readonly maxBadShare?: number;
  /** Where each worker notes the path that it is about to decode; see `notedPaths`. */
  readonly noteFolder?: string;
  /** Samples not to be tried (from an earlier part of a run): they are replaced, and not reported again. */
  readonly knownBad?: readonly number[];
  /** Batches made ahead. Default 2, one when a batch takes more than 256 MB; without workers none is. */
  readonly prefetch?: number;
  /** A file: URL of a module that exports `decodeFile(path, { maxPixels, timeoutMs, channels })`, instead of ours. */
  readonly decoder?: string;
}

export interface BatchView {
  /** uint8 [B H W C] in memory of the ring: valid until the next batch is asked for, then overwritten. Copy to keep. */
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** One batch. Its pixels are valid until the next batch is asked for. */
export interface Batch {
  readonly epoch: number;
  /** Number of the batch in its epoch. */
  readonly index: number;
  /** int32 [B]: the samples that are in the batch, after replacement. */
  readonly samples: Int32Array;
  /** int32 [B], of these samples. */
  readonly labels: Int32Array | undefined;
  /** [B], of these samples; absent where the source has none. */
  readonly captions?: readonly string[];
  readonly views: Readonly<Record<string, BatchView>>;
  /** How long the caller waited for this batch. */
  readonly waitMs: number;
  /** Bad samples that no earlier batch of this loader reported. */
  readonly bad: readonly BadSample[];
}

export interface Start {
  readonly epoch: number;
  readonly batch: number;
}

const DEFAULT_MAX_BAD_SHARE = 0.1;
const LARGE_BATCH_BYTES = 256 * 2 ** 20;
/** How often a waiting caller looks for workers that hang. */
const WATCH_MS = 100;

/**
 * Opens a loader; nothing is read before the first batch is asked for.
 * @throws DataError where the options do not fit the source, ConfigError for a transform that is none
 */
export function openLoader(source: LoaderSource, options: LoaderOptions): Loader {
  return new Loader(source, options);
}

/**
 * How many workers suit a source on this many cores. Pictures in memory take tens of microseconds each, so that a few
 * threads feed any machine and two cores are better left to training; files take milliseconds.
 */
export function defaultWorkers(source: Pick<LoaderSource, "content">, cores: number): number {
  if (source.content.kind === "files") return Math.min(16, Math.max(1, cores - 1));
  return Math.min(4, Math.floor(cores / 4));
}

type View = Size & ResolvedView;

/**
 * Makes batches of views from a source in worker threads; the same seed gives the same batches whatever the number of workers.
 * `openLoader` makes one.
 */
export class Loader implements AsyncDisposable {
  readonly batchesPerEpoch: number;
  readonly #source: LoaderSource;
  readonly #options: LoaderOptions;
  readonly #views: readonly View[];
  readonly #channels: number;
  readonly #order: Order;
  readonly #bad: BadSamples;
  readonly #known: Uint8Array;
  #crew: Crew | undefined;
  #ring: Ring | undefined;
  /** A worker found no good picture for a place. */
  #isExhausted = false;
  #failure: Error | undefined;
  #closed = false;
  #wakeCaller: (() => void) | undefined;

  constructor(source: LoaderSource, options: LoaderOptions) {
    checkOptions(source, options);
    const { content, size } = source;
    this.#source = source;
    this.#options = options;
    this.#channels = options.channels ?? (content.kind === "pixels" ? content.channels : 3);
    this.#views = sizedViews(source, options, this.#channels);
    this.#order = new Order({ ...options, size });
    this.batchesPerEpoch = this.#order.batchesPerEpoch;
    this.#known = new Uint8Array(new SharedArrayBuffer(size));
    const knownBad = options.knownBad ?? [];
    for (const sample of knownBad) this.#known[sample] = 1;
    const root = content.kind === "files" ? content.root : "the source";
    const pathOf = (sample: number): string => {
      return content.kind === "files" ? path.resolve(root, content.paths[sample] as string) : source.name(sample);
    };
    const maxBadShare = options.maxBadShare ?? DEFAULT_MAX_BAD_SHARE;
    this.#bad = new BadSamples(size, maxBadShare, root, pathOf, knownBad);
  }

  /**
   * Batches from a place in training on: exactly those that an uninterrupted iteration would give from there.
   * `until.epoch` is the first epoch that is not given any more; without it there is no end.
   * One iteration at a time: a second one ends the first. Leaving the loop early is fine; `close` ends the workers.
   */
  async *batches(from: Start, until?: { readonly epoch: number }): AsyncGenerator<Batch, void, undefined> {
    const perEpoch = this.batchesPerEpoch;
    const first = from.epoch * perEpoch + from.batch;
    const total = until === undefined ? Number.POSITIVE_INFINITY : until.epoch * perEpoch - first;
    const ring = this.#begin();
    try {
      for (let ordinal = 0, published = 0; ordinal < total; ordinal++) {
        await nextTurn(); // batches that are always ready must not keep signals, timers and sockets waiting
        const started = performance.now();
        // Asking for this batch has freed the slot of the one before.
        for (; published < Math.min(total, ordinal + ring.memory.slots); published++) {
          const epoch = Math.floor((first + published) / perEpoch);
          ring.publish(published, epoch, this.#order.batch(epoch, (first + published) % perEpoch));
        }
        if (!(await this.#ready(ring, ordinal))) return;
        const index = (first + ordinal) % perEpoch;
        yield this.#batch(ring, ordinal, index, started);
      }
    } finally {
      ring.cancel();
    }
  }

  #begin(): Ring {
    if (this.#closed) throw closed();
    this.#ring?.cancel();
    this.#wakeCaller?.();
    this.#bad.forgetPlaces();
    this.#crew ??= this.#startCrew();
    const { batchSize, workers } = this.#options;
    // A fresh ring each time: workers may still be writing a picture or two into the last one.
    const channels = this.#channels;
    this.#ring = new Ring(
      allocateRing({ slots: this.#prefetch(workers) + 1, batchSize, channels, views: this.#views }),
      0,
    );
    this.#crew.use(this.#ring);
    return this.#ring;
  }

  #prefetch(workers: number): number {
    if (workers === 0) return 0;
    const pixels = this.#views.reduce((sum, { height, width }) => sum + height * width, 0);
    const bytes = this.#options.batchSize * pixels * this.#channels;
    return this.#options.prefetch ?? (bytes > LARGE_BATCH_BYTES ? 1 : 2);
  }

  #startCrew(): Crew {
    const { seed, maxPixels, timeoutMs, jpeg, colour, noteFolder, workers, decoder } = this.#options;
    const setup: WorkSetup = {
      content: shareContent(this.#source.content),
      size: this.#source.size,
      seed,
      views: this.#views,
      decode: {
        maxPixels: maxPixels ?? DEFAULT_MAX_PIXELS,
        timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
        channels: this.#channels,
        ...(jpeg === undefined ? {} : { jpeg }),
        ...(colour === undefined ? {} : { colour }),
      },
      decoder,
      known: this.#known,
      sound: new Uint8Array(new SharedArrayBuffer(this.#source.size)),
    };
    if (noteFolder !== undefined) forgetNotes(noteFolder);
    const crewOptions = { setup, noteFolder, onReport: (report: Report) => this.#receive(report) };
    return workers === 0 ? new LocalCrew(crewOptions) : new ThreadCrew(crewOptions, workers);
  }

  #receive(report: Report): void {
    if (report.type === "met") {
      if (report.why !== undefined) this.#bad.learn(report.sample, report.why);
      if (report.ring === this.#ring?.memory.id) this.#bad.meet(report.place, report.sample);
    } else if (report.type === "failed") {
      this.#failure ??= workerFailed("data.workers", report.reason, report.cause);
    } else if (report.type === "exhausted" && report.ring === this.#ring?.memory.id) {
      this.#isExhausted = true;
    }
    this.#wakeCaller?.();
  }

  /** Waits until a batch is complete. False when the iteration is over: the loader was closed, or iterated anew. */
  async #ready(ring: Ring, ordinal: number): Promise<boolean> {
    const crew = this.#crew as Crew;
    crew.wake();
    crew.watch();
    // The timer also keeps the process alive: idle workers do not.
    let timer: NodeJS.Timeout | undefined;
    try {
      while (!this.#closed && this.#ring === ring) {
        if (this.#isExhausted) {
          crew.drain(); // what other workers found out before is part of the error
          this.#failure ??= this.#bad.error();
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (ring.isComplete(ordinal)) {
          // Reports of bad samples were sent before their batch was complete, but may not have arrived yet.
          crew.drain();
          return true;
        }
        timer ??= setInterval(() => crew.watch(), WATCH_MS);
        await new Promise<void>((resolve) => {
          this.#wakeCaller = resolve;
        });
      }
      return false;
    } finally {
      clearInterval(timer);
    }
  }

  #batch(ring: Ring, ordinal: number, index: number, started: number): Batch {
    const samples = ring.used(ordinal);
    const bad = this.#bad.deliver(ordinal, samples);
    const { labels, captions } = this.#source;
    const views: Record<string, BatchView> = {};
    this.#views.forEach(({ name, height, width }, view) => {
      views[name] = { data: ring.pixels(ordinal, view), height, width, channels: this.#channels };
    });
    return {
      epoch: ring.epoch(ordinal),
      index,
      samples,
      labels: labels && samples.map((sample) => labels[sample] as number),
      ...(captions === undefined ? {} : { captions: Array.from(samples, (sample) => captions[sample] as string) }),
      views,
      waitMs: performance.now() - started,
      bad,
    };
  }

  /** Ends the workers, also in the middle of a batch; a caller who waits for one sees the end of the iteration. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ring?.cancel();
    this.#wakeCaller?.();
    await this.#crew?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function closed(): DataError {
  const data = { expected: "an open loader", actual: "a closed one", remedy: "Open another one." };
  return new DataError({ problem: "the loader is closed.", code: "closed", ...data });
}

function sizedViews({ content }: LoaderSource, options: LoaderOptions, channels: number): View[] {
  const resolved = resolveViews(options.views, content.kind === "pixels" ? content : undefined);
  return resolved.map((view) => {
    const { name, transform, size } = view;
    const unfit = unfitStep(transform, channels);
    if (unfit !== undefined) {
      throw new DataError({
        code: "colour-step",
        path: `views.${name}`,
        expected: `pictures of 1 or 3 channels for ${unfit}`,
        actual: `${channels}`,
        remedy: "Leave the step out: it speaks of colours.",
      });
    }
    if (size === undefined) {
      throw new DataError({
        code: "view-without-size",
        path: `views.${name}`,
        expected: "a transform that gives pictures of one size, since a batch is one block of pixels",
        actual: JSON.stringify(transform),
        remedy: "End it with randomResizedCrop, centerCrop, or resize to [height, width].",
      });
    }
    return { ...view, height: size.height, width: size.width };
  });
}

function checkOptions(source: LoaderSource, options: LoaderOptions): void {
  const { batchSize, workers, dropLast } = options;
  const refuse = (path: string, expected: string, actual: string, remedy: string): never => {
    throw new DataError({ code: "loader-options", path, expected, actual, remedy });
  };
  const whole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
  if (!whole(batchSize, 1)) refuse("batchSize", "a whole number of at least 1", `${batchSize}`, "Set it so.");
  if (!whole(workers, 0)) refuse("workers", "a whole number of at least 0", `${workers}`, "Set it so.");
  if (options.prefetch !== undefined && !whole(options.prefetch, 1)) {
    refuse("prefetch", "a whole number of at least 1", `${options.prefetch}`, "Leave it out for the default.");
  }
  const { content } = source;
  if (content.kind === "pixels" && !hasChannels(content.channels, options.channels ?? content.channels)) {
    refuse("channels", `1 or ${content.channels} for these pictures`, `${options.channels}`, "Set data.channels so.");
  }
  if (source.size < (dropLast ? batchSize : 1)) {
    const least = dropLast ? `at least one batch of ${batchSize} pictures` : "at least one picture";
    refuse("the source", least, `${source.size}`, "Use a smaller batch, or keep the last batch.");
  }
}
