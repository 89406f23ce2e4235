import { join } from "node:path";
import { expect, test } from "vitest";
import { decidedBy, readInit, underInit } from "../../../src/plan/defaults/init.js";
import { temporaryFolder } from "../../cli/terminal.js";
import { micro, microDecoder, writeOfficial } from "../../models/published/formula.js";

test("sizes, decoder and pictures of a file, under what is said on the command line", async () => {
  const path = writeOfficial(join(temporaryFolder(), "full.pth"), { ...micro, decoder: microDecoder });
  const facts = readInit(path);
  expect(facts.settings).toEqual(
    expect.arrayContaining([
      { path: "model.width", value: 16 },
      { path: "model.patchSize", value: 4 },
      { path: "method.decoder.width", value: 8 },
      { path: "data.imageSize", value: 16 },
    ]),
  );
  expect([decidedBy(facts, "data.imageSize"), decidedBy(facts, "epochs"), decidedBy(undefined, "x")]).toEqual([
    16,
    undefined,
    undefined,
  ]);
  const chosen = {
    config: {
      data: { source: { kind: "cifar10", split: "train" }, imageSize: 32, batchSize: 8 },
      model: { name: "vit", size: "tiny" },
    },
    sizes: { size: "tiny" },
    choices: [
      { key: "model.size", value: "tiny", reason: "few pictures" },
      { key: "epochs", value: "7", reason: "an hour" },
    ],
    estimate: { imagesPerSecond: 1, hours: 1 },
    advice: [],
  } as const;
  const { config, choices } = underInit(chosen, facts);
  expect(config).toMatchObject({
    data: { imageSize: 16, batchSize: 8 },
    model: { width: 16, depth: 2 },
    method: { decoder: { depth: 1 } },
  });
  expect(choices.map(({ key, value }) => `${key} ${value}`)).toEqual([
    "epochs 7",
    "model.width 16",
    "model.depth 2",
    "model.heads 1",
    "model.patchSize 4",
    "data.imageSize 16",
  ]);
  const moco = { ...chosen, config: { ...chosen.config, method: { name: "mocoV3" } } } as unknown as typeof chosen;
  expect(underInit(moco, facts).config.method).toEqual({ name: "mocoV3" }); // it has no use for the file's decoder
});

test("with what is said of the file: its colours replace those that were measured", () => {
  const path = writeOfficial(join(temporaryFolder(), "colours.pth"), micro);
  const facts = readInit(path, { heads: 4, mean: [0.5, 0.4, 0.3], std: [0.1, 0.2, 0.3] });
  const chosen = {
    config: { data: { source: { kind: "cifar10", split: "train" }, mean: [0, 0, 0] } },
    choices: [{ key: "data.mean, data.std", value: "0 0 0, 1 1 1", reason: "measured" }],
    estimate: { imagesPerSecond: 1, hours: 1 },
    advice: [],
  } as const;
  const { config, choices } = underInit(chosen as unknown as Parameters<typeof underInit>[0], facts);
  expect(config).toMatchObject({ model: { heads: 4 }, data: { mean: [0.5, 0.4, 0.3], std: [0.1, 0.2, 0.3] } });
  expect(choices.slice(-2)).toEqual([
    { key: "data.mean", value: "0.5 0.4 0.3", reason: `as in ${path}` },
    { key: "data.std", value: "0.1 0.2 0.3", reason: `as in ${path}` },
  ]);
  expect(choices.map(({ reason }) => reason)).not.toContain("measured");
});
