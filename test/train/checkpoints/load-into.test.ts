import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import type { Published } from "../../../src/models/published/open.js";
import type { PublishedTensor } from "../../../src/models/published/tensors.js";
import { Swin, swinConfig } from "../../../src/models/swin/swin.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { sinCosPositions } from "../../../src/nn/positions.js";
import { Rng } from "../../../src/tensor/random.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadInto } from "../../../src/train/checkpoints/load-into.js";
import { smallEncoder } from "../../methods/small.js";
import { made, micro, microDecoder, type PublishedShape, writeOfficial } from "../../models/published/formula.js";
import { vitOf, workFolder } from "../example.js";

const work = workFolder("load-into");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { heads: 2, decoderHeads: 2 };

function vit(
  change: Partial<Parameters<typeof vitConfig.parse>[0] & object> = {},
  imageSize: readonly [number, number] = [16, 16],
): Vit {
  const made = new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 4, ...change }), {
    imageSize,
    channels: 3,
  });
  made.initialize(new Rng(1, "init"));
  return made;
}
const file = (shape: PublishedShape = micro, name = "micro.pth"): Published =>
  openModelFile(writeOfficial(place(name), shape), hints);

test("sizes that differ are all named, with the flags that mend it, and nothing changes", () => {
  using encoder = vit({ width: 32, heads: 4, patchSize: 8 });
  const before = encoder.clsToken.toArray();
  using given = file();
  expect(() => loadInto(encoder.state(), encoder, given, { positions: "resize" })).toThrow(
    /model\.width is 16 in the file, 32 in the configuration; model\.heads is 2 in the file, 4 in the configuration; model\.patchSize is 4 in the file, 8 in the configuration\. Set --model\.width=16 --model\.heads=2 --model\.patchSize=4/,
  );
  expect(encoder.clsToken.toArray()).toEqual(before);
});

test("a decoder is taken where the sizes are the same, and else left with its first values", () => {
  using given = file({ ...micro, decoder: microDecoder });
  for (const width of [8, 16]) {
    using mae = new Mae(maeConfig.parse({ decoder: { width, depth: 1, heads: 2 } }), vit());
    mae.initialize(new Rng(1, "init"));
    const token = mae.decoder.maskToken as Tensor;
    const before = token.toArray();
    expect(loadInto(mae.state(), mae.encoder, given, { positions: "resize" }).method).toBe(width === 8);
    expect(token.toArray()).toEqual(width === 8 ? made("mask_token", [1, 1, 8]) : before);
    expect(vitOf(mae).clsToken.toArray()).toEqual(made("cls_token", [1, 1, 16]));
  }
});

test("other grids: learned tables are resized, sine and cosine computed anew where that is asked for", () => {
  using learned = file();
  using encoder = vit({}, [24, 16]);
  expect(loadInto(encoder.state(), encoder, learned, { positions: "recompute" }).positions).toBe("resized");
  expect(encoder.posEmbed?.toArray().slice(0, 16)).toEqual(made("pos_embed", [1, 17, 16]).slice(0, 16));
  const data = new Uint8Array(sinCosPositions(16, [4, 4]).buffer);
  const shape = [1, 17, 16];
  const table: PublishedTensor = { dtype: "F32", shape, read: () => ({ dtype: "F32", shape, data }) };
  const fixed = { ...learned, tensors: new Map([...learned.tensors, ["pos_embed", table]]) };
  expect(loadInto(encoder.state(), encoder, fixed, { positions: "recompute" }).positions).toBe("computed anew");
  expect(encoder.posEmbed?.toArray()).toEqual(sinCosPositions(16, [6, 4]));
  expect(loadInto(encoder.state(), encoder, fixed, { positions: "resize" }).positions).toBe("resized");
  expect(encoder.posEmbed?.toArray()).not.toEqual(sinCosPositions(16, [6, 4]));
});

test("windows of another size: tables of relative positions are resized, the rest is taken as it is", () => {
  const swin = (side: number): Swin => {
    const config = swinConfig.parse({ width: 8, depths: [1, 1, 1, 1], patchSize: 1, window: side / 8 });
    const encoder = new Swin(config, { imageSize: [side, side], channels: 3 });
    encoder.initialize(new Rng(side, "init"));
    return encoder;
  };
  const table = "layers.2.blocks.0.attn.relative_position_bias_table";
  using trained = swin(32);
  const { rest, image, model } = { rest: new Map(), image: { imageSize: [32, 32], channels: 3 }, model: trained.sizes };
  const tensors = new Map([...trained.state()].map(([name, value]) => [name, publishedOf(value)]));
  const given = { path: "trained", rest, image, model, tensors, guessed: [] } as unknown as Published;
  using encoder = swin(48);
  expect(loadInto(encoder.state(), encoder, given, { positions: "recompute" }).positions).toBe("resized");
  const [before, after] = [trained, encoder].map((of) => of.state().get(table)) as unknown as [Tensor, Tensor];
  expect([before.shape, after.shape]).toEqual([
    [49, 4],
    [121, 4],
  ]);
  const middle = (of: Tensor): number => of.select(0, (of.side(0) - 1) / 2).toNumbers()[0] as number;
  expect(scope(() => middle(after))).toBeCloseTo(
    scope(() => middle(before)),
    6,
  ); // a place with itself stays in the middle
  expect(encoder.layers[2]?.blocks.links[0]?.attn.qkv.weight.toArray()).toEqual(
    trained.layers[2]?.blocks.links[0]?.attn.qkv.weight.toArray(),
  );
});

function publishedOf(value: Tensor): PublishedTensor {
  const { shape } = value;
  return { dtype: "F32", shape, read: () => ({ dtype: "F32", shape, data: value.toBytes() }) };
}

test("half precision is widened", () => {
  using given = file();
  using encoder = vit();
  const data = new Uint8Array(Uint16Array.from({ length: 16 }, () => 0x3fc0).buffer);
  const shape = [1, 1, 16];
  const half: PublishedTensor = { dtype: "BF16", shape, read: () => ({ dtype: "BF16", shape, data }) };
  const tensors = new Map([...given.tensors, ["cls_token", half]]);
  loadInto(encoder.state(), encoder, { ...given, tensors }, { positions: "resize" });
  expect([...(encoder.clsToken.toArray() as Float32Array)]).toEqual(Array.from({ length: 16 }, () => 1.5));
});

test("another model is named, with the flag that takes it", () => {
  using given = file();
  using other = smallEncoder("resnet", { imageSize: [16, 16], channels: 3 });
  expect(() => loadInto(other.state(), other, given, { positions: "resize" })).toThrow(
    /it holds a vit\. Set --model\.name=vit\./,
  );
});
