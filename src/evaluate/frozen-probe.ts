/** What a supervised run's encoder can do as it is, before a step changes it: what training has to beat. */
import { drawn, subsetOf } from "../data/sources/subset.js";
import { packRight } from "../runs/frozen.js";
import { loadModel } from "../train/checkpoints/load.js";
import type { Probe, Probed, ProbeSetting } from "../train/loop/probes.js";
import { judgedPictures } from "../train/watch/held-out.js";
import { measureEncoder } from "./encoder.js";

/**
 * Before the first step: k-NN (20 neighbours) and the exact linear probe of the encoder that the run begins with, learned from the run's
 * labelled pictures (at most `log.frozenLabels`, drawn by lot) and judged on the same held-out pictures as the run. None for a run
 * from scratch, without held-out pictures, or with `log.frozenLabels` 0.
 */
export function frozenProbe({ config, source, heldOut }: ProbeSetting): readonly Probe[] {
  const { from, log } = config;
  const { frozenLabels = 0 } = log;
  if (from === undefined || heldOut === undefined || frozenLabels === 0) return [];
  const { judged } = judgedPictures(config, heldOut);
  const train = source.size <= frozenLabels ? source : subsetOf(source, drawn(source.size, frozenLabels));
  const test = subsetOf(
    heldOut,
    Array.from({ length: judged }, (_, i) => i),
  );
  return [{ atStart: true, run: () => measure(from, config.device, { train, test }) }];
}

async function* measure(
  from: string,
  device: string,
  sides: Pick<Parameters<typeof measureEncoder>[1], "train" | "test">,
): AsyncGenerator<Probed, void> {
  using model = loadModel(from, { device });
  const encoder = { name: "the frozen encoder", encode: model.features };
  const {
    knn = Number.NaN,
    linear = Number.NaN,
    ...rest
  } = await measureEncoder(encoder, { config: model.config, ...sides });
  const accuracy = (which: "knn" | "linear"): NonNullable<Probed[2]> => ({
    pictures: rest.pictures,
    meanPerClass: rest.meanPerClass[which] ?? Number.NaN,
    right: packRight(rest.right[which] ?? []),
  });
  yield ["frozenKnn", knn, accuracy("knn")];
  yield ["frozenLinear", linear, accuracy("linear")];
}
