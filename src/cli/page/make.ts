/** A run as a page: its model as ONNX, examples with their features, and what libtorch computes for the first of them. */
import { basename, dirname } from "node:path";
import sharp from "sharp";
import type { LoadedMethod, PageDescription, SourceInput } from "../../index.js";
import { UsageError } from "../errors.js";
import { scaled } from "../words.js";
import { checkNumbers, featuresOf } from "./compute.js";
import { type Examples, readExamples } from "./examples.js";

export interface PageWishes {
  readonly examples?: SourceInput;
  readonly count: number;
  readonly title?: string;
  readonly license?: string;
}

export interface MadePage {
  readonly description: PageDescription;
  /** By their paths in the folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Outputs of the file that the page reads. */
const known = ["prediction", "features", "attention"] as const;

/** @throws UsageError for a method or pictures that a page cannot show */
export async function makePage(model: LoadedMethod, wishes: PageWishes): Promise<MadePage> {
  const target = targetOf(model);
  const { autoencoderOnnx } = await import("../../index.js");
  const onnx = autoencoderOnnx(model, wishes.license === undefined ? {} : { license: wishes.license });
  const examples = await readExamples(model, wishes);
  const bytes = onnx.bytes();
  const given = onnx.outputs.map(({ name }) => name);
  const features = await featuresOf(model, examples);
  const files = new Map<string, Uint8Array>([
    ["model.onnx", bytes],
    ["features.bin", new Uint8Array(features.buffer, features.byteOffset, features.byteLength)],
  ]);
  for (let i = 0; i < examples.names.length; i++) files.set(fileOf(i), await pngOf(examples, i));
  const description = {
    ...(await describe(model, examples, wishes)),
    model: {
      file: "model.onnx",
      bytes: bytes.length,
      outputs: known.filter((name) => given.includes(name)),
      heads: model.encoder.heads ?? 0,
    },
    target,
  };
  return { description, files };
}

async function describe(
  model: LoadedMethod,
  examples: Examples,
  wishes: PageWishes,
): Promise<Omit<PageDescription, "model" | "target">> {
  const { lacunaVersion } = await import("../../index.js");
  const { config, encoder, step, path } = model;
  const [height, width] = encoder.imageSize;
  const hiding = model.method.hiding?.();
  const parameters = model.method.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
  const id = basename(dirname(dirname(path)));
  return {
    formatVersion: 1,
    title: wishes.title ?? `${config.method.name.toUpperCase()}: fill in the gaps`,
    license: wishes.license ?? null,
    run: {
      id,
      step,
      model: `${config.method.name.toUpperCase()}, ${config.model.name.toUpperCase()} of width ${encoder.width} and depth ${encoder.depth}, ${scaled(parameters)} parameters`,
      lacuna: lacunaVersion(),
    },
    image: { height, width, channels: examples.channels },
    patch: [...(hiding?.cell ?? encoder.stride)] as [number, number],
    mean: [...config.data.mean],
    std: [...config.data.std],
    mask: {
      ratio: hiding?.share ?? 0.75,
      kind: "mask" in config.method ? config.method.mask : "random",
    },
    examples: examples.names.map((name, i) => ({ file: fileOf(i), name })),
    features: { file: "features.bin", dimensions: encoder.width },
    check: await checkNumbers(model, examples),
  };
}

/** What is predicted, where it is pixels. */
function targetOf({ config, path }: LoadedMethod): PageDescription["target"] {
  const { method } = config;
  const predicted = "target" in method ? method.target : "normalizeTargets" in method ? "pixels" : "no pixels";
  if (predicted === "pixels" && "normalizeTargets" in method)
    return method.normalizeTargets ? "normalizedPixels" : "pixels";
  const expected = "a method that predicts pixels";
  throw new UsageError({ code: "method", path, expected, actual: `${method.name} that predicts ${predicted}` });
}

function fileOf(example: number): string {
  return `examples/${example}.png`;
}

function pngOf({ data, height, width, channels }: Examples, example: number): Promise<Buffer> {
  const length = height * width * channels;
  const pixels = data.subarray(example * length, (example + 1) * length);
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}
