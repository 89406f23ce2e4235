import { expect, test } from "vitest";
import type { Source } from "../../../src/data/source.js";
import { parseFinetune } from "../../../src/finetune/config.js";
import { parseConfig } from "../../../src/train/config.js";
import { openProbes, type Probe, type ProbeSetting } from "../../../src/train/loop/probes.js";

const probe: Probe = { everyEpochs: 1, async *run() {} };
const source = { kind: "folder" as const, path: "photos" };
const rest = { precision: "float32" as const, source: {} as Source, heldOut: undefined };

test("probes are taken as they are, or made for the run at hand", async () => {
  const config = parseConfig({ data: { source }, log: { probe: { k: 7 } } });
  expect(await openProbes([probe], { config, ...rest })).toEqual([probe]);
  const asked: (number | undefined)[] = [];
  const make = async ({ config: { log } }: ProbeSetting): Promise<Probe[]> => {
    asked.push(log.probe?.k, log.frozenLabels);
    return [probe];
  };
  expect(await openProbes(make, { config, ...rest })).toEqual([probe]);
  expect(await openProbes(make, { config: parseFinetune({ data: { source } }), ...rest })).toEqual([probe]);
  expect(asked).toEqual([7, undefined, undefined, 10_000]);
});
