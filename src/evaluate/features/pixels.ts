import { aten, type Tensor } from "../../tensor/tensor.js";

/**
 * Raw pixels as features, the row that every encoder has to beat. Pictures with a side longer than `limit` are
 * averaged down to it first: a photograph's 150,528 numbers say no more to k-NN than a thumbnail's.
 * images [B C H W] -> [B C·h·w]
 */
export function pixelFeatures(images: Tensor, limit = 32): Tensor {
  const [height, width] = [images.side(2), images.side(3)];
  const small = [Math.min(height, limit), Math.min(width, limit)];
  const fits = small[0] === height && small[1] === width;
  return (fits ? images : aten("adaptive_avg_pool2d", images, small)).flatten(1); // [B C·h·w]
}
