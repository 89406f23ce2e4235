import { expect, test } from "vitest";
import { noGrad } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { Parameter } from "../../src/nn/parameter.js";
import { AdamW, adamwConfig } from "../../src/optim/adamw.js";
import { buildOptimizer } from "../../src/optim/build.js";
import { Lars, larsConfig } from "../../src/optim/lars.js";
import { Sgd, sgdConfig } from "../../src/optim/sgd.js";
import { full } from "../../src/tensor/creation.js";

test("the optimiser that a config names, its parameters in groups by rule", () => {
  using weight = new Parameter([2, 2], () => full([2, 2], 1));
  using bias = new Parameter([2], () => full([2], 1));
  const parameters = [
    { name: "weight", tensor: weight },
    { name: "bias", tensor: bias },
  ];
  for (const [config, kind] of [
    [adamwConfig.parse({ name: "adamw", weightDecay: 0.1 }), AdamW],
    [sgdConfig.parse({ name: "sgd", weightDecay: 0.1 }), Sgd],
    [larsConfig.parse({ name: "lars", weightDecay: 0.1 }), Lars],
  ] as const) {
    const optimizer = buildOptimizer(config, parameters, ({ name }) =>
      name === "bias" ? { rate: 0.5, decays: true } : undefined,
    );
    expect(optimizer).toBeInstanceOf(kind);
    const groups = (optimizer as AdamW).groups.map(({ weightDecay, learningRateScale }) => [
      weightDecay,
      learningRateScale,
    ]);
    expect(groups).toEqual([
      [0.1, 0.5],
      [0.1, 1],
    ]);
    optimizer.close();
  }
});

test("a group with a constant rate takes the peak, and decay follows its factor", () => {
  using a = new Parameter([1], () => full([1], 1));
  using b = new Parameter([1], () => full([1], 1));
  noGrad(() => scope(() => [a, b].forEach((each) => void each.copy_(full([1], 1)))));
  const config = sgdConfig.parse({ name: "sgd", momentum: 0, weightDecay: 1 });
  const named = [
    { name: "a", tensor: a },
    { name: "b", tensor: b },
  ];
  const optimizer = buildOptimizer(config, named, ({ name }) => ({ decays: true, constantRate: name === "b" }));
  scope(() => {
    for (const each of [a, b]) each.grad = full([1], 0);
  });
  optimizer.step({ learningRate: 0.1, peakRate: 0.4, decayScale: 0.5 });
  expect(a.toNumbers()[0]).toBeCloseTo(1 - 0.1 * 0.5, 6);
  expect(b.toNumbers()[0]).toBeCloseTo(1 - 0.4 * 0.5, 6);
  optimizer.zeroGrad();
  optimizer.close();
});
