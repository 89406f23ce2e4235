import { withoutAutocast } from "../../../engine/modes.js";
import type { PatchEncoder } from "../../../models/encoder.js";
import { Tanh } from "../../../nn/activations.js";
import { truncatedNormal } from "../../../nn/init.js";
import { Linear } from "../../../nn/linear.js";
import { Chain, Module } from "../../../nn/module.js";
import { unpatchify } from "../../../nn/patches.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { type CodebookShape, CosineQuantizer } from "./quantizer.js";

/** What of a vector-quantised tokenizer turns pictures into tokens; parts have the official names. */
export interface VqParts {
  readonly encoder: PatchEncoder;
  readonly encodeTaskLayer: Chain<Module>;
  readonly quantize: CosineQuantizer;
}

/** Two linear layers with a hyperbolic tangent between them, numbered as PyTorch's `Sequential` (official task layers). */
export function taskLayer(inputs: number, outputs: number): Chain<Module> {
  const weightInit = truncatedNormal(0.02);
  return new Chain<Module>([
    new Linear(inputs, inputs, { weightInit }),
    new Tanh(),
    new Linear(inputs, outputs, { weightInit }),
  ]);
}

/** The parts behind an encoder. */
export function vqParts(shape: CodebookShape, encoder: PatchEncoder): VqParts {
  const { patchSize, channels } = encoder;
  return {
    encoder,
    encodeTaskLayer: taskLayer(encoder.width, shape.codeWidth),
    quantize: new CosineQuantizer(shape, patchSize[0] * patchSize[1] * channels),
  };
}

/** They alone: what of a trained VQ-KD is needed for tokens. */
export class VqModel extends Module implements VqParts {
  readonly encodeTaskLayer: Chain<Module>;
  readonly quantize: CosineQuantizer;

  constructor(
    shape: CodebookShape,
    readonly encoder: PatchEncoder,
  ) {
    super();
    const { encodeTaskLayer, quantize } = vqParts(shape, encoder);
    this.encodeTaskLayer = encodeTaskLayer;
    this.quantize = quantize;
  }

  /** image [B C H W] -> tokens [B N] int64 */
  protected forward(image: Tensor): Tensor {
    return this.tokens(image);
  }

  /** image [B C H W] -> tokens [B N] int64 */
  tokens(image: Tensor): Tensor {
    return this.quantize.tokens(vectorsOf(this, image));
  }

  /** tokens [B N] int64 -> the picture of the mean patch of each [B C H W] */
  pictures(tokens: Tensor): Tensor {
    return picturesOf(this, tokens);
  }
}

/** image [B C H W] -> a vector for each patch, before it is made a unit vector [B N C], float32 */
export function vectorsOf({ encoder, encodeTaskLayer }: VqParts, image: Tensor): Tensor {
  const latent = encoder.call(image).slice(1, 1); // [B N D]
  return withoutAutocast(() => encodeTaskLayer.call(latent.float())); // [B N C]
}

/** tokens [B N] int64 -> the picture of the mean patch of each [B C H W] */
export function picturesOf({ encoder, quantize }: VqParts, tokens: Tensor): Tensor {
  return unpatchify(quantize.patches(tokens), encoder.patchSize, encoder.grid, "channelsLast");
}

/** How such pictures come about, in words. */
export function vqNote(vocabulary: number): string {
  return `pictures are put together of ${vocabulary} tokens, each drawn as the mean of the patches that had it: tokens stand for features, not for pixels`;
}
