/** What libtorch computes for a page: features of the examples, and numbers by which the browser checks its own. */
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { PageDescription } from "../../page/description.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { toImages } from "../../train/batch.js";
import type { LoadedMethod } from "../../train/checkpoints/load.js";
import type { Examples } from "./examples.js";

/** Numbers of a prediction that the page compares with its own. */
const checkedNumbers = 256;
/** onnxruntime's kernels differ from libtorch's in the seventh digit; this is for predictions of about one. */
const tolerance = 1e-3;
/** Pictures at a time. */
const batch = 8;

/** @returns float32 [E D], the features of the whole pictures */
export function featuresOf(model: LoadedMethod, examples: Examples): Float32Array<ArrayBuffer> {
  const { width } = model.encoder;
  const features = new Float32Array(examples.names.length * width);
  for (let first = 0; first < examples.names.length; first += batch) {
    const images = imagesOf(model, examples, first, Math.min(batch, examples.names.length - first));
    const rows = scope(() => noGrad(() => model.features(images()).float().toDevice("cpu").toArray()));
    features.set(rows as Float32Array, first * width);
  }
  return features;
}

/** Part of the prediction for the first example, in float32, with every fourth patch visible. */
export function checkNumbers(model: LoadedMethod, examples: Examples): PageDescription["check"] {
  const { method, config } = model;
  const [rows, columns] = method.hiding?.().grid ?? [0, 0];
  const patches = rows * columns;
  const keep = Array.from({ length: patches }, (_, i) => i).filter((i) => i % 4 === 0);
  const order = [...keep, ...Array.from({ length: patches }, (_, i) => i).filter((i) => i % 4 !== 0)];
  const restore = new BigInt64Array(patches);
  for (const [place, patch] of order.entries()) restore[patch] = BigInt(place);
  const image = imagesOf(model, examples, 0, 1);
  const prediction = scope(() =>
    noGrad(() => {
      const on = { device: config.device };
      const visible = tensor(BigInt64Array.from(keep, BigInt), [1, keep.length], on); // [1 K]
      const graph = method.exports?.().find(({ name }) => name === "masked-autoencoder");
      const filled = graph?.run(image(), visible, tensor(restore, [1, patches], on));
      return (filled as { prediction: Tensor }).prediction.float().toDevice("cpu").toArray(); // [1 N P]
    }),
  ) as Float32Array;
  const stride = Math.max(1, Math.floor(prediction.length / checkedNumbers));
  const positions = Array.from({ length: Math.min(checkedNumbers, prediction.length) }, (_, i) => i * stride);
  return { example: 0, keep, positions, values: positions.map((at) => prediction[at] as number), tolerance };
}

/** Examples as the model's input [n C H W]; made where it is used, inside a scope. */
function imagesOf(
  { config }: LoadedMethod,
  { data, height, width, channels }: Examples,
  first: number,
  count: number,
): () => Tensor {
  const length = height * width * channels;
  const view = { data: data.subarray(first * length, (first + count) * length), height, width, channels };
  return () => toImages(view, config.data.mean, config.data.std, config.device);
}
