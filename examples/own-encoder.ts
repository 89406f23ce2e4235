/**
 * An encoder of one's own, in a file of one's own: MLP-Mixer (Tolstikhin et al., NeurIPS 2021, arXiv 2105.01601), with timm's names.
 * `lacuna pretrain photos --plugin examples/own-encoder.ts --model.name=mixer --method.name=mocoV3` trains it; any method that
 * takes any encoder does. Checkpoints, resume, plan, probes, `embed`, `evaluate`, `finetune` and ONNX come with the contract.
 */
import type { Tensor } from "lacuna";
import { type DefinedModel, type Encoder, encoderOfMaps, type FeatureMap, type ImageShape } from "lacuna/models";
import { Chain, LayerNorm, Mlp, Module, type Part, PatchEmbed, type Size } from "lacuna/nn";
import { z } from "zod";

const positive = z.int().positive();
const mixerConfig = z.strictObject({
  name: z.literal("mixer").default("mixer"),
  width: positive.default(256).describe("channels of a patch"),
  depth: positive.default(8).describe("blocks"),
  patchSize: positive.default(16).describe("side of a patch in pixels"),
});
type MixerConfig = z.output<typeof mixerConfig>;

/** Patches talk to one another channel by channel, then channels patch by patch (equation 1). */
class MixerBlock extends Module {
  readonly norm1: LayerNorm;
  readonly mlpTokens: Mlp;
  readonly norm2: LayerNorm;
  readonly mlpChannels: Mlp;

  constructor(patches: number, width: number) {
    super();
    this.norm1 = new LayerNorm(width);
    this.mlpTokens = new Mlp(patches, width / 2);
    this.norm2 = new LayerNorm(width);
    this.mlpChannels = new Mlp(width, 4 * width);
  }

  /** x [B N D] -> [B N D] */
  protected forward(x: Tensor): Tensor {
    const mixed = this.mlpTokens.call(this.norm1.call(x).transpose(1, 2)).transpose(1, 2); // [B N D]
    const seen = x.add(mixed); // [B N D]
    return seen.add(this.mlpChannels.call(this.norm2.call(seen)));
  }
}

class Mixer extends Module<[Tensor]> implements Encoder {
  readonly stem: PatchEmbed;
  readonly blocks: Chain<MixerBlock>;
  readonly norm: LayerNorm;
  readonly width: number;
  readonly depth: number;
  readonly channels: number;
  readonly imageSize: Size;
  readonly stride: Size;
  readonly pools = ["mean"] as const;

  constructor({ width, depth, patchSize }: MixerConfig, { imageSize, channels }: ImageShape) {
    super();
    [this.width, this.depth, this.channels, this.imageSize] = [width, depth, channels, imageSize];
    this.stride = [patchSize, patchSize];
    const patches = (imageSize[0] / patchSize) * (imageSize[1] / patchSize);
    this.stem = new PatchEmbed(channels, width, this.stride);
    this.blocks = new Chain(Array.from({ length: depth }, () => new MixerBlock(patches, width)));
    this.norm = new LayerNorm(width);
  }

  /** image [B C H W] -> map [B D h w] */
  protected forward(image: Tensor): Tensor {
    const x = this.norm.call(this.blocks.call(this.stem.call(this.stem.unfold(image)))); // [B N D]
    const [h, w] = [image.side(2) / this.stride[0], image.side(3) / this.stride[1]];
    return x.transpose(1, 2).reshape([x.side(0), this.width, h, w]);
  }

  features(image: Tensor): Tensor {
    return this.call(image).mean([2, 3]); // [B D]
  }

  stages(image: Tensor): readonly FeatureMap[] {
    return [{ map: this.call(image), stride: this.stride }];
  }

  /** The number of patches is built in. */
  accepts([height, width]: Size): boolean {
    return height === this.imageSize[0] && width === this.imageSize[1];
  }

  layerOf(name: string): number {
    const [, block] = /^blocks\.(\d+)\./.exec(name) ?? [];
    return block === undefined ? (name.startsWith("stem.") ? 0 : this.depth + 1) : Number(block) + 1;
  }

  lastLayers(count: number): readonly Part[] {
    const blocks = this.blocks.links.slice(this.depth - Math.ceil(count));
    return count === 0 ? [] : [...blocks, this.norm];
  }

  get layerPaths(): readonly string[] {
    return this.blocks.links.map((_, i) => `blocks.${i}`);
  }

  exports() {
    return [encoderOfMaps(this, "mean over positions")];
  }

  setCheckpointing(on: boolean): void {
    this.blocks.checkpointing = on;
  }
}

const mixer: DefinedModel<MixerConfig> = {
  name: "mixer",
  config: mixerConfig,
  build: (config, image) => new Mixer(config, image),
};
export default mixer;
