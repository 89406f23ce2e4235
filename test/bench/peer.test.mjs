import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agreement } from "../../bench/agreement.mjs";
import { BenchError, Peer } from "../../bench/peer.mjs";

let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lacuna-bench-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function peer(program) {
  const path = join(folder, "worker.mjs");
  writeFileSync(path, program);
  return new Peer("a worker", process.execPath, [path], process.env);
}

const echo = `
import { createInterface } from "node:readline";
console.log("a library that talks");
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.do === "die") { console.error("Out of luck"); process.exit(3); }
  console.log(JSON.stringify({ heard: message.do }));
}`;

test("answers come in order, other output is passed over, the end of the input ends it", async () => {
  const worker = peer(echo);
  expect(await worker.ready()).toEqual({ ready: true });
  expect(await worker.ask({ do: "step" })).toEqual({ heard: "step" });
  expect(await worker.ask({ do: "loss" })).toEqual({ heard: "loss" });
  await worker.end();
  expect(() => process.kill(worker.pid, 0)).toThrow("ESRCH");
});

test("a process that stops is an error with its last words, then and later", async () => {
  const worker = peer(echo);
  await worker.ready();
  await expect(worker.ask({ do: "die" })).rejects.toThrow("a worker stopped (exit status 3).\nOut of luck");
  await expect(worker.ask({ do: "step" })).rejects.toThrow(BenchError);
  await worker.end();
});

test("a command that is not there is an error", async () => {
  const worker = new Peer("python", join(folder, "no-such-python"), [], process.env);
  await expect(worker.ready()).rejects.toThrow("ENOENT");
});

describe("agreement", () => {
  const losses = (theirs) => [
    ["lacuna", [2]],
    ["eager", [theirs]],
  ];
  const options = { tolerance: 1e-5, what: "forward in float32" };

  test("keeps the single values and how far they are apart", () => {
    const { losses: kept, difference } = agreement(losses(2.00001), options);
    expect(kept).toEqual({ lacuna: 2, eager: 2.00001 });
    expect(difference).toBeCloseTo(5e-6, 7);
  });

  test("values that differ end a comparison, also when one is no number or there are fewer", () => {
    expect(() => agreement(losses(2.001), options)).toThrow(
      "Lacuna and eager do not compute the same (forward in float32): 2 … against 2.001",
    );
    expect(() => agreement(losses(Number.NaN), options)).toThrow(BenchError);
    const fewer = [
      ["lacuna", [1, 2]],
      ["eager", [1]],
    ];
    expect(() => agreement(fewer, options)).toThrow(BenchError);
  });

  test("a difference is measured against the largest value; that of classes by the share that differs", () => {
    const sides = [
      ["lacuna", [0, 8, 1, 1]],
      ["eager", [0.004, 8, 1, 1]],
    ];
    expect(agreement(sides, { tolerance: 1e-3, what: "x" }).difference).toBeCloseTo(0.0005, 9);
    expect(agreement(sides, { tolerance: 0.5, what: "x", measure: "share" }).difference).toBe(0.25);
    expect(() => agreement(sides, { tolerance: 0.2, what: "x", measure: "share" })).toThrow("a difference of 0.25");
  });
});
