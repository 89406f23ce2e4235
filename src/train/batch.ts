import { ShapeError, StateError } from "../engine/errors.js";
import { noGrad } from "../engine/modes.js";
import { scope } from "../engine/scope.js";
import type { ReadText } from "../methods/method.js";
import { full } from "../tensor/creation.js";
import { type Tensor, tensor } from "../tensor/tensor.js";

/** Pictures as the loader hands them over: bytes [B H W C]. */
export interface PixelBatch {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Pixels [B H W C], 0 … 255 -> images [B C H W], float32: `(x / 255 − mean) / std`, rounded after each of the three
 * operations as torchvision's ToTensor and Normalize do. Mean and deviation: one for each channel, of pixels 0 … 1. The bytes are copied, so the view may be reused at once.
 * @throws ShapeError where bytes, sides and channels do not fit
 */
export function toImages(view: PixelBatch, mean: readonly number[], std: readonly number[], device = "cpu"): Tensor {
  const { height, width, channels } = view;
  checkView(view, mean.length, std.length);
  return scope(() =>
    noGrad(() => {
      const perChannel = (values: readonly number[]) => tensor(Float32Array.from(values), [channels, 1, 1], { device }); // [C 1 1]
      const batch = view.data.length / (height * width * channels);
      const bytes = tensor(view.data, [batch, height, width, channels], { device }).permute([0, 3, 1, 2]); // [B C H W]
      // 255 as a tensor on the device: by a number CUDA multiplies with the reciprocal, which is another rounding.
      const unit = bytes
        .contiguous()
        .float()
        .div(full([], 255, { device }));
      return unit.sub(perChannel(mean)).div(perChannel(std));
    }),
  );
}

/** Texts -> the numbers that a method makes of them [B T], int64. */
export function textTensor(texts: readonly string[], readText: ReadText): Tensor {
  const rows = texts.map((text) => Array.from(readText(text), BigInt));
  return tensor(BigInt64Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]);
}

/** For a source that gives no batch. */
export function noPictures(): StateError {
  const data = {
    expected: "at least one picture",
    actual: 0,
    remedy: "Check the source: lacuna doctor reads all of it.",
  };
  return new StateError({ problem: "the source has no pictures.", code: "no-pictures", path: "data.source", ...data });
}

function checkView({ data, height, width, channels }: PixelBatch, means: number, stds: number): void {
  const picture = height * width * channels;
  if (picture === 0 || data.length % picture !== 0) {
    throw new ShapeError({
      problem: `a batch of ${height} × ${width} × ${channels} pictures was given ${data.length} bytes.`,
      code: "pixel-count",
      expected: `a multiple of ${picture}`,
      actual: data.length,
    });
  }
  if (means !== channels || stds !== channels) {
    throw new ShapeError({
      problem: `pictures have ${channels} channels, the normalisation has ${means} means and ${stds} deviations.`,
      code: "channel-count",
      path: "normalization",
      expected: channels,
      actual: [means, stds],
      remedy: "Give one mean and one deviation for each channel.",
    });
  }
}
