import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { costOf } from "../../src/plan/cost.js";
import { type LeagueInput, leagueIn, leagueSweep } from "../../src/sweep/league.js";
import { planSweep } from "../../src/sweep/plan.js";
import { resolveSweep } from "../../src/sweep/resolve.js";
import { makePictures, temporaryFolder } from "../cli/terminal.js";

const sizes = { width: 16, depth: 1, heads: 2, patchSize: 8 };
const budget = 2e8;

/** Two classes of pictures, a tiny ViT, two methods that differ in all but that. */
async function tiny(changes: Partial<LeagueInput> = {}): Promise<{ path: string; league: LeagueInput }> {
  const path = temporaryFolder();
  const pictures = await makePictures(join(path, "pictures"), 16);
  const side = (part: "train" | "heldOut") => ({ kind: "folder", path: pictures, part, holdOut: 0.4 }) as const;
  const league: LeagueInput = {
    title: "Tiny",
    train: side("train"),
    test: side("heldOut"),
    methods: ["mae", "simsiam"],
    models: { vit: sizes },
    imageSize: 32,
    multiplyAdds: budget,
    seeds: [0, 1],
    settings: { simsiam: { "method.projector.output": 32 } },
    ...changes,
  };
  return { path, league };
}

test("every method is a point with the same encoder and pictures, as many steps as the same multiply-adds allow, and its own advice", async () => {
  const { league } = await tiny();
  const sweep = await leagueSweep(league);
  const { points } = await planSweep(await resolveSweep(sweep));
  expect(points.map(({ point }) => point.id).sort()).toEqual([
    "mae_seed-0",
    "mae_seed-1",
    "simsiam_seed-0",
    "simsiam_seed-1",
  ]);
  const [first] = points;
  for (const { config, cost, steps, memory } of points) {
    expect(config.model).toMatchObject(sizes);
    expect(config.model).toEqual(first?.config.model);
    expect({ ...config.data, batchSize: 0 }).toEqual({ ...first?.config.data, batchSize: 0 });
    const step = costOf(config).step * config.data.batchSize;
    expect(cost).toBe(step * (steps as number));
    expect(Math.abs(cost - budget)).toBeLessThanOrEqual(step / 2);
    expect(memory).toBeGreaterThan(0);
  }
  const [mae, simsiam] = ["mae", "simsiam"].map((name) => points.find(({ point }) => point.name === name)?.config);
  expect(mae?.optim.name).toBe("adamw");
  expect(simsiam?.optim.name).toBe("sgd");
  expect(simsiam?.method).toMatchObject({ projector: { output: 32 } });
});

test("a method whose own advice sets what an encoder does not have is not trained with that encoder", async () => {
  const models = { vit: sizes, resnet: { depths: [1, 1, 1, 1], width: 4, block: "basic", stem: "cifar" } };
  const { league } = await tiny({ methods: ["extrema", "supervised"], models, settings: {}, multiplyAdds: 1e11 });
  const names = Object.keys((await leagueSweep(league)).points ?? {});
  expect(names.sort()).toEqual(["extrema", "supervised", "supervised-resnet"]);
});

test.each([
  [["mp3", "mae"], "positions", "none"],
  [["extrema", "mae"], "classAttention", 2],
])("%j: the first settles the encoder's sizes, not what it alone advises of it", async (order, key, advised) => {
  const { league } = await tiny({ methods: order, models: { vit: {} }, settings: {}, seeds: [0], multiplyAdds: 1e12 });
  const { points } = await planSweep(await resolveSweep(await leagueSweep(league)));
  const [first, mae] = order.map(
    (name) => points.find(({ point }) => point.name === name)?.config.model,
  ) as unknown as [Record<string, unknown>, Record<string, unknown>];
  const alone = await planSweep(await resolveSweep(await leagueSweep({ ...league, methods: ["mae"] })));
  expect(first[key]).toBe(advised);
  expect(mae).toEqual(alone.points[0]?.config.model);
  expect(first).toEqual({ ...mae, [key]: advised });
});

test("a method that takes none of the encoders is trained with its usual one, if it has one", async () => {
  const { league } = await tiny({ methods: ["mae", "fcmae"], settings: {}, multiplyAdds: 1e12 });
  const { models: _, ...open } = league;
  expect(Object.keys((await leagueSweep(open)).points ?? {})).toEqual(["mae", "fcmae-convnextV2"]);
  expect(Object.keys((await leagueSweep(league)).points ?? {})).toEqual(["mae", "fcmae-convnextV2"]);
  await expect(leagueSweep({ ...league, methods: ["mae"], models: { resnet: {} } })).rejects.toThrow(
    "in models: none of mae can train resnet. Leave models out",
  );
});

test("names that are in no list, and pictures without classes, are refused", async () => {
  const { league, path } = await tiny();
  await expect(leagueSweep({ ...league, methods: ["mea"] })).rejects.toThrow(/mea/);
  await expect(leagueSweep({ ...league, multiplyAdds: 1000 })).rejects.toThrow(
    /1\.0e\+3 multiply-adds are less than a step of mae, which takes/,
  );
  const flat = await makePictures(join(path, "flat"), 4);
  const list = join(path, "list.txt");
  writeFileSync(list, `${join(flat, "a", "0.png")}\n`);
  await expect(leagueSweep({ ...league, train: { kind: "list", path: list } })).rejects.toThrow(
    /list\.txt has no classes.*Put the pictures of each class into a folder of its own/,
  );
});

test("a folder keeps the league that began in it: the same call gives the same sweep, another one is refused", async () => {
  const { path, league } = await tiny({ methods: ["mae"], settings: {} });
  const out = join(path, "out");
  const sweep = await leagueIn(out, league);
  rmSync(join(path, "pictures"), { recursive: true }); // nothing is chosen anew
  expect(await leagueIn(out, league)).toEqual(JSON.parse(JSON.stringify(sweep)));
  await expect(leagueIn(out, { ...league, seeds: [0] })).rejects.toThrow(/another league runs in .*seeds/);
  writeFileSync(join(path, "note"), "");
  await expect(leagueIn(path, league)).rejects.toThrow();
  expect(existsSync(join(path, "league.json"))).toBe(false);
});
