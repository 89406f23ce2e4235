/** page.json: all that the static page knows of its model. Written by `lacuna export --page`, read in the browser. */
import { z } from "zod";

/** Raised when a page of today would misread what is written tomorrow. */
const pageFormatVersion = 1;
export const descriptionFile = "page.json";

const side = z.int().positive();
const perChannel = z.array(z.number()).min(1);
const file = z.string().regex(/^[\w][\w./-]*$/, "expected a path inside the folder");

/** Schema of page.json. */
export const pageDescription = z.strictObject({
  formatVersion: z.literal(pageFormatVersion),
  title: z.string().min(1),
  license: z.string().nullable().describe("of the model and the examples, as the one who exports it states it"),
  run: z.strictObject({
    id: z.string(),
    step: z.int().min(0),
    model: z.string().describe("in words, for people"),
    lacuna: z.string().describe("version"),
  }),
  model: z.strictObject({
    file,
    bytes: z.int().positive(),
    outputs: z.array(z.enum(["prediction", "features", "attention"])),
    heads: z.int().min(0).describe("of the attention output; 0 where there is none"),
  }),
  image: z.strictObject({ height: side, width: side, channels: z.union([z.literal(1), z.literal(3)]) }),
  patch: z.tuple([side, side]).describe("[height, width] in pixels"),
  mean: perChannel.describe("of pixels 0 … 1"),
  std: perChannel,
  target: z.enum(["pixels", "normalizedPixels"]).describe("what the decoder predicts for a patch"),
  mask: z.strictObject({ ratio: z.number().gt(0).lt(1), kind: z.enum(["random", "block", "grid"]) }),
  examples: z.array(z.strictObject({ file, name: z.string() })),
  features: z
    .strictObject({ file, dimensions: side })
    .nullable()
    .describe("float32, little endian, [examples dimensions]: the encoder's features of the whole examples"),
  check: z
    .strictObject({
      example: z.int().min(0),
      keep: z.array(z.int().min(0)).min(1).describe("visible patches"),
      positions: z.array(z.int().min(0)).min(1).describe("in the flat prediction [N P]"),
      values: z.array(z.number()).describe("libtorch's predictions there"),
      tolerance: z.number().positive(),
    })
    .describe("what libtorch computed, so that a browser whose numbers differ is found out"),
});

/** All that a page knows of its model, its examples and their licence: the content of page.json. */
export type PageDescription = z.output<typeof pageDescription>;
