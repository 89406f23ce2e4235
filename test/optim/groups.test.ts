import { describe, expect, it } from "vitest";
import { scope } from "../../src/engine/scope.js";
import { fineTuningDecay, layerDecayGroups, weightDecayGroups } from "../../src/optim/groups.js";
import type { NamedTensor } from "../../src/optim/optimizer.js";
import { empty } from "../../src/tensor/creation.js";

function named(shapes: Record<string, number[]>): NamedTensor[] {
  return Object.entries(shapes).map(([name, shape]) => ({ name, tensor: empty(shape, { device: "meta" }) }));
}

const blocks = Object.fromEntries(
  Array.from({ length: 12 }, (_, i) => [
    [`blocks.${i}.norm1.weight`, [8]],
    [`blocks.${i}.attn.qkv.weight`, [24, 8]],
    [`blocks.${i}.attn.qkv.bias`, [24]],
  ]).flat() as [string, number[]][],
);
const vit = named({
  cls_token: [1, 1, 8],
  pos_embed: [1, 5, 8],
  "patch_embed.proj.weight": [8, 3, 2, 2],
  "patch_embed.proj.bias": [8],
  ...blocks,
  "fc_norm.weight": [8],
  "head.weight": [10, 8],
  "head.bias": [10],
});

function names(tensors: readonly NamedTensor[]): string[] {
  return tensors.map(({ name }) => name);
}

describe("weightDecayGroups", () => {
  it("decays MAE's matrices and tokens, no vector and no bias", () =>
    scope(() => {
      const mae = named({
        cls_token: [1, 1, 8],
        mask_token: [1, 1, 4],
        "patch_embed.proj.weight": [8, 3, 2, 2],
        "patch_embed.proj.bias": [8],
        "blocks.0.norm1.weight": [8],
        "odd.bias": [2, 2],
      });
      const [decayed, spared] = weightDecayGroups(mae, 0.05);
      expect(decayed).toMatchObject({ weightDecay: 0.05, learningRateScale: 1 });
      expect(names(decayed?.tensors ?? [])).toEqual(["cls_token", "mask_token", "patch_embed.proj.weight"]);
      expect(spared).toMatchObject({ weightDecay: 0, learningRateScale: 1 });
      expect(names(spared?.tensors ?? [])).toEqual(["patch_embed.proj.bias", "blocks.0.norm1.weight", "odd.bias"]);
    }));

  it("spares class token and positions in fine-tuning", () => {
    const [, spared] = weightDecayGroups(vit, 0.05, fineTuningDecay);
    expect(names(spared?.tensors ?? [])).toEqual(expect.arrayContaining(["cls_token", "pos_embed", "head.bias"]));
    expect(names(spared?.tensors ?? [])).not.toContain("patch_embed.proj.weight");
  });

  it("spares γ and β of response normalisation in fine-tuning, though they have four dimensions (ConvNeXt V2)", () =>
    scope(() => {
      const block = named({
        "stages.0.0.dwconv.weight": [8, 1, 7, 7],
        "stages.0.0.dwconv.bias": [8],
        "stages.0.0.norm.weight": [8],
        "stages.0.0.pwconv1.weight": [32, 8],
        "stages.0.0.grn.gamma": [1, 1, 1, 32],
        "stages.0.0.grn.beta": [1, 1, 1, 32],
        "stages.0.0.pwconv2.weight": [8, 32],
      });
      const [decayed] = weightDecayGroups(block, 0.05, fineTuningDecay);
      const windows = ["dwconv", "pwconv1", "pwconv2"].map((part) => `stages.0.0.${part}.weight`);
      expect(names(decayed?.tensors ?? [])).toEqual(windows);
    }));

  it("makes no empty group", () =>
    scope(() => {
      expect(weightDecayGroups(named({ "norm.weight": [8] }), 0.05)).toHaveLength(1);
    }));
});

/** Where a ViT's parameters stand (test/models/vit.test.ts holds the model's own answer). */
const layerOf =
  (depth: number) =>
  (name: string): number => {
    const block = /^blocks\.(\d+)\./.exec(name);
    if (block !== null) return Number(block[1]) + 1;
    return /^(cls_token|pos_embed|patch_embed)/.test(name) ? 0 : depth + 1;
  };

describe("layerDecayGroups", () => {
  const groups = layerDecayGroups(vit, { weightDecay: 0.05, layerDecay: 0.65, depth: 12, layerOf: layerOf(12) });

  // The scales of the official fine-tuning of ViT-B (mae: util/lr_decay.py).
  it.each([
    ["cls_token", 0.00369721],
    ["patch_embed.proj.weight", 0.00369721],
    ["blocks.0.attn.qkv.weight", 0.00568801],
    ["blocks.11.attn.qkv.weight", 0.65],
    ["fc_norm.weight", 1],
    ["head.weight", 1],
  ])("gives %s the scale %d", (name, scale) => {
    const group = groups.find(({ tensors }) => names(tensors).includes(name));
    expect(group?.learningRateScale).toBeCloseTo(scale, 8);
  });

  it("puts every parameter in exactly one of at most 2 · (depth + 2) groups", () => {
    const all = groups.flatMap(({ tensors }) => names(tensors));
    expect([...all].sort()).toEqual([...names(vit)].sort());
    expect(groups.length).toBeLessThanOrEqual(2 * 14);
  });

  it("decays no token, position, norm or bias", () => {
    const decayed = groups.filter(({ weightDecay }) => weightDecay > 0).flatMap(({ tensors }) => names(tensors));
    expect(decayed).toHaveLength(14);
    expect(decayed.every((name) => name.endsWith(".weight") && !name.includes("norm"))).toBe(true);
  });

  it("gives ViT-L its lowest scale", () =>
    scope(() => {
      const [lowest] = layerDecayGroups(named({ cls_token: [1, 1, 8] }), {
        weightDecay: 0,
        layerDecay: 0.75,
        depth: 24,
        layerOf: layerOf(24),
      });
      expect(lowest?.learningRateScale).toBeCloseTo(7.525e-4, 7);
    }));
});
