import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { agreement } from "../../bench/pair.mjs";
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

test("losses that differ end a comparison, also when one is no number", () => {
  const losses = (theirs) => [
    ["lacuna", 2],
    ["eager", theirs],
  ];
  expect(agreement(losses(2.00001), 1e-5, "forward").difference).toBeCloseTo(5e-6, 7);
  expect(() => agreement(losses(2.001), 1e-5, "forward in float32")).toThrow("The losses differ forward in float32");
  expect(() => agreement(losses(Number.NaN), 1e-5, "forward")).toThrow("eager NaN");
});
