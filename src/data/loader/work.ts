/** Fills the places of a ring: decodes, replaces what is bad, transforms. Runs in a worker, or in the calling thread. */
import type { ColourMode } from "../decode/icc.js";
import type { JpegMode } from "../decode/jpeg.js";
import type { Choose, Piece, PieceOptions, Wanted } from "../decode/piece.js";
import { BAD_PICTURE_CODES, type BadPictureCode } from "../errors.js";
import { KeyedRandom } from "../random.js";
import type { Picture } from "../resample.js";
import { apply, applyToPiece, wantedBy } from "../transform.js";
import type { ResolvedView, Size, Transform } from "../views.js";
import { pathOf, pixelsOf, type SharedContent, withChannels } from "./content.js";
import type { Note } from "./notes.js";
import type { Pulse } from "./pulse.js";
import type { Place, Ring } from "./ring.js";

export interface DecodeOptions {
  readonly maxPixels: number;
  readonly timeoutMs: number;
  readonly channels: number;
  readonly jpeg?: JpegMode;
  readonly colour?: ColourMode;
}

export type DecodeFile = (path: string, options: DecodeOptions) => Promise<Picture>;

/** What turns files into pixels. `decodePart` works at once, in memory that the next call of it takes again. */
export interface Decoder {
  readonly decodeFile: DecodeFile;
  readonly decodePart?: (path: string, options: PieceOptions, choose: Choose) => Piece | undefined;
}

/** All that fixes the bytes of a batch besides the order of the samples. Can be sent to a worker. */
export interface WorkSetup {
  readonly content: SharedContent;
  readonly size: number;
  readonly seed: number;
  readonly views: readonly Pick<ResolvedView, "key" | "transform" | "of">[];
  readonly decode: DecodeOptions;
  /** A file: URL of a module that exports `decodeFile`; ours when undefined. */
  readonly decoder: string | undefined;
  /** One byte a sample, shared: 1 when it is known to be bad. */
  readonly known: Uint8Array;
  /** One byte a sample, shared: whether its file has been read to the end (see `Soundness`). */
  readonly sound: Uint8Array;
}

/** Unknown: not yet read. Whole: it has to be decoded as a whole, for its format or for damage in it. */
const Soundness = { unknown: 0, sound: 1, whole: 2 } as const;

/** What filling a ring has to tell. `met`: a sample at this place turned out, or was known, to be bad. */
export type Report =
  | { readonly type: "met"; readonly ring: number; readonly place: Place; readonly sample: number; readonly why?: Why }
  | { readonly type: "done" }
  | { readonly type: "exhausted"; readonly ring: number; readonly place: Place; readonly attempts: number }
  | { readonly type: "failed"; readonly reason: string; readonly cause?: unknown };

export interface Why {
  readonly code: BadPictureCode;
  readonly reason: string;
}

/** With nine pictures of ten bad, one place in 10^5 would need more; the share of bad ones has ended the run before. */
const MOST_ATTEMPTS = 100;

export async function loadDecoder(decoder: string | undefined): Promise<Decoder> {
  if (decoder === undefined) return await import("../decode.js");
  return { decodeFile: ((await import(decoder)) as Decoder).decodeFile };
}

/** Whatever a decoder throws is the picture's fault as far as a run is concerned. */
function whyOf(error: unknown): Why {
  // By its fields: a decoder from elsewhere has a BadPictureError class of its own.
  const { code, reason, message } = error as Partial<Why & Error>;
  if (code !== undefined && reason !== undefined && BAD_PICTURE_CODES.includes(code)) return { code, reason };
  return { code: "unreadable", reason: message ?? String(error) };
}

type MakeView = (transform: Transform, random: KeyedRandom) => Picture;

export class Work {
  readonly #setup: WorkSetup;
  readonly #pulse: Pulse;
  readonly #note: Note | undefined;
  readonly #tell: (report: Report) => void;
  readonly #takesParts: boolean;
  #decoder: Decoder | undefined;

  constructor(setup: WorkSetup, pulse: Pulse, note: Note | undefined, tell: (report: Report) => void) {
    this.#setup = setup;
    this.#pulse = pulse;
    this.#note = note;
    this.#tell = tell;
    this.#takesParts = setup.views.every(({ transform, of }) => {
      return of !== undefined || transform[0]?.type === "randomResizedCrop";
    });
  }

  /** Pictures in memory need no decoder, and their workers never load one. */
  async prepare(decoder?: Decoder): Promise<void> {
    if (this.#setup.content.kind === "files") this.#decoder = decoder ?? (await loadDecoder(this.#setup.decoder));
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
      const file = pathOf(content, sample);
      if (!this.#makeOfPart(ring, place, file, sample, epoch)) {
        const decoded = await this.#decodeNoted(file);
        if ("reason" in decoded) {
          this.#pulse.end();
          return decoded;
        }
        this.#transform(ring, place, decoded, sample, epoch);
      }
    }
    this.#pulse.end();
    return "made";
  }

  /**
   * Where all views begin with a random crop, what they need is decoded and no more. The first time the file's data is read
   * to its end, so that a file that is bad or damaged is found whatever the crop, as decoding all of it would.
   */
  #makeOfPart(ring: Ring, place: Place, file: string, sample: number, epoch: number): boolean {
    const { sound, decode } = this.#setup;
    const state = Atomics.load(sound, sample);
    const decodePart = this.#decoder?.decodePart;
    if (!this.#takesParts || decodePart === undefined || state === Soundness.whole) return false;
    this.#note?.write(file);
    const options = { ...decode, toEnd: state === Soundness.unknown };
    const piece = decodePart(file, options, (whole) => this.#wanted(whole, sample, epoch));
    this.#note?.clear();
    Atomics.store(sound, sample, piece === undefined ? Soundness.whole : Soundness.sound);
    if (piece === undefined) return false;
    const source = { ...piece, picture: withChannels(piece.picture, ring.memory.channels) };
    this.#write(ring, place, (transform, random) => applyToPiece(transform, source, random), sample, epoch);
    return true;
  }

  /** The smallest part that holds what every view cuts out. */
  #wanted(whole: Size, sample: number, epoch: number): Wanted {
    const ofPicture = this.#setup.views.filter(({ of }) => of === undefined);
    const all = ofPicture.map(({ key, transform }) => {
      return wantedBy(transform, whole, this.#random(key, sample, epoch)) as Wanted;
    });
    const regions = all.map(({ region }) => region);
    const left = Math.min(...regions.map((region) => region.left));
    const top = Math.min(...regions.map((region) => region.top));
    const width = Math.max(...regions.map((region) => region.left + region.width)) - left;
    const height = Math.max(...regions.map((region) => region.top + region.height)) - top;
    return { region: { left, top, width, height }, shrinks: Math.min(...all.map(({ shrinks }) => shrinks)) };
  }

  #random(key: string, sample: number, epoch: number): KeyedRandom {
    return new KeyedRandom({ seed: this.#setup.seed, purpose: `view:${key}`, epoch, sample });
  }

  async #decodeNoted(file: string): Promise<Picture | Why> {
    this.#note?.write(file);
    try {
      return await (this.#decoder as Decoder).decodeFile(file, this.#setup.decode);
    } catch (error) {
      return whyOf(error);
    } finally {
      this.#note?.clear();
    }
  }

  /** @param fromPicture makes a view that starts from the picture itself */
  #write(ring: Ring, place: Place, fromPicture: MakeView, sample: number, epoch: number): void {
    const made: Picture[] = [];
    for (const { transform, key, of } of this.#setup.views) {
      const random = this.#random(key, sample, epoch);
      const view = of === undefined ? fromPicture(transform, random) : apply(transform, made[of] as Picture, random);
      ring.write(place, made.length, view.data);
      made.push(view);
    }
  }

  #transform(ring: Ring, place: Place, picture: Picture, sample: number, epoch: number): void {
    const source = withChannels(picture, ring.memory.channels);
    this.#write(ring, place, (transform, random) => apply(transform, source, random), sample, epoch);
  }
}
