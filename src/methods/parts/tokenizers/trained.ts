import { z } from "zod";
import { ConfigError } from "../../../errors.js";
import type { Encoder, PatchEncoder } from "../../../models/encoder.js";
import { buildEncoder, modelConfig } from "../../../models/index.js";
import { Module } from "../../../nn/module.js";
import { patchify, type Size } from "../../../nn/patches.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { Dvae, dvaeConfig } from "../../masked/dvae.js";
import { vqkdConfig } from "../../masked/vqkd.js";
import type { Borrowed, TrainedRun } from "../../method.js";
import { borrowedFields, resolveBorrowed } from "./borrowed.js";
import type { Tokenizer } from "./tokenizer.js";
import { VqModel, vqNote } from "./vq-parts.js";

const fields = (name: string) =>
  borrowedFields(`a run of ${name}, or a checkpoint of one: its grid of tokens must be that of the patches`);

/** Schemas of tokenizers that were trained before. */
export const trainedTokenizerConfigs = [
  z.strictObject({ name: z.literal("dvae"), ...fields("dvae") }).describe("a dVAE that was trained before"),
  z.strictObject({ name: z.literal("vqkd"), ...fields("vqkd") }).describe("a VQ-KD that was trained before"),
] as const;
/** A tokenizer that was trained before, as it is configured. */
export type TrainedTokenizerConfig = z.output<(typeof trainedTokenizerConfigs)[number]>;

/** What of a trained tokenizer is needed, its state under the names of its run. */
interface TokenModel extends Module<never[], unknown> {
  /** image [B C H W] -> [B N] int64 */
  tokens(image: Tensor): Tensor;
  /** tokens [B N] -> the picture that they stand for [B C H W] */
  pictures(tokens: Tensor): Tensor;
}

interface Kind {
  /** @param method the run's own configuration */
  make(method: unknown, encoder: Encoder): { readonly model: TokenModel; readonly vocabulary: number };
  note(vocabulary: number): string;
}

const kinds: Readonly<Record<TrainedTokenizerConfig["name"], Kind>> = {
  dvae: {
    make: (method, encoder) => {
      const config = dvaeConfig.parse(method);
      return { model: new Dvae(config, encoder), vocabulary: config.vocabulary };
    },
    note: (vocabulary) => `predictions are ${vocabulary} tokens, drawn by the dVAE that they come from`,
  },
  vqkd: {
    make: (method, encoder) => {
      const config = vqkdConfig.parse(method);
      return { model: new VqModel(config, encoder as PatchEncoder), vocabulary: config.vocabulary }; // as every vqkd has
    },
    note: vqNote,
  },
};

/** Whether a tokenizer of a configuration is one that was trained before. */
export function isTrained<C extends { readonly name: string }>(config: C): config is C & TrainedTokenizerConfig {
  return Object.hasOwn(kinds, config.name);
}

/** The same with what the tokenizer's run says of itself. @throws ConfigError for a run of another method, or of other weights */
export function resolveTrained(
  config: TrainedTokenizerConfig,
  read: (run: string) => TrainedRun,
): TrainedTokenizerConfig {
  return resolveBorrowed(config, read, "method.tokenizer", ({ method }) => {
    if (method?.name === config.name) return;
    throw new ConfigError({
      problem: `${config.run} is a run of ${method?.name ?? "no method"}, the tokenizer is to be one of ${config.name}.`,
      code: "tokenizer",
      path: "method.tokenizer.run",
      expected: `a run of ${config.name}`,
      actual: method?.name,
      remedy: `Train one: lacuna pretrain <pictures> --method.name=${config.name}.`,
    });
  });
}

/** A trained dVAE or VQ-KD as a tokenizer: its weights are in the state, and are not trained. */
export class TrainedTokenizer extends Module<[Tensor], Tensor> implements Tokenizer {
  readonly model: TokenModel;
  readonly vocabulary: number;
  readonly #patchSize: Size;

  /** @throws ConfigError where the run was not read, or has other patches than the encoder */
  constructor(
    private readonly config: TrainedTokenizerConfig,
    { imageSize, channels, patchSize }: Pick<PatchEncoder, "patchSize" | "channels" | "imageSize">,
  ) {
    super();
    this.#patchSize = patchSize;
    const encoder = buildEncoder(modelConfig.parse(config.model), { imageSize, channels });
    if (String(encoder.stride) !== String(patchSize)) {
      encoder.close();
      throw new ConfigError({
        problem: `the tokenizer has a token for ${encoder.stride.join(" × ")} pixels, a patch has ${patchSize.join(" × ")}.`,
        code: "patch",
        path: "method.tokenizer.run",
        expected: patchSize,
        actual: encoder.stride,
        remedy: `Train a ${config.name} whose encoder has patches of the same size.`,
      });
    }
    const { model, vocabulary } = kinds[config.name].make(config.method, encoder);
    this.model = model;
    this.vocabulary = vocabulary;
    for (const value of model.state().values()) value.setRequiresGrad(false);
  }

  /** image [B C H W] -> tokens [B N] int64 */
  protected forward(image: Tensor): Tensor {
    return this.model.tokens(image);
  }

  /** tokens [B N] -> the picture that they stand for, in patches [B N P] */
  patches(tokens: Tensor): Tensor {
    return patchify(this.model.pictures(tokens), this.#patchSize, "channelsLast");
  }

  entropy(): number {
    return Math.log(this.vocabulary);
  }

  note(): string {
    return kinds[this.config.name].note(this.vocabulary);
  }

  /** Where its weights come from. */
  borrowed(): Borrowed {
    return { run: this.config.run, hash: this.config.hash, state: this.model.state() };
  }
}
