/** Fills the places of a ring: decodes, replaces what is bad, transforms. Runs in a worker, or in the calling thread. */
import { BAD_PICTURE_CODES, type BadPictureCode } from "../errors.js";
import { KeyedRandom } from "../random.js";
import type { Picture } from "../resample.js";
import { apply } from "../transform.js";
import type { Transform } from "../views.js";
import { pathOf, pixelsOf, type SharedContent, withChannels } from "./content.js";
import type { Note } from "./notes.js";
import type { Pulse } from "./pulse.js";
import type { Place, Ring } from "./ring.js";

export interface DecodeOptions {
  readonly maxPixels: number;
  readonly timeoutMs: number;
  readonly channels: number;
}

export type DecodeFile = (path: string, options: DecodeOptions) => Promise<Picture>;

/** All that fixes the bytes of a batch besides the order of the samples. Can be sent to a worker. */
export interface WorkSetup {
  readonly content: SharedContent;
  readonly size: number;
  readonly seed: number;
  readonly views: readonly { readonly name: string; readonly transform: Transform }[];
  readonly decode: DecodeOptions;
  /** A file: URL of a module that exports `decodeFile`; ours when undefined. */
  readonly decoder: string | undefined;
  /** One byte a sample, shared: 1 when it is known to be bad. */
  readonly known: Uint8Array;
}

/** What filling a ring has to tell. `met`: a sample at this place turned out, or was known, to be bad. */
export type Report =
  | { readonly type: "met"; readonly ring: number; readonly place: Place; readonly sample: number; readonly why?: Why }
  | { readonly type: "done" }
  | { readonly type: "exhausted"; readonly ring: number; readonly place: Place; readonly attempts: number }
  | { readonly type: "failed"; readonly error: Error };

export interface Why {
  readonly code: BadPictureCode;
  readonly reason: string;
}

/** With nine pictures of ten bad, one place in 10^5 would need more; the share of bad ones has ended the run before. */
const MOST_ATTEMPTS = 100;

export async function loadDecoder(decoder: string | undefined): Promise<DecodeFile> {
  if (decoder === undefined) return (await import("../decode.js")).decodeFile;
  return ((await import(decoder)) as { decodeFile: DecodeFile }).decodeFile;
}

/** Whatever a decoder throws is the picture's fault as far as a run is concerned. */
function whyOf(error: unknown): Why {
  // By its fields: a decoder from elsewhere has a BadPictureError class of its own.
  const { code, reason, message } = error as Partial<Why & Error>;
  if (code !== undefined && reason !== undefined && BAD_PICTURE_CODES.includes(code)) return { code, reason };
  return { code: "unreadable", reason: message ?? String(error) };
}

export class Work {
  readonly #setup: WorkSetup;
  readonly #pulse: Pulse;
  readonly #note: Note | undefined;
  readonly #tell: (report: Report) => void;
  #decode: DecodeFile | undefined;

  constructor(setup: WorkSetup, pulse: Pulse, note: Note | undefined, tell: (report: Report) => void) {
    this.#setup = setup;
    this.#pulse = pulse;
    this.#note = note;
    this.#tell = tell;
  }

  /** Pictures in memory need no decoder, and their workers never load one. */
  async prepare(decode?: DecodeFile): Promise<void> {
    if (this.#setup.content.kind === "files") this.#decode = decode ?? (await loadDecoder(this.#setup.decoder));
  }

  /** Fills a place, with the sample that the order put there or the first good one of its replacements. */
  async fill(ring: Ring, place: Place): Promise<void> {
    const { known, size, seed } = this.#setup;
    const original = ring.sample(place);
    const epoch = ring.epoch(place.ordinal);
    const replacements = new KeyedRandom({ seed, purpose: "replace", epoch, sample: original });
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const sample = attempt === 0 ? original : replacements.integer(size);
      const why = Atomics.load(known, sample) === 0 ? await this.#make(ring, place, sample, epoch) : undefined;
      if (why === "made") {
        if (ring.complete(place, sample)) this.#tell({ type: "done" });
        return;
      }
      const report: Report = { type: "met", ring: ring.memory.id, place, sample };
      this.#tell(why === undefined ? report : { ...report, why });
      // After the report: whoever sees the flag can rely on the reason having been sent.
      Atomics.store(known, sample, 1);
    }
    this.#tell({ type: "exhausted", ring: ring.memory.id, place, attempts: MOST_ATTEMPTS });
  }

  async #make(ring: Ring, place: Place, sample: number, epoch: number): Promise<"made" | Why> {
    const { content } = this.#setup;
    this.#pulse.begin(ring.memory.id, place.ordinal, place.position, sample);
    if (content.kind === "pixels") {
      this.#transform(ring, place, pixelsOf(content, sample), sample, epoch);
    } else {
      const decoded = await this.#decodeNoted(pathOf(content, sample));
      if ("reason" in decoded) {
        this.#pulse.end();
        return decoded;
      }
      this.#transform(ring, place, decoded, sample, epoch);
    }
    this.#pulse.end();
    return "made";
  }

  async #decodeNoted(file: string): Promise<Picture | Why> {
    this.#note?.write(file);
    try {
      return await (this.#decode as DecodeFile)(file, this.#setup.decode);
    } catch (error) {
      return whyOf(error);
    } finally {
      this.#note?.clear();
    }
  }

  #transform(ring: Ring, place: Place, picture: Picture, sample: number, epoch: number): void {
    const { views, seed } = this.#setup;
    const source = withChannels(picture, ring.memory.channels);
    views.forEach(({ name, transform }, index) => {
      const random = new KeyedRandom({ seed, purpose: `view:${name}`, epoch, sample });
      ring.write(place, index, apply(transform, source, random).data);
    });
  }
}
