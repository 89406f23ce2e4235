import type { Module } from "../nn/module.js";
import type { Size } from "../nn/patches.js";
import type { Tensor } from "../tensor/tensor.js";

/** What every backbone offers: evaluation, embedding and export ask for nothing else. */
export interface Encoder extends Module<[Tensor], Tensor> {
  /** Features of an image, per vector. */
  readonly width: number;
  readonly channels: number;
  readonly imageSize: Size;
  /** image [B C H W] -> one feature vector an image [B D]; nothing is masked */
  features(image: Tensor): Tensor;
}
