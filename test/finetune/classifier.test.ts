import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { Classifier, type Pool, type TrainBlocks } from "../../src/finetune/classifier.js";
import { Vit, vitConfig } from "../../src/models/vit.js";
import { loadState } from "../../src/models/weights.js";
import { AdamW } from "../../src/optim/adamw.js";
import { layerDecayGroups } from "../../src/optim/groups.js";
import { crossEntropy } from "../../src/tensor/functional.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { relativeDifference, withReference } from "../numbers.js";

function classifier(pool: Pool, trainBlocks: TrainBlocks, depth = 2): Classifier {
  const vit = new Vit(vitConfig.parse({ width: 8, depth, heads: 2, patchSize: 4 }), { imageSize: [8, 8], channels: 3 });
  return new Classifier(vit, { classes: 3, pool, trainBlocks });
}

test.each(["mean", "class"] as const)(
  "timm and torch, %s: logits, soft-target loss, gradients, three AdamW steps with layer decay",
  (pool) => {
    withReference("finetune.safetensors", (read, file) => {
      using model = classifier(pool, "all");
      const part = (kind: string) => ({
        path: file.path,
        names: file.names.filter((name) => name.startsWith(`${pool}/${kind}/`)),
        entry: (name: string) => file.entry(name),
        read: (name: string) => file.read(name),
      });
      loadState(model.state(), part("before"), { prefix: `${pool}/before/` }); // strict: the published names, no table
      const groups = layerDecayGroups(model.parameters(), {
        weightDecay: 0.05,
        layerDecay: 0.65,
        depth: 2,
        layerOf: (name) => model.encoder.layerOf(name),
      });
      using optimizer = new AdamW(groups, { betas: [0.9, 0.999], epsilon: 1e-8 });
      const losses = (JSON.parse(file.metadata?.["losses"] ?? "{}") as Record<Pool, number[]>)[pool];
      for (const [step, expected] of losses.entries()) {
        scope(() => {
          const logits = model.call(read("images"));
          const loss = crossEntropy(logits, read("targets"));
          expect(loss.item()).toBeCloseTo(expected, 5);
          optimizer.zeroGrad();
          backward(loss);
          if (step === 0) {
            expect(relativeDifference(logits, read(`${pool}/logits`))).toBeLessThan(1e-5);
            for (const { name, tensor } of model.parameters())
              expect(
                relativeDifference(tensor.grad as typeof tensor, read(`${pool}/gradient/${name}`)),
                name,
              ).toBeLessThan(2e-4);
          }
          optimizer.step(0.01);
          optimizer.zeroGrad();
        });
      }
      scope(() => {
        for (const [name, value] of model.state())
          expect(relativeDifference(value, read(`${pool}/after/${name}`)), name).toBeLessThan(1e-3);
      });
    });
  },
);

test("the published names: fc_norm for the mean, norm for the class token, head.0 and head.1 for a probe", () => {
  const heads = (pool: Pool, trainBlocks: TrainBlocks): string[] => {
    using model = classifier(pool, trainBlocks);
    return [...model.state().keys()].filter((name) => /norm\.|head/.test(name) && !name.startsWith("blocks"));
  };
  expect(heads("mean", "all")).toEqual(["fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"]);
  expect(heads("class", "all")).toEqual(["norm.weight", "norm.bias", "head.weight", "head.bias"]);
  const probe = ["head.0.running_mean", "head.0.running_var", "head.1.weight", "head.1.bias"];
  expect(heads("class", 0)).toEqual(["norm.weight", "norm.bias", ...probe]);
  expect(heads("mean", 0)).toEqual(["norm.weight", "norm.bias", ...probe]);
});

test("what is trained: the head; the MLP half of the last block with its norm; last blocks; all with tokens and positions", () => {
  const trained = (trainBlocks: TrainBlocks): string[] => {
    using model = classifier("class", trainBlocks, 3);
    const parts = model.parameters().map(({ name }) => /^blocks\.\d+(\.(norm2|mlp))?|^[a-z_]+/.exec(name)?.[0] ?? name);
    return [...new Set(parts)];
  };
  expect(trained(0)).toEqual(["head"]);
  expect(trained(0.5)).toEqual(["blocks.2.norm2", "blocks.2.mlp", "norm", "head"]);
  expect(trained(2).filter((name) => /^blocks\.\d$/.test(name))).toEqual(["blocks.1", "blocks.2"]);
  expect(trained("all")).toEqual(
    expect.arrayContaining(["cls_token", "pos_embed", "patch_embed", "blocks.0", "norm", "head"]),
  );
  expect(trained(3)).toEqual(trained("all"));
});

test("more blocks than the encoder has are refused, with how many there are", () => {
  const before = liveTensors();
  const vit = new Vit(vitConfig.parse({ width: 8, depth: 3, heads: 2, patchSize: 4 }), {
    imageSize: [8, 8],
    channels: 3,
  });
  const build = () => new Classifier(vit, { classes: 3, pool: "mean", trainBlocks: 4 });
  expect(build).toThrow(/in trainBlocks: the encoder has 3 blocks, and the last 4 are to be trained.*Say all/s);
  vit.close();
  expect(liveTensors()).toBe(before);
});

test("head weights start next to zero, a probe's at 0.01: the first logits are those of no knowledge", () => {
  using fine = classifier("mean", "all");
  using probe = classifier("class", 0);
  scope(() => {
    fine.initialize(new Rng(0));
    probe.initialize(new Rng(0));
    const deviation = (model: Classifier, name: string): number =>
      noGrad(() => model.state().get(name)?.std([0, 1]).item() ?? Number.NaN);
    expect(deviation(fine, "head.weight")).toBeGreaterThan(1e-5);
    expect(deviation(fine, "head.weight")).toBeLessThan(3e-5);
    expect(deviation(probe, "head.1.weight")).toBeGreaterThan(0.005);
    expect(deviation(probe, "head.1.weight")).toBeLessThan(0.015);
  });
});

test("frozen parts stay in evaluation while the rest trains", () => {
  using model = classifier("mean", 1);
  model.setTraining(true);
  const { blocks } = model.encoder as Vit;
  expect(blocks.links.map(({ dropPath1 }) => dropPath1.training)).toEqual([false, true]);
  model.setTraining(false);
  expect(blocks.links[1]?.dropPath1.training).toBe(false);
});
