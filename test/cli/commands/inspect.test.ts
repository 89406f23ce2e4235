import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ended, lacuna, start, temporaryFolder, tinyRun } from "../terminal.js";

test("numbers, verdict and curves of a finished run", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const { code, out } = await lacuna("inspect", run);
  expect(code).toBe(0);
  expect(out).toMatch(/state +finished/);
  expect(out).toMatch(/steps +2 of 2, epoch 1\.00/);
  expect(out).toContain("The run is finished, and too short to judge: 2 steps");
  expect(existsSync(join(run, "curves.svg"))).toBe(true);
  const data = JSON.parse((await lacuna("inspect", run, "--json")).out);
  expect(data).toMatchObject({
    state: "finished",
    summary: { steps: 2, samples: 16 },
    verdict: { status: "too-early" },
  });
});

test("features are told, and those before training where they were measured", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const events = join(run, "events.jsonl");
  const told = async (...steps: number[]): Promise<string> => {
    const lines = readFileSync(events, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.includes('"probe"'));
    const probes = steps.map((step) =>
      JSON.stringify({ type: "probe", step, name: "knn", value: 0.25 + step / 100, pictures: 81, meanPerClass: 0.2 }),
    );
    writeFileSync(events, `${[...lines.slice(0, -1), ...probes, lines.at(-1)].join("\n")}\n`);
    return (await lacuna("inspect", run)).out;
  };
  const alone = await told(2);
  expect(alone).toMatch(/features +at step 2: 20-NN 27\.0 % \(18\.5–37\.5\), per class 20\.0 %\n/); // Wilson
  expect(alone).not.toContain("before training");
  const both = await told(0, 2);
  expect(both).toMatch(/features +at step 2: 20-NN 27\.0 % .*\n +before training: 20-NN 25\.0 % /);
  expect(both).toContain("since before training: 20-NN gained 2.0 points, which may be chance (");
});

test("a killed run, in a process that never loads libtorch", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const file = join(run, "run.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"status": "finished"', '"status": "running"'));
  const events = join(run, "events.jsonl");
  const lines = readFileSync(events, "utf8").split("\n");
  const kept = lines.slice(0, lines.findIndex((line) => line.includes('"type":"step"')) + 1).join("\n");
  writeFileSync(events, `${kept}\n{"type":"st`); // torn in the middle of a line
  // An addon that cannot be loaded would be an error wherever it is asked for.
  const { code, out } = await ended(start(["inspect", run], { LD_BIND_NOW: "1" }));
  expect(code).toBe(0);
  expect(out).toMatch(/state +killed: go on with lacuna resume/);
  expect(out).toMatch(/steps +1 of 2/);
  expect(out).toContain("The run was killed at step 1 of 2.");
  expect(out).not.toContain("too early");
});

test("all of it as one HTML file", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const path = join(folder, "report.html");
  const { code, out } = await lacuna("inspect", run, "--html", path);
  expect(code).toBe(0);
  expect(out).toContain(`Report: ${path}`);
  expect(readFileSync(path, "utf8")).toMatch(/^<!doctype html>\n<html lang="en">.*<\/html>\n$/s);
});

test("a folder of runs is compared: what differs, what came of each, their curves, and what cannot be read", async () => {
  const folder = temporaryFolder();
  const { run } = await tinyRun(folder);
  const runs = join(folder, "compared");
  for (const name of ["first", "second"]) cpSync(run, join(runs, name), { recursive: true });
  const file = join(runs, "second", "run.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"weightDecay": 0.05', '"weightDecay": 0.1'));
  mkdirSync(join(runs, "broken"));
  writeFileSync(join(runs, "broken", "run.json"), "{");
  const [curves, page] = [join(folder, "curves.png"), join(folder, "runs.html")];
  const { code, out } = await lacuna("inspect", runs, "--curves", curves, "--html", page);
  expect(code).toBe(0);
  expect(out).toMatch(/first +2 .*too-early\nsecond +2 .*too-early\n/);
  expect(out).toMatch(/differ in one setting:\nsetting +first +second\noptim\.weightDecay +0\.05 +0\.1\n/);
  expect(out).toMatch(/Left out: .*broken: .*expected the description of a run/);
  expect([...readFileSync(curves).subarray(1, 4)].map((byte) => String.fromCharCode(byte)).join("")).toBe("PNG");
  expect(readFileSync(page, "utf8")).toContain("<h1>2 runs</h1>");
  const data = JSON.parse((await lacuna("inspect", join(runs, "first"), join(runs, "second"), "--json")).out);
  expect(data.settings).toEqual([{ name: "optim.weightDecay", values: ["0.05", "0.1"] }]);

  // One run, twice over, is one: its curves have their place.
  const one = await lacuna("inspect", run, run, "--curves", curves);
  expect(one).toMatchObject({ code: 2, error: expect.stringContaining("expected several runs, got one") });
});
