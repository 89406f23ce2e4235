/** A run as a page: its model as ONNX, examples with their features, and what libtorch computes for the first of them. */
import { basename, dirname } from "node:path";
import sharp from "sharp";
import type { SourceInput } from "../../data/source.js";
import { CheckpointError } from "../../engine/errors.js";
import type { PageDescription } from "../../page/description.js";
import type { PageParts } from "../../page/folder.js";
import type { LoadedMethod } from "../../train/checkpoints/load.js";
import { lacunaVersion } from "../../train/loop/environment.js";
import { autoencoderOnnx } from "../onnx.js";
import { type Examples, readExamples } from "./examples.js";
import { checkNumbers, featuresOf } from "./numbers.js";

/** What a page shows beside the model: examples, title, licence. */
export interface PageOptions {
  /** Pictures that visitors see; the run's held-out ones unless said, else those it was trained on. */
  readonly examples?: SourceInput;
  /** How many of them; 24 unless said. */
  readonly count?: number;
  /** Above the page. */
  readonly title?: string;
  /** Under which terms the weights and the examples may be used. */
  readonly license?: string;
}

const usualCount = 24;

/** Outputs of the file that the page reads. */
const known = ["prediction", "features", "attention"] as const;

/**
 * All that `writePage` puts into a folder. Nothing is written.
 * @throws CheckpointError for a method that a page cannot show, DataError "examples" where no example can be read
 */
export async function makePage(model: LoadedMethod, options: PageOptions = {}): Promise<PageParts> {
  const target = targetOf(model);
  const onnx = autoencoderOnnx(model, options.license === undefined ? {} : { license: options.license });
  const examples = await readExamples(model, options.examples, options.count ?? usualCount);
  const bytes = onnx.bytes();
  const given = onnx.outputs.map(({ name }) => name);
  const features = featuresOf(model, examples);
  const files = new Map<string, Uint8Array>([
    ["model.onnx", bytes],
    ["features.bin", new Uint8Array(features.buffer, features.byteOffset, features.byteLength)],
  ]);
  for (let i = 0; i < examples.names.length; i++) files.set(fileOf(i), await pngOf(examples, i));
  const description = {
    ...describe(model, examples, options),
    model: {
      file: "model.onnx",
      bytes: bytes.length,
      outputs: known.filter((name) => given.includes(name)),
      heads: model.encoder.attentionPaths === undefined ? 0 : (model.encoder.heads ?? 0),
    },
    target,
  };
  return { description, files };
}

function describe(
  model: LoadedMethod,
  examples: Examples,
  options: PageOptions,
): Omit<PageDescription, "model" | "target"> {
  const { config, encoder, step, path } = model;
  const [height, width] = encoder.imageSize;
  const hiding = model.method.hiding?.();
  const parameters = model.method.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
  const id = basename(dirname(dirname(path)));
  return {
    formatVersion: 1,
    title: options.title ?? `${config.method.name.toUpperCase()}: fill in the gaps`,
    license: options.license ?? null,
    run: {
      id,
      step,
      model: `${config.method.name.toUpperCase()}, ${config.model.name.toUpperCase()} of width ${encoder.width} and depth ${encoder.depth}, ${inThousands(parameters)} parameters`,
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
    check: checkNumbers(model, examples),
  };
}

/** What is predicted, where it is pixels. */
function targetOf({ method, config, path }: LoadedMethod): PageDescription["target"] {
  const target = method.pixelTarget?.();
  if (target !== undefined) return target;
  const expected = "a method that predicts pixels";
  const { name, ...options } = config.method;
  const other = "target" in options ? options.target : "other things";
  throw new CheckpointError({ code: "method", path, expected, actual: `${name} that predicts ${other}` });
}

/** `17.56 M`: three or four digits and a thousandfold. */
function inThousands(count: number): string {
  const units = ["", " k", " M", " G"];
  const power = count < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const number = count / 1000 ** power;
  return `${power === 0 ? number : number.toFixed(number < 100 ? 2 : 1)}${units[power]}`;
}

function fileOf(example: number): string {
  return `examples/${example}.png`;
}

function pngOf({ data, height, width, channels }: Examples, example: number): Promise<Buffer> {
  const length = height * width * channels;
  const pixels = data.subarray(example * length, (example + 1) * length);
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}
