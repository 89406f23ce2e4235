import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { cost } from "../../../src/graph/cost.js";
import { Emae, emaeConfig } from "../../../src/methods/masked/emae.js";
import { Mae, maeConfig } from "../../../src/methods/masked/mae.js";
import type { Step } from "../../../src/methods/method.js";
import { hiddenPatches, maskFromNoise } from "../../../src/methods/parts/masks.js";
import { Vit, vitConfig } from "../../../src/models/vit.js";
import { loadState } from "../../../src/models/weights.js";
import { AdamW } from "../../../src/optim/adamw.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { empty } from "../../../src/tensor/creation.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { congruential, relativeDifference, withReference } from "../../numbers.js";
import { stepOf } from "../../train/example.js";

const decoder = { width: 8, depth: 1, heads: 2 };
const vit = (side: number, patchSize = 2): Vit =>
  new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize }), { imageSize: [side, side], channels: 3 });
const build = (config: object = {}, side = 8): Emae => new Emae(emaeConfig.parse({ decoder, ...config }), vit(side));

/** A step whose mask is drawn from given noise. */
const stepWith = (noise: Tensor): Step => {
  const rng = { fork: () => ({ samples: [0], uniform: () => noise }) } as unknown as Rng;
  return stepOf(rng);
};
const keyed = (samples: readonly number[]): Step => stepOf(new Rng(1, "step", 0, samples));

/** Images, noise and weights of MAE's golden micro-model, in a model of either kind. */
function fill(model: Mae): void {
  model.initialize(new Rng(0, "init"));
  const next = congruential(12345);
  const trainable = model.parameters().sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, tensor: parameter } of trainable) {
    const value = /norm\d?\.weight$/.test(name)
      ? (v: number) => 1 + 0.2 * v
      : name.endsWith("bias")
        ? (v: number) => 0.2 * v
        : (v: number) => 0.5 * v;
    parameter.setBytes(Float32Array.from({ length: parameter.size }, () => value(next())));
  }
}
function goldenInput(shift = 0): { image: Tensor; noise: Tensor } {
  const pixel = congruential(777);
  const image = tensor(
    Float32Array.from({ length: 2 * 3 * 64 }, () => pixel()),
    [2, 3, 8, 8],
  );
  const values = Array.from({ length: 32 }, (_, i) => ((7 * (i % 16) + 5 * Math.floor(i / 16) + 3) % 16) / 16);
  return {
    image,
    noise: tensor(
      Float32Array.from(values, (v) => (v - shift + 1) % 1),
      [2, 16],
    ),
  };
}

const close = (ours: number | undefined, theirs: number, digits = 1e-5): void =>
  expect(Math.abs((ours ?? Number.NaN) / theirs - 1)).toBeLessThan(digits);
const gradientNorm = (model: Mae, name: string): number => {
  const { grad } = model.state().get(name) as Tensor;
  return (grad as Tensor).norm().item();
};
const clear = (model: Mae): void => {
  for (const { tensor: parameter } of model.parameters()) parameter.grad = undefined;
};

test.each([
  [
    false,
    [1.27251854, 1.21111455, 1.29404573, 1.29706977],
    1.2686871444,
    { patch: 0.05392058, token: 0.46200883, cls: 0.10292772 },
  ],
  [
    true,
    [1.87040459, 1.81023093, 1.90434033, 1.89618258],
    1.8702896066,
    { patch: 0.05625188, token: 0.49486913, cls: 0.11194829 },
  ],
])(
  "the golden table, normalised targets %s: losses of the parts, whole, consistency, gradients",
  (normalizeTargets, parts, whole, norms) => {
    using model = build({ normalizeTargets });
    fill(model);
    scope(() => {
      const { image, noise } = goldenInput();
      const loss = model.call({ image }, stepWith(noise));
      for (const [k, wanted] of parts.entries()) close(loss.parts?.[`part${k}`]?.item(), wanted);
      close(loss.parts?.["whole"]?.item(), whole);
      close(loss.parts?.["consistency"]?.item(), 0.0948690958);
      close(loss.parts?.["spread"]?.item(), (0.0948690958 * 3) / 4); // 4/3 of the mean of max - min
      close(loss.total.item(), whole + 0.0948690958);
      backward(loss.total);
      close(gradientNorm(model, "patch_embed.proj.weight"), norms.patch);
      close(gradientNorm(model, "mask_token"), norms.token);
      close(gradientNorm(model, "cls_token"), norms.cls);
      clear(model);
      // E4: L_whole is the mean of the parts' losses.
      close(
        whole,
        parts.reduce((sum, part) => sum + part / 4, 0),
        1e-7,
      );
      backward(model.call({ image }, stepWith(noise)).parts?.["consistency"] as Tensor);
      close(gradientNorm(model, "patch_embed.proj.weight"), 0.06024505);
      close(gradientNorm(model, "mask_token"), 0.03065384);
      close(gradientNorm(model, "cls_token"), 0.03956006);
    });
  },
);

test.each([2, 3, 4, 6])("K = %i: losses and gradients of an independent implementation in PyTorch", (parts) => {
  withReference("emae-small.safetensors", (read, file) => {
    for (const twoPass of [false, true]) {
      for (const [tag, consistencyWeight] of parts === 4
        ? ([
            ["grad.4", 1],
            ["half", 0.5],
          ] as const)
        : ([[`grad.${parts}`, 1]] as const)) {
        using model = build({ parts, twoPass, consistencyWeight }, 12);
        const names = file.names.filter((name) => name.startsWith("weight/"));
        const source = {
          path: file.path,
          names,
          entry: (n: string) => file.entry(n),
          read: (n: string) => file.read(n),
        };
        loadState(model.state(), source, { prefix: "weight/" });
        scope(() => {
          const views = { image: read("image") };
          const step = stepWith(read("noise"));
          const cut = model.pieces(views, step);
          expect(cut === undefined).toBe(!twoPass);
          const loss = cut?.loss ?? model.call(views, step);
          for (const name of ["whole", "consistency"] as const)
            expect(Math.abs((loss.parts?.[name]?.item() ?? 9) - read(`loss.${parts}/${name}`).item())).toBeLessThan(
              2e-6,
            );
          const ofParts = read(`loss.${parts}/part`).toNumbers();
          for (const [k, wanted] of ofParts.entries()) close(loss.parts?.[`part${k}`]?.item(), wanted);
          if (cut === undefined) backward(loss.total);
          else for (const piece of cut.pieces) scope(() => backward(piece()));
          for (const { name, tensor: parameter } of model.parameters()) {
            if (!file.names.includes(`${tag}/${name}`)) continue;
            const [ours, theirs] = [parameter.grad as Tensor, read(`${tag}/${name}`)];
            const rows = name.endsWith("attn.qkv.bias") ? theirs.side(0) / 3 : theirs.side(0); // keys' rows are noise
            expect(relativeDifference(ours.slice(0, 0, rows), theirs.slice(0, 0, rows)), `${tag} ${name}`).toBeLessThan(
              1e-4,
            );
          }
          clear(model);
        });
      }
    }
  });
});

test("E1, E2: the visible sets are a partition, every pair of parts hides the same number of patches", () => {
  for (const [side, parts] of [
    [8, 4],
    [28, 7],
    [28, 14],
    [8, 2],
  ] as const) {
    using model = build({ parts }, side);
    scope(() => {
      const { patches } = model.encoder;
      const { ids } = model.draw(new Rng(3, "x", 0, [0, 5]), "cpu");
      const hidden = model.masks(ids).map(hiddenPatches); // [2 N] each
      expect(new Set(hidden.flatMap((mask) => mask.sum([1]).toNumbers()))).toEqual(
        new Set([patches - patches / parts]),
      );
      const sum = hidden.reduce((a, b) => a.add(b));
      expect(new Set(sum.toNumbers())).toEqual(new Set([parts - 1]));
      const overlap = (hidden[0] as Tensor)
        .mul(hidden.at(-1) as Tensor)
        .sum([1])
        .toNumbers();
      expect(overlap).toEqual([0, 0].map(() => (patches * (parts - 2)) / parts));
    });
  }
});

test("E3: part k is MAE under the noise turned by k / K", () => {
  using model = build();
  using mae = new Mae(maeConfig.parse({ decoder }), vit(8));
  fill(model);
  fill(mae);
  noGrad(() =>
    scope(() => {
      const { image, noise } = goldenInput();
      const predictions = model.predictParts(image, noise.argsort(1)); // [3 4 2 4 12]
      for (let k = 0; k < 4; k++) {
        const mask = maskFromNoise(goldenInput(k / 4).noise, 4);
        const theirs = mae.predict(image, mask, mask.ids.slice(1, 4)); // [2 12 12], pieces k + 1, k + 2, k + 3
        for (let r = 0; r < 3; r++) {
          const ours = predictions.select(0, r).select(0, (k + 1 + r) % 4); // [2 4 12]
          expect(relativeDifference(ours, theirs.slice(1, 4 * r, 4 * r + 4))).toBeLessThan(1e-5);
        }
        expect(hiddenPatches(model.masks(noise.argsort(1))[k] as never).toArray()).toEqual(
          hiddenPatches(mask).toArray(),
        );
      }
    }),
  );
});

/** |sg(a) - b| + |a - sg(b)| over all pairs, as the card writes it. */
function pairwise(predictions: Tensor, withStops: boolean): Tensor {
  const each = predictions.unbind(0);
  const terms = each.flatMap((a, i) =>
    each
      .slice(i + 1)
      .map((b) => (withStops ? a.detach().sub(b).abs().add(a.sub(b.detach()).abs()).mean() : a.sub(b).abs().mean())),
  );
  return terms.reduce((sum, term) => sum.add(term)).div(terms.length);
}

test.each([3, 4, 5, 7])(
  "E5, E6: K = %i, sorted or max and min equal all pairs with both stops, in value and gradient; float64",
  (parts) => {
    using model = build({ parts, consistencyWeight: 1 }, parts === 4 ? 8 : 2 * parts);
    scope(() => {
      const shape = [parts - 1, 2, 3, 4, 5];
      const make = (): Tensor =>
        new Rng(4, "p").normal(shape).reshape(shape).to("float64").detach().setRequiresGrad(true);
      const targets = new Rng(5, "t").normal(shape.slice(1)).reshape(shape.slice(1)).to("float64");
      const [ours, theirs, plain] = [make(), make(), make()];
      const loss = model.objective(ours, targets);
      const stopped = pairwise(theirs, true);
      expect(Math.abs((loss.parts?.["consistency"]?.item() ?? 9) - stopped.item())).toBeLessThan(1e-12);
      expect(Math.abs(stopped.item() - 2 * pairwise(plain, false).item())).toBeLessThan(1e-12);
      backward(loss.parts?.["consistency"] as Tensor);
      backward(stopped);
      backward(pairwise(plain, false));
      expect(relativeDifference(ours.grad as Tensor, theirs.grad as Tensor)).toBeLessThan(1e-12);
      expect(relativeDifference(ours.grad as Tensor, plain.grad as Tensor)).toBeLessThan(1e-12);
      for (const leaf of [ours, theirs, plain]) leaf.grad = undefined;
    });
  },
);

test("E7: equal predictions agree; a constant added to one part's does not; E8: two parts have nothing to agree on", () => {
  using four = build();
  using two = build({ parts: 2 });
  noGrad(() =>
    scope(() => {
      const targets = new Rng(5, "t").normal([4, 2, 4, 12]).reshape([4, 2, 4, 12]);
      const same = targets.unsqueeze(0).expand([3, -1, -1, -1, -1]);
      expect(four.objective(same, targets).parts?.["consistency"]?.item()).toBe(0);
      const shifted = same.add(tensor(Float32Array.from([0, 0, 1]), [3, 1, 1, 1, 1]));
      expect(four.objective(shifted, targets).parts?.["consistency"]?.item()).toBeCloseTo(4 / 3, 5);
      fill(two);
      const { image, noise } = goldenInput();
      const { total, parts } = two.call({ image }, stepWith(noise));
      expect([parts?.["consistency"]?.item(), parts?.["spread"]?.item()]).toEqual([0, 0]);
      expect(total.item()).toBe(parts?.["whole"]?.item());
    }),
  );
});

test("E9: two passes give the loss and the gradient of one", () => {
  using joint = build();
  using apart = build({ twoPass: true });
  for (const model of [joint, apart]) {
    fill(model);
    model.setTraining(true);
  }
  scope(() => {
    const { image } = goldenInput();
    const step = keyed([3, 4]);
    const one = joint.call({ image }, step);
    backward(one.total);
    const cut = apart.pieces({ image }, step);
    for (const piece of cut?.pieces ?? []) scope(() => backward(piece()));
    close(cut?.loss.total.item(), one.total.item(), 1e-6);
    const theirs = joint.state();
    for (const { name, tensor: parameter } of apart.parameters()) {
      const wanted = theirs.get(name)?.grad as Tensor;
      const rows = name.endsWith("attn.qkv.bias") ? wanted.side(0) / 3 : wanted.side(0);
      expect(
        relativeDifference((parameter.grad as Tensor).slice(0, 0, rows), wanted.slice(0, 0, rows)),
        name,
      ).toBeLessThan(1e-4);
    }
    clear(joint);
    clear(apart);
  });
});

test("with drop path both passes of a part draw the same: the pieces add up to the loss", () => {
  const encoder = new Vit(vitConfig.parse({ width: 16, depth: 2, heads: 2, patchSize: 2, dropPath: 0.5 }), {
    imageSize: [8, 8],
    channels: 3,
  });
  using model = new Emae(emaeConfig.parse({ decoder, twoPass: true, consistencyWeight: 0 }), encoder);
  fill(model);
  model.setTraining(true);
  noGrad(() =>
    scope(() => {
      const { image } = goldenInput();
      const [one, other] = [3, 7].map((sample) => model.pieces({ image }, keyed([sample, 4])));
      const sum = one?.pieces.reduce((total, piece) => total + piece().item(), 0) ?? 0;
      close(one?.loss.total.item(), sum, 1e-6);
      expect(other?.loss.total.item()).not.toBe(one?.loss.total.item());
    }),
  );
});

test("E10: with part 0 alone in the loss, a step of AdamW is MAE's", () => {
  using model = build({ consistencyWeight: 0 });
  using mae = new Mae(maeConfig.parse({ decoder }), vit(8));
  const after = [model, mae].map((each) => {
    fill(each);
    return scope(() => {
      const { image, noise } = goldenInput();
      const loss =
        each instanceof Emae
          ? each.call({ image }, stepWith(noise)).parts?.["part0"]
          : each.loss(image, maskFromNoise(noise, 4));
      backward(loss as Tensor);
      const optimizer = new AdamW(weightDecayGroups(each.parameters(), 0.05), { betas: [0.9, 0.95], epsilon: 1e-8 });
      optimizer.step(1e-3);
      optimizer.zeroGrad();
      optimizer.close();
      return new Map([...each.state()].map(([name, value]) => [name, value.toNumbers()]));
    });
  });
  const [ours, theirs] = after as [Map<string, number[]>, Map<string, number[]>];
  for (const [name, values] of theirs) {
    const counted = name.endsWith("attn.qkv.bias") ? values.slice(0, values.length / 3) : values;
    for (const [i, value] of counted.entries()) expect(Math.abs((ours.get(name)?.[i] ?? 9) - value)).toBeLessThan(1e-6);
  }
});

test("E11: the state is MAE's, by name and shape, so that a checkpoint of one loads as the other", () => {
  using model = build();
  using mae = new Mae(maeConfig.parse({ decoder }), vit(8));
  const shapes = (from: Mae): [string, readonly number[]][] =>
    [...from.state()].map(([name, { shape }]) => [name, shape]);
  expect(shapes(model)).toEqual(shapes(mae));
  expect(model.health().trivial).toBe(mae.health().trivial);
});

test("E12: at K = 4 a forward pass costs what the card counts: 3.96 times MAE's at ViT-B/16, 3.98 at ViT-L/16", () => {
  const work = (size: "base" | "large", parts: number): number =>
    cost(
      () => {
        const encoder = new Vit(vitConfig.parse({ size, patchSize: 16 }), { imageSize: [224, 224], channels: 3 });
        return parts === 1 ? new Mae(maeConfig.parse({}), encoder) : new Emae(emaeConfig.parse({ parts }), encoder);
      },
      (model) => model.call({ image: empty([1, 3, 224, 224], { device: "meta" }) }, keyed([0])),
    ).multiplyAdds;
  // The card counts all patches as embedded and predicted; here MAE leaves out what carries no loss, EMAE embeds once.
  expect(work("base", 4) / work("base", 1)).toBeGreaterThan(3.9);
  expect(work("base", 4) / work("base", 1)).toBeLessThanOrEqual(4);
  expect(Math.abs(work("large", 4) / work("large", 1) - 3.98)).toBeLessThan(0.03);
});

test("parts that do not divide the patches: which do; any count of patches keeps exactly N / K", () => {
  using small = vit(8);
  using large = vit(28);
  const refused = (parts: number, encoder: Vit) => () => new Emae(emaeConfig.parse({ parts }), encoder);
  expect(refused(5, small)).toThrow("5 parts do not divide 16 patches.");
  expect(refused(3, large)).toThrow("Use 2, 4, 7, 14, 28, 49, …");
  for (const [side, parts] of [
    [28, 14],
    [14, 49],
    [12, 36],
  ] as const) {
    using model = build({ parts }, side);
    expect(scope(() => model.draw(new Rng(0, "x"), "cpu").kept)).toBe(model.encoder.patches / parts);
    expect(model.hiding().share).toBeCloseTo(1 - 1 / parts, 10);
  }
});
