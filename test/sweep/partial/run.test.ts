import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openRun } from "../../../src/runs/reader.js";
import { type PartialEvent, runPartial } from "../../../src/sweep/partial/run.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { tinyFinetune, writeClasses } from "../../finetune/example.js";
import { collect, tinyRun, workFolder } from "../../train/example.js";

const work = workFolder("run-partial");
afterAll(work.remove);
const photos = await writeClasses(join(work.path, "photos"), 8);
const from = join(work.path, "pretrained");
await collect(pretrain(tinyRun(photos, { epochs: 1, log: { previewPictures: 0 } }), { out: from }));
const { model: _, trainBlocks: __, ...tiny } = tinyFinetune(photos, { epochs: 1 });
const said = { ...tiny, seed: 0, from, pool: "mean", optim: { name: "adamw", weightDecay: 0.1 } } as const;

test("a probe by the paper's recipe beside half a block by what is said; a second call reads what is there", async () => {
  const out = join(work.path, "partial");
  const events: PartialEvent[] = [];
  const asked = {
    out,
    blocks: [{ blocks: 0 }, { blocks: 0.5, epochs: 2 }],
    onEvent: (event: PartialEvent) => void events.push(event),
  } as const;
  const { isFinished, rows, files } = await runPartial(said, asked);
  expect(isFinished).toBe(true);
  expect(rows.map(({ blocks, epochs }) => [blocks, epochs])).toEqual([
    ["0", 1],
    ["0.5", 2],
  ]);
  expect(openRun(join(out, "blocks-0-seed-0")).run.config).toMatchObject({
    trainBlocks: 0,
    pool: "class",
    optim: { name: "lars" },
  });
  const half = openRun(join(out, "blocks-0.5-epochs-2-seed-0")).run.config;
  expect(half).toMatchObject({ trainBlocks: 0.5, pool: "mean", optim: { name: "adamw", weightDecay: 0.1 } });
  for (const file of files) expect(existsSync(file)).toBe(true);
  expect(JSON.parse(readFileSync(join(out, "partial.json"), "utf8"))).toEqual(
    JSON.parse(JSON.stringify({ from, rows })),
  );
  expect(events.map(({ type, isNew }) => [type, isNew])).toEqual([
    ["begin", true],
    ["judged", true],
    ["begin", true],
    ["judged", true],
  ]);

  const written = statSync(join(out, "blocks-0-seed-0", "run.json")).mtimeMs;
  const train = () => Promise.reject(new Error("nothing is left to train"));
  expect((await runPartial(said, { ...asked, train })).rows).toEqual(rows);
  expect(statSync(join(out, "blocks-0-seed-0", "run.json")).mtimeMs).toBe(written);
  const longer = runPartial({ ...said, epochs: 3 }, { out, blocks: [{ blocks: 0 }] });
  await expect(longer).rejects.toMatchObject({ code: "changed-run" });
});

test("a run that is stopped ends it, with the rows so far; other seeds draw other labels", async () => {
  const out = join(work.path, "stopped");
  const labelled = { ...said, data: { ...said.data, batchSize: 4, labels: { perClass: 4 } } };
  const folders: string[] = [];
  const outcome = await runPartial(labelled, {
    out,
    blocks: [{ blocks: 0 }],
    seeds: 2,
    train: async (makeRun, folder) => {
      folders.push(folder);
      const stop = new AbortController();
      await using run = makeRun(stop.signal);
      for await (const event of run) if (event.type === "step" && folders.length === 2) stop.abort();
    },
  });
  expect(outcome).toMatchObject({ isFinished: false, rows: [{ blocks: "0", folders: [folders[0]] }] });
  const configs = folders.map((folder) => openRun(folder).run.config as { seed: number; data: { labels: object } });
  expect(configs.map(({ seed, data }) => [seed, data.labels])).toEqual([
    [0, { perClass: 4, seed: 0 }],
    [1, { perClass: 4, seed: 1 }],
  ]);
});

test("without an encoder to begin with, or pictures to judge by, nothing is made", async () => {
  const out = join(work.path, "none");
  const { from: ___, ...scratch } = said;
  await expect(runPartial(scratch, { out })).rejects.toThrow("in from: expected a trained encoder, got none.");
  const { heldOut: ____, ...data } = said.data;
  await expect(runPartial({ ...said, data }, { out })).rejects.toMatchObject({ code: "partial", path: "data.heldOut" });
  expect(existsSync(out)).toBe(false);
});
