import { z } from "zod";
import { ConfigError } from "../../../errors.js";
import type { PatchEncoder } from "../../../models/encoder.js";
import { buildEncoder, modelConfig } from "../../../models/index.js";
import { Module } from "../../../nn/module.js";
import { patchify, type Size } from "../../../nn/patches.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { Dvae, dvaeConfig } from "../../masked/dvae.js";
import type { Borrowed, TrainedRun } from "../../method.js";
import type { Tokenizer } from "./tokenizer.js";

const written = "written by the run, from the tokenizer's own";

/** Schema of a tokenizer that is a trained dVAE. */
export const dvaeTokenizerConfig = z
  .strictObject({
    name: z.literal("dvae"),
    run: z
      .string()
      .min(1)
      .describe("a run of dvae, or a checkpoint of one: its grid of tokens must be that of the patches"),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("SHA-256 of its weights: written by the run, checked where it is given"),
    method: z.record(z.string(), z.unknown()).optional().describe(written),
    model: z.record(z.string(), z.unknown()).optional().describe(written),
  })
  .describe("a dVAE that was trained before");
/** A tokenizer that is a trained dVAE, as it is configured. */
export type DvaeTokenizerConfig = z.output<typeof dvaeTokenizerConfig>;

/** The same with what the tokenizer's run says of itself. @throws ConfigError for a run of another method */
export function resolveDvae(config: DvaeTokenizerConfig, read: (run: string) => TrainedRun): DvaeTokenizerConfig {
  if (config.hash !== undefined && config.method !== undefined && config.model !== undefined) return config;
  const { path, hash, method, model } = read(config.run);
  if (method?.name !== "dvae")
    throw new ConfigError({
      problem: `${config.run} is a run of ${method?.name ?? "no method"}, a tokenizer is one of dvae.`,
      code: "tokenizer",
      path: "method.tokenizer.run",
      expected: "a run of dvae",
      actual: method?.name,
      remedy: "Train one: lacuna pretrain <pictures> --method.name=dvae.",
    });
  if (config.hash === undefined || config.hash === hash) return { ...config, run: path, hash, method, model };
  throw new ConfigError({
    problem: `the tokenizer's weights have the SHA-256 ${hash}, the configuration asks for ${config.hash}.`,
    code: "hash",
    path: "method.tokenizer.hash",
    expected: config.hash,
    actual: hash,
    remedy: "Get the run that is meant, or leave method.tokenizer.hash out.",
  });
}

/** A trained dVAE as a tokenizer: its weights are in the state, and are not trained. */
export class DvaeTokenizer extends Module<[Tensor], Tensor> implements Tokenizer {
  readonly model: Dvae;
  readonly vocabulary: number;
  readonly #patchSize: Size;

  /** @throws ConfigError where the run was not read, or has other patches than the encoder */
  constructor(
    private readonly config: DvaeTokenizerConfig,
    { imageSize, channels, patchSize }: Pick<PatchEncoder, "patchSize" | "channels" | "imageSize">,
  ) {
    super();
    this.#patchSize = patchSize;
    const model = buildEncoder(modelConfig.parse(config.model), { imageSize, channels });
    if (String(model.stride) !== String(patchSize)) {
      model.close();
      throw new ConfigError({
        problem: `the tokenizer has a token for ${model.stride.join(" × ")} pixels, a patch has ${patchSize.join(" × ")}.`,
        code: "patch",
        path: "method.tokenizer.run",
        expected: patchSize,
        actual: model.stride,
        remedy: "Train a dVAE whose encoder has patches of the same size.",
      });
    }
    this.model = new Dvae(dvaeConfig.parse(config.method), model);
    for (const value of this.model.state().values()) value.setRequiresGrad(false);
    this.vocabulary = this.model.config.vocabulary;
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
    return `predictions are ${this.vocabulary} tokens, drawn by the dVAE that they come from`;
  }

  /** Where its weights come from. */
  borrowed(): Borrowed {
    return { run: this.config.run, hash: this.config.hash, state: this.model.state() };
  }
}
