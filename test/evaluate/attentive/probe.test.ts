import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { AttentiveProbe, attentiveProbe, normalizeTokens } from "../../../src/evaluate/attentive/probe.js";
import { linearProbe } from "../../../src/evaluate/probes/linear-probe.js";
import { LayerNorm } from "../../../src/nn/layer-norm.js";
import { weightDecayGroups } from "../../../src/optim/groups.js";
import { Sgd } from "../../../src/optim/sgd.js";
import { crossEntropy } from "../../../src/tensor/functional.js";
import { backward } from "../../../src/tensor/grad.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../engine/leaks.js";
import { relativeDifference, withReference } from "../../numbers.js";

leavesNoTensors();

test("loss, logits, gradients and three steps of the official code, statistics too", () => {
  withReference("attentive-probe.safetensors", (read, { metadata, names }) =>
    scope(() => {
      const { rates, momentum } = JSON.parse(metadata?.["config"] ?? "").optim;
      const tolerance = JSON.parse(metadata?.["tolerance"] ?? "") as Record<string, number>;
      using probe = new AttentiveProbe(16, 2, 5);
      probe.setTraining(true);
      const state = probe.state();
      const official = names.filter((name) => name.startsWith("weight/")).map((name) => name.slice("weight/".length));
      expect([...state.keys()].sort()).toEqual(official.sort());
      noGrad(() => {
        for (const [name, value] of state) value.copy_(read(`weight/${name}`));
      });
      const tokens = normalizeTokens(read("out/tokens")); // [8 17 16]
      const optimizer = new Sgd(weightDecayGroups(probe.parameters(), 0), { momentum, nesterov: true });
      const losses = (rates as number[]).map((learningRate, step) =>
        scope(() => {
          const logits = probe.call(tokens);
          const loss = crossEntropy(logits, read("label"));
          optimizer.zeroGrad();
          backward(loss);
          if (step === 0) {
            expect(relativeDifference(logits, read("out/logits"))).toBeLessThan(tolerance["outputs"] as number);
            for (const { name, tensor: parameter } of probe.parameters()) {
              const wanted = read(`grad/${name}`);
              // What only shifts all scores has none; rounding is measured by the largest gradient there is.
              const scale = wanted.abs().amax([]).item() || 1;
              const apart = parameter.grad?.sub(wanted).abs().amax([]).item() ?? Number.NaN;
              expect(apart / scale, name).toBeLessThan(tolerance["gradients"] as number);
            }
          }
          optimizer.step({ learningRate });
          return loss.item();
        }),
      );
      optimizer.zeroGrad();
      optimizer.close();
      for (const [i, loss] of (read("steps.loss").toNumbers() as number[]).entries())
        expect(Math.abs((losses[i] as number) / loss - 1)).toBeLessThan(1e-5);
      for (const [name, value] of state)
        expect(relativeDifference(value, read(`after/${name}`)), name).toBeLessThan(
          tolerance[name.includes("running") ? "buffers" : "parameters"] as number,
        );
    }),
  );
});

/** One token of twelve, never the same one, tells which of three classes; a place of it says that it is the one. */
function hidden(rows: number, seed: number): { tokens: Tensor; labels: Int32Array } {
  const keys = Array.from({ length: rows }, (_, row) => row + 1000 * seed);
  const labels = Int32Array.from(keys, (key) => key % 3);
  return scope(() => {
    const values = new Rng(seed, "tokens", 0, keys).normal([12, 16]).toArray() as Float32Array; // [rows 12 16]
    for (let row = 0; row < rows; row++) {
      const at = (row * 12 + ((row * 7) % 12)) * 16;
      values.fill(0, at, at + 16);
      values[at + 15] = 6;
      values[at + (labels[row] as number)] = 3;
    }
    return { tokens: noGrad(() => normalizeTokens(tensor(values, [rows, 12, 16]))), labels };
  });
}

test("a query learns which token to take from, where the mean of all tokens says little; the same again to the bit", async () => {
  const [train, test] = [hidden(150, 1), hidden(90, 2)];
  try {
    const shares: number[] = [];
    const options = { heads: 2, epochs: 30, batchSize: 30, onProgress: (share: number) => void shares.push(share) };
    const found = await attentiveProbe(train, test, options);
    const mean = scope(() =>
      noGrad(() => ({
        known: { features: train.tokens.mean([1]), labels: train.labels },
        asked: { features: test.tokens.mean([1]), labels: test.labels },
      })),
    );
    const linear = linearProbe(mean.known, mean.asked);
    for (const { features } of Object.values(mean)) features.dispose();
    expect(found.accuracy).toBeGreaterThan(0.95);
    expect(found.accuracy).toBeGreaterThan(linear.accuracy + 0.05);
    expect(found.trainAccuracy).toBeGreaterThan(0.95);
    expect(found.choices.map(({ rate }) => rate)).toEqual([0.4, 0.1, 0.025]);
    const best = Math.max(...found.choices.map(({ accuracy }) => accuracy));
    expect(found.choices.find(({ rate }) => rate === found.rate)?.accuracy).toBe(best);
    expect(shares).toHaveLength(4 * 30);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    const { predictions, choices } = await attentiveProbe(train, test, { ...options, rates: [found.rate] });
    expect(predictions).toEqual(found.predictions);
    expect(choices).toEqual([]);
  } finally {
    for (const { tokens } of [train, test]) tokens.dispose();
  }
});

test("it ends at the next epoch when it is stopped, and says which labels do not fit", async () => {
  const train = hidden(12, 1);
  const stop = new AbortController();
  const onProgress = (): void => stop.abort(new Error("enough"));
  const run = attentiveProbe(train, train, { heads: 2, signal: stop.signal, onProgress });
  await expect(run).rejects.toThrow("enough");
  const short = { ...train, labels: train.labels.slice(1) };
  await expect(attentiveProbe(short, train, { heads: 2 })).rejects.toThrow("one label for each row");
  await expect(attentiveProbe(train, train, { heads: 3 })).rejects.toThrow("does not divide into 3 heads");
  train.tokens.dispose();
});

test("tokens are normalised each by itself, as layer norms do", () => {
  scope(() => {
    const tokens = new Rng(1, "x").normal([5, 7, 8]).reshape([5, 7, 8]).mul(3).add(2);
    using norm = new LayerNorm(8);
    norm.initialize(new Rng(0, "init"));
    expect(relativeDifference(normalizeTokens(tokens), norm.call(tokens))).toBeLessThan(1e-5);
  });
});
