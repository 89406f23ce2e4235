/** What is to be known of one file. Runs in a child process: the pictures may be hostile. */
import { createHash } from "node:crypto";
import { type DecodeOptions, decodeBytes, type PictureFacts, readPictureFile } from "../decode.js";
import { type BadPictureCode, BadPictureError } from "../errors.js";
import { isWrapped } from "./glance.js";
import { asColours, type ChannelSums, channelSums, signatureOf, whiteShare } from "./signature.js";

/** A picture that can be used. Plain data, since it crosses from process to process. */
export interface GoodFile {
  readonly bytes: number;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  readonly facts: PictureFacts;
  readonly channels: ChannelSums;
  /** Its bytes wrapped round: see `isWrapped`. */
  readonly wrapped: boolean;
  /** Share of its pixels that are pure white: see `whiteShare`. */
  readonly white: number;
  readonly hash: readonly [number, number];
  /** Base 64. */
  readonly thumbnail: string;
  readonly contrast: number;
}

export interface BadFile {
  readonly code: BadPictureCode;
  readonly reason: string;
}

export type Inspection = GoodFile | BadFile;

export function isBad(inspection: Inspection): inspection is BadFile {
  return "code" in inspection;
}

/** Reads, decodes and measures one file. Never throws for what is wrong with the file. */
export async function inspectFile(path: string, options: DecodeOptions): Promise<Inspection> {
  try {
    const bytes = readPictureFile(path);
    const { picture, facts } = await decodeBytes(bytes, path, options);
    const colours = asColours(picture);
    const { hash, thumbnail, contrast } = signatureOf(colours);
    return {
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      width: picture.width,
      height: picture.height,
      facts,
      channels: channelSums(picture),
      wrapped: isWrapped(picture),
      white: whiteShare(colours),
      hash,
      thumbnail: Buffer.from(thumbnail).toString("base64"),
      contrast,
    };
  } catch (error) {
    if (error instanceof BadPictureError) return { code: error.code, reason: error.reason };
    throw error;
  }
}
