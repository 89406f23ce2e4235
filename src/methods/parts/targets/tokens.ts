import { Module } from "../../../nn/module.js";
import { crossEntropy } from "../../../tensor/functional.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Tokenizer } from "../tokenizers/tokenizer.js";
import type { Target, TargetFit } from "./target.js";

/** A patch's discrete token (MAE, table 1d; BEiT, section 2.3): cross-entropy in place of squared error. */
export class TokenTarget extends Module<[Tensor], Tensor> implements Target {
  readonly outputs: number;

  constructor(readonly tokenizer: Tokenizer) {
    super();
    this.outputs = tokenizer.vocabulary;
  }

  /** image [B C H W] -> tokens [B N 1] int64 */
  protected forward(image: Tensor): Tensor {
    return this.tokenizer.call(image).unsqueeze(-1); // [B N 1]
  }

  loss(predicted: Tensor, wanted: Tensor): Tensor {
    return crossEntropy(predicted.float().reshape([-1, this.outputs]), wanted.reshape([-1])); // []
  }

  /** The likeliest token of each patch, as the tokenizer shows it. */
  pixels(predicted: Tensor): Tensor {
    return this.tokenizer.patches(predicted.argmax(-1)); // [B N P]
  }

  baseline(): number {
    return this.tokenizer.entropy();
  }

  note(): string {
    return this.tokenizer.note();
  }

  fit(): TargetFit | undefined {
    return this.tokenizer.fit?.();
  }
}
