import { describe, expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { cost } from "../../src/graph/cost.js";
import { ConvnextV2, convnextV2Config, convnextV2Sizes } from "../../src/models/convnext-v2.js";
import { cellMask } from "../../src/nn/convolution/visible-cells.js";
import { onDevice } from "../../src/nn/parameter.js";
import { cat, empty, ones, stack, zeros } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeDifference, withReference } from "../numbers.js";
import { convnets, expectSome, fill, pictures, weighted } from "./convnet-formula.js";

type Size = keyof typeof convnextV2Sizes;
const sizes = Object.keys(convnextV2Sizes) as Size[];
const square = (side: number) => ({ imageSize: [side, side] as const, channels: 3 });
const small = { widths: [16, 24, 32, 48], depths: [1, 2, 1, 1], stem: 2 };

/** The largest fills 2.6 GB. */
const patience = { timeout: 240_000 };

test.each(sizes)("timm's convnextv2_%s: map of every stage and features, for the same weights", patience, (size) => {
  const theirs = convnets.convnextV2[size];
  using model = new ConvnextV2(convnextV2Config.parse({ size }), square(64));
  fill(model);
  noGrad(() =>
    scope(() => {
      const image = pictures(2, 64);
      const stages = model.stages(image);
      expect(stages.map(({ stride }) => stride)).toEqual([4, 8, 16, 32].map((side) => [side, side]));
      for (const [i, { map }] of stages.entries()) expectSome(map, theirs?.maps[i] as never, 1e-5, `map ${i}`);
      expectSome(model.features(image), theirs?.features as never, 1e-5, "features");
    }),
  );
});

test.each([false, true])("timm's gradients of every parameter and of the image, checkpointed %s", (checkpointing) => {
  const { features: theirs, image: pixels, ...gradients } = convnets["convnextV2 gradients"];
  using model = new ConvnextV2(convnextV2Config.parse(small), square(48));
  fill(model);
  model.setTraining(true);
  model.setCheckpointing(checkpointing);
  scope(() => {
    const image = pictures(3, 48).setRequiresGrad(true);
    const features = model.features(image);
    expectSome(features, theirs as never, 1e-5, "features");
    backward(weighted(features));
    expectSome(image.grad as Tensor, pixels as never, 1e-4, "image");
    expect([...model.state().keys()].sort()).toEqual(Object.keys(gradients).sort());
    for (const [name, parameter] of model.state()) {
      expectSome(parameter.grad as Tensor, gradients[name] as never, 1e-4, name);
      parameter.grad = undefined;
    }
  });
});

/** Without the classifier of 1000 classes, which the paper's counts have. */
test.each([
  ["atto", 3_708_400, 0.55],
  ["femto", 5_233_240, 0.78],
  ["pico", 9_066_280, 1.37],
  ["nano", 15_623_800, 2.45],
  ["tiny", 28_635_496, 4.47],
  ["base", 88_717_800, 15.4],
  ["large", 197_956_840, 34.4],
  ["huge", 660_289_640, 115],
] as const)("%s has the paper's parameters and multiply-adds, none allocated", (size, parameters, giga) => {
  const found = cost(
    () => new ConvnextV2(convnextV2Config.parse({ size }), square(224)),
    (model) => model.call(empty([1, 3, 224, 224], { device: "meta" })),
  );
  const head = 1000 * convnextV2Sizes[size].width * 8 + 1000;
  expect(found.parameters + head).toBe(parameters);
  expect(Math.abs(found.multiplyAdds / 1e9 / giga - 1)).toBeLessThan(0.01); // the paper rounds
});

/** Cells of the last map, 1 = hidden: as many in each picture. */
function drawHidden(batch: number, cells: number, count: number): Tensor {
  const samples = Array.from({ length: batch }, (_, i) => i);
  const noise = new Rng(5, "hidden", 0, samples).uniform([cells]); // [B N]
  return noise.argsort(1).argsort(1).lt(count).float(); // [B N]
}

describe("masked encoding", () => {
  const config = convnextV2Config.parse({ widths: [8, 12, 16, 24], depths: [2, 1, 2, 1], stem: 2 });
  const image = (seed: number): Tensor => new Rng(seed, "image", 0, [0, 1]).normal([3, 64, 48]); // cells of 16: 4 × 3
  const model = (): ConvnextV2 => {
    const made = new ConvnextV2(config, { imageSize: [64, 48], channels: 3 });
    fill(made);
    return made;
  };

  test("with nothing hidden it is the dense encoder", () => {
    using encoder = model();
    noGrad(() =>
      scope(() => {
        const masked = encoder.encodeMasked(image(1), cellMask(zeros([2, 12]))); // [2 24 4 3]
        expect(relativeDifference(masked, encoder.call(image(1)))).toBeLessThan(1e-5);
      }),
    );
  });

  test("no pixel of a hidden cell changes a visible feature by a bit; every visible pixel counts", () => {
    using encoder = model();
    noGrad(() =>
      scope(() => {
        const hidden = drawHidden(2, 12, 7); // [2 12]
        const shown = hidden.rsub(1).reshape([2, 1, 4, 3]); // [2 1 4 3]
        const pixels = shown.reshape([2, 1, 4, 1, 3, 1]).expand([2, 3, 4, 16, 3, 16]).reshape([2, 3, 64, 48]);
        const other = image(1).where(pixels.gt(0), image(2).mul(1000));
        const visible = (x: Tensor): number[] => {
          const isShown = shown.expand([2, 24, 4, 3]).flatten().toNumbers();
          const features = encoder.encodeMasked(x, cellMask(hidden)).flatten().toNumbers();
          return features.filter((_, i) => isShown[i] === 1);
        };
        expect(visible(other)).toEqual(visible(image(1)));
        expect(visible(image(1).add(pixels.mul(0.01)))).not.toEqual(visible(image(1)));
      }),
    );
  });

  test("visible features are those of a sparse encoder, which gathers visible sites and knows no others", () => {
    using encoder = model();
    noGrad(() =>
      scope(() => {
        const hidden = drawHidden(2, 12, 7);
        const map = encoder.encodeMasked(image(1), cellMask(hidden)).permute([0, 2, 3, 1]).reshape([2, 12, 24]); // [B N D]
        const isHidden = hidden.toNumbers();
        for (const b of [0, 1]) {
          const visible = Array.from({ length: 12 }, (_, n) => n).filter((n) => isHidden[b * 12 + n] === 0);
          const sparse = sparseEncoder(encoder, image(1).select(0, b), visible); // [5 D]
          const dense = map.select(0, b).indexSelect(0, indices(visible)); // [5 D]
          expect(relativeDifference(dense, sparse)).toBeLessThan(1e-5);
        }
      }),
    );
  });

  test("no gradient reaches hidden pixels; those of the others are the same, bit for bit, where segments are computed again", () => {
    using encoder = model();
    encoder.setTraining(true);
    const gradients = [false, true].map((checkpointing) =>
      scope(() => {
        encoder.setCheckpointing(checkpointing);
        const [pixels, hidden] = [image(1).setRequiresGrad(true), drawHidden(2, 12, 7)];
        backward(weighted(encoder.encodeMasked(pixels, cellMask(hidden))));
        const cells = (pixels.grad as Tensor).reshape([2, 3, 4, 16, 3, 16]).abs().sum([1, 3, 5]).flatten(1); // [2 N]
        expect(cells.gt(0).toNumbers()).toEqual(hidden.eq(0).toNumbers());
        const found = [...encoder.state()].map(([name, parameter]) => [name, parameter.grad?.toNumbers()]);
        for (const parameter of encoder.state().values()) parameter.grad = undefined;
        return found;
      }),
    );
    expect(gradients[1]).toEqual(gradients[0]);
  });

  test.each(["fcmae-image", "fcmae-deep"])("the official sparse encoder's features (%s)", (name) => {
    withReference(`${name}.safetensors`, (read, file) => {
      const { model: options, data } = JSON.parse(file.metadata?.["config"] ?? "{}");
      using encoder = new ConvnextV2(convnextV2Config.parse(options), square(data.imageSize));
      noGrad(() =>
        scope(() => {
          for (const [key, parameter] of encoder.state())
            if (!key.startsWith("norm.")) parameter.copy_(read(`weight/${key}`));
          const hidden = read("out/mask"); // [B N]
          const map = encoder.encodeMasked(read("view/image"), cellMask(hidden)); // [B D h w]
          expect(relativeDifference(map, read("sparse/features"))).toBeLessThan(1e-5);
        }),
      );
    });
  });

  test("a mask of another size is refused, and so is a picture that does not divide", () => {
    using encoder = model();
    scope(() => {
      expect(() => encoder.encodeMasked(image(1), cellMask(ones([2, 9])))).toThrow(
        "a mask of [2 9] does not fit 2 maps of 4 × 3 cells.",
      );
      expect(() => encoder.call(image(1).slice(2, 0, 40))).toThrow(
        "imageSize 40 × 48 is not a multiple of the stride 16 × 16 (nearest: 48 × 48).",
      );
    });
    expect(() => new ConvnextV2(convnextV2Config.parse({}), square(225))).toThrow("(nearest: 224 × 224)");
  });
});

function indices(values: readonly number[]): Tensor {
  return tensor(BigInt64Array.from(values, BigInt), [values.length]);
}

/**
 * Sparse convolutions by gathering: image [3 H W], visible cells of the last map -> their features [K D]. Features live in a list
 * of sites; a window reads the neighbours that are in the list; a convolution between stages reads the four sites below.
 */
function sparseEncoder(encoder: ConvnextV2, image: Tensor, visible: readonly number[]): Tensor {
  const state = encoder.state();
  const weight = (name: string): Tensor => state.get(name) as Tensor;
  const norm = (x: Tensor, name: string): Tensor => {
    const [mean, variance] = [x.mean([1], true), x.var([1], 0, true)];
    return x
      .sub(mean)
      .div(variance.add(1e-6).sqrt())
      .mul(weight(`${name}.weight`))
      .add(weight(`${name}.bias`));
  };
  const dense = (x: Tensor, name: string): Tensor =>
    x.matmul(weight(`${name}.weight`).flatten(1).transpose(0, 1)).add(weight(`${name}.bias`));
  /** Sites of a stage's map, row and column, cell by cell. */
  const sites = (s: number): [number, number][] => {
    const side = 8 / 2 ** s;
    return visible.flatMap((n) =>
      Array.from({ length: side * side }, (_, i): [number, number] => [
        Math.floor(n / 3) * side + Math.floor(i / side),
        (n % 3) * side + (i % side),
      ]),
    );
  };
  const place = (list: readonly [number, number][]) => new Map(list.map(([r, c], i) => [`${r},${c}`, i]));
  const block = (x: Tensor, s: number, b: number): Tensor => {
    const [list, name] = [sites(s), `stages.${s}.${b}`];
    const at = place(list);
    const [C, kernel] = [x.side(1), weight(`${name}.dwconv.weight`)]; // [C 1 7 7]
    let sum = weight(`${name}.dwconv.bias`).expand([list.length, C]); // [S C]
    for (let tap = 0; tap < 49; tap++) {
      const from = list.map(([r, c]) => at.get(`${r + Math.floor(tap / 7) - 3},${c + (tap % 7) - 3}`));
      const is = tensor(
        Float32Array.from(from, (i) => (i === undefined ? 0 : 1)),
        [list.length, 1],
      );
      const read = x.indexSelect(0, indices(from.map((i) => i ?? 0))).mul(is); // [S C]
      sum = sum.add(read.mul(kernel.reshape([C, 49]).select(1, tap)));
    }
    const wide = dense(norm(sum, `${name}.norm`), `${name}.pwconv1`); // [S 4C]
    const z = wide.toNumbers().map((v) => 0.5 * v * (1 + erf(v / Math.SQRT2)));
    const hidden = tensor(Float32Array.from(z), wide.shape);
    const size = hidden.mul(hidden).sum([0], true).sqrt(); // [1 4C]
    const ratio = size.div(size.mean([1], true).add(1e-6));
    const [gamma, beta] = [weight(`${name}.grn.gamma`), weight(`${name}.grn.beta`)].map((p) => p.flatten(0));
    const normed = hidden
      .mul(ratio)
      .mul(gamma as Tensor)
      .add(beta as Tensor)
      .add(hidden);
    return x.add(dense(normed, `${name}.pwconv2`));
  };
  const windows = sites(0).map(([r, c]) =>
    image
      .slice(1, 2 * r, 2 * r + 2)
      .slice(2, 2 * c, 2 * c + 2)
      .reshape([1, 12]),
  );
  let x = norm(dense(cat(windows), "downsample_layers.0.0"), "downsample_layers.0.1"); // [S C]
  for (let s = 0; s < 4; s++) {
    if (s > 0) {
      const [normed, at] = [norm(x, `downsample_layers.${s}.0`), place(sites(s - 1))];
      const corners = [0, 1, 2, 3].map((k) =>
        indices(sites(s).map(([r, c]) => at.get(`${2 * r + (k >> 1)},${2 * c + (k & 1)}`) as number)),
      );
      const below = stack(
        corners.map((ids) => normed.indexSelect(0, ids)),
        2,
      ); // [S C 4]
      x = dense(below.flatten(1), `downsample_layers.${s}.1`);
    }
    for (let b = 0; b < (encoder.depths[s] as number); b++) x = block(x, s, b);
  }
  return x;
}

/** Error function to 1e-12: its series. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 && n < 200; n++) {
    term *= -(x * x) / n;
    total += term / (2 * n + 1);
  }
  return Math.abs(x) > 5 ? Math.sign(x) : (2 / Math.sqrt(Math.PI)) * total;
}

test("rates of drop path grow from block to block over all stages", () => {
  using model = new ConvnextV2(convnextV2Config.parse({ ...small, dropPath: 0.4 }), square(32));
  const rates = model.stageBlocks.flatMap(({ links }) => links.map(({ dropPath }) => dropPath.rate));
  expect(rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
});

test("first values: normal of deviation 0.02, no bias, a response norm that changes nothing", () => {
  using model = new ConvnextV2(convnextV2Config.parse({ size: "atto" }), square(32));
  model.initialize(new Rng(0, "init"));
  scope(() => {
    for (const [name, parameter] of model.state()) {
      const values = parameter.detach();
      if (name.endsWith(".weight") && parameter.rank > 1) {
        const deviation = values.flatten().std([0]).item();
        expect(Math.abs(deviation / 0.02 - 1), name).toBeLessThan(4 / Math.sqrt(parameter.size)); // 5 standard errors
      } else expect(new Set(values.toNumbers()), name).toEqual(new Set([name.endsWith(".weight") ? 1 : 0]));
    }
  });
});

describe("layers of a decaying rate", () => {
  const layers = (decayBy: "block" | "group", size: Size, names: readonly string[]): number[] => {
    using model = onDevice("meta", () => new ConvnextV2(convnextV2Config.parse({ size, decayBy }), square(32)));
    return [model.depth, ...names.map((name) => model.layerOf(name))];
  };
  const names = [
    "downsample_layers.0.0.weight",
    "stages.0.2.grn.gamma",
    "downsample_layers.1.0.bias",
    "stages.1.0.norm.weight",
    "downsample_layers.2.1.weight",
    "stages.2.0.dwconv.weight",
    "stages.2.26.pwconv1.bias",
    "downsample_layers.3.1.weight",
    "stages.3.2.norm.weight",
    "norm.weight",
    "head.weight",
  ];

  /** Numbers of facebookresearch/ConvNeXt-V2, optim_factory.py, for the same names. */
  test("the official numbers, by block and by group", () => {
    expect(layers("block", "base", names)).toEqual([36, 1, 3, 4, 4, 7, 7, 33, 34, 36, 37, 37]);
    expect(layers("group", "base", names)).toEqual([12, 0, 1, 2, 2, 3, 3, 11, 12, 12, 13, 13]);
  });

  test("the last layers, with the convolutions in front of them; half of one", () => {
    const trained = (decayBy: "block" | "group", count: number): string[] => {
      using model = new ConvnextV2(convnextV2Config.parse({ ...small, depths: [1, 2, 4, 2], decayBy }), square(32));
      const wanted = new Set(model.lastLayers(count).flatMap((part) => [...part.state().values()]));
      const found = [...model.state()].flatMap(([name, parameter]) => (wanted.has(parameter) ? [name] : []));
      return [
        ...new Set(
          found.map((name) =>
            name
              .split(".")
              .slice(0, -1)
              .join(".")
              .replace(/\.(dwconv|pwconv.|norm|grn)$/, ""),
          ),
        ),
      ];
    };
    expect(trained("block", 0)).toEqual(["norm"]);
    expect(trained("block", 1)).toEqual(["stages.3.1", "norm"]);
    expect(trained("block", 2)).toEqual([
      "downsample_layers.3.0",
      "downsample_layers.3.1",
      "stages.3.0",
      "stages.3.1",
      "norm",
    ]);
    expect(trained("group", 1)).toEqual([
      "downsample_layers.3.0",
      "downsample_layers.3.1",
      "stages.3.0",
      "stages.3.1",
      "norm",
    ]);
    expect(trained("group", 2)).toContain("stages.2.3");
    expect(trained("group", 2)).not.toContain("stages.2.2");
    using model = new ConvnextV2(convnextV2Config.parse(small), square(32));
    const last = model.stageBlocks[3]?.links.at(-1);
    const half = model.lastLayers(0.5).flatMap((part) => [...part.state().values()]);
    expect(half).not.toContain(last?.dwconv.weight);
    expect(half).toContain(last?.pwconv1.weight);
  });
});
