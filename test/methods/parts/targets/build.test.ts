import { expect, test } from "vitest";
import { autocast, noGrad } from "../../../../src/engine/modes.js";
import { scope } from "../../../../src/engine/scope.js";
import { buildTarget } from "../../../../src/methods/parts/targets/build.js";
import { tokenizerConfig } from "../../../../src/methods/parts/tokenizers/build.js";
import { Rng } from "../../../../src/tensor/random.js";

const tokenizer = tokenizerConfig.parse({ name: "kMeans", vocabulary: 8 });
const encoder = { patchSize: [4, 2], channels: 3 } as const;

/** Every target gets this by being in the list. */
test.each(["pixels", "pca", "tokens"] as const)(
  "%s: fitted if it wants to be; targets, a scalar loss, pictures, in float32 and bfloat16 alike",
  (kind) => {
    const target = buildTarget({ target: kind, normalizeTargets: true, tokenizer }, encoder);
    target.initialize(new Rng(0, "init"));
    noGrad(() =>
      scope(() => {
        const image = new Rng(1, "x", 0, [0, 1, 2]).normal([3, 8, 6]);
        target.fit?.()?.run(image, new Rng(0, "fit"));
        const wanted = target.call(image); // [B N T]
        expect(wanted.shape.slice(0, 2)).toEqual([3, 6]);
        const exact = autocast("bfloat16", () => target.call(image));
        expect(exact.toArray()).toEqual(wanted.toArray());
        const predicted = new Rng(2, "p", 0, [0, 1, 2]).normal([6, target.outputs]);
        const loss = target.loss(predicted.to("bfloat16"), wanted);
        expect([loss.shape, loss.dtype]).toEqual([[], "float32"]);
        expect(Number.isFinite(loss.item())).toBe(true);
        expect(target.pixels(predicted, image).shape).toEqual([3, 6, 24]);
        expect(target.baseline()).toBeGreaterThan(0);
        expect(target.note()).toMatch(/^predictions are /);
      }),
    );
    target.close();
  },
);
