/** The worker: fetches, decodes and computes, so that the page never waits. */
import type { Picture } from "../../../src/data/resample.js";
import type { PageDescription } from "../../../src/page/description.js";
import { fromRgba, prepared } from "../picture/prepare.js";
import type { Answer, CallName, Calls, Engine, Request } from "./messages.js";
import { Model } from "./runtime.js";

let model: Model | undefined;
let description: PageDescription | undefined;

function opened(): { model: Model; description: PageDescription } {
  if (model === undefined || description === undefined) throw new Error("the model is not loaded yet");
  return { model, description };
}

async function open(input: Calls["open"]["input"]): Promise<Engine> {
  description = input.description;
  const { address } = input;
  const { check, examples } = description;
  const file = examples[check.example]?.file;
  if (file === undefined) throw new Error(`page.json has no example ${check.example}`);
  const [bytes, example] = await Promise.all([
    download(address + description.model.file, description.model.bytes),
    fetched(address + file).then(async (response) => prepare(await response.blob(), input.description)),
  ]);
  const found = await Model.open(description, { address, bytes, example, wanted: input.wanted });
  model = found.model;
  return found.engine;
}

async function fetched(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server answers ${response.status}`);
  return response;
}

/** Says how much has come, since a model is by far the largest part of the page. */
async function download(address: string, size: number): Promise<Uint8Array> {
  const { body } = await fetched(address);
  const parts: Uint8Array[] = [];
  let received = 0;
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    received += part.value.length;
    answer({ progress: Math.min(1, received / size) });
  }
  if (received !== size) throw new Error(`${address}: expected ${size} bytes, got ${received}`);
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

async function prepare(file: Blob, { image }: PageDescription): Promise<Picture> {
  // Pixels as the file has them: no colour management and no premultiplied alpha, upright.
  const bitmap = await createImageBitmap(file, {
    imageOrientation: "from-image",
    premultiplyAlpha: "none",
    colorSpaceConversion: "none",
  }).catch(() => undefined);
  if (bitmap === undefined) throw new Error("this file is not a picture that the browser can read");
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("the browser gives no canvas to the worker");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return prepared(fromRgba(context.getImageData(0, 0, canvas.width, canvas.height), image.channels), image);
}

const calls: { [N in CallName]: (input: Calls[N]["input"]) => Promise<Calls[N]["output"]> } = {
  open,
  prepare: ({ file }) => prepare(file, opened().description),
  fill: ({ picture, keep, restore }) => opened().model.fill(picture, { keep, restore }),
  features: ({ picture }) => opened().model.features(picture),
};

/** What is handed over instead of copied: the page's thread shall not spend its time on it. */
function buffersOf(output: Calls[CallName]["output"]): ArrayBufferLike[] {
  if (output === undefined) return [];
  if (output instanceof Float32Array) return [output.buffer];
  return Object.values(output).flatMap((value) => (ArrayBuffer.isView(value) ? [value.buffer] : []));
}

function answer(message: Answer): void {
  self.postMessage(message);
}

async function serve({ id, name, input }: Request): Promise<void> {
  try {
    const output = await calls[name](input as never);
    self.postMessage({ id, output } satisfies Answer, { transfer: buffersOf(output) });
  } catch (error) {
    answer({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

// One after the other: a session computes one picture at a time.
let last: Promise<void> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<Request>) => {
  last = last.then(() => serve(data));
};
