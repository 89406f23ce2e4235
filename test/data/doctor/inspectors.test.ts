import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Inspection } from "../../../src/data/doctor/inspect.js";
import { inspectFiles } from "../../../src/data/doctor/inspectors.js";
import { referencePath, temporaryFolder, writeTree } from "../pictures.js";

const folder = temporaryFolder();
const limits = { maxPixels: 1e6, timeoutMs: 10_000 };

async function inspectAll(paths: readonly string[], options: Partial<Parameters<typeof inspectFiles>[1]> = {}) {
  const results = new Map<number, Inspection>();
  await inspectFiles(paths, { ...limits, processes: 2, ...options }, (index, inspection) => {
    if (results.has(index)) throw new Error(`${index} came twice`);
    results.set(index, inspection);
  });
  return paths.map((_, index) => results.get(index));
}

/** A child that does to a file what its name says, as a broken decoder would. */
function program(): string {
  writeTree(folder, {
    "child.cjs": `
      process.on("message", ({ path }) => {
        if (path === "crash") process.kill(process.pid, "SIGSEGV");
        else if (path === "exit") process.exit(7);
        else if (path === "hang") for (;;) {}
        else process.send({ inspection: { code: "unreadable", reason: String(process.pid) } });
      });
      process.send({ ready: true });`,
  });
  return join(folder, "child.cjs");
}

describe("inspectFiles", () => {
  it("inspects every file once, in processes of their own", async () => {
    const names = ["rgb.png", "420.jpg", "animated.gif", "cmyk.tif"];
    const results = await inspectAll([...names.map(referencePath), "nowhere.png"]);
    expect(results).toHaveLength(5);
    for (const result of results.slice(0, 4)) expect(result).toMatchObject({ width: 26, height: 18 });
    expect(results[4]).toMatchObject({ code: "missing" });
  });

  it("names the file that brings a process down, and goes on with another process", async () => {
    const results = await inspectAll(["a", "crash", "b", "exit", "c"], { program: program(), processes: 1 });
    expect(results[1]).toEqual({ code: "crashed", reason: "the decoding process ended with SIGSEGV" });
    expect(results[3]).toEqual({ code: "crashed", reason: "the decoding process ended with status 7" });
    const processes = [0, 2, 4].map((i) => (results[i] as { reason: string }).reason);
    expect(new Set(processes).size).toBe(3);
  });

  it("ends a process that hangs, and keeps the others at work", async () => {
    const paths = ["hang", ...Array.from({ length: 20 }, (_, i) => String(i))];
    const results = await inspectAll(paths, { program: program(), timeoutMs: 100 });
    expect(results[0]).toEqual({ code: "timeout", reason: "no answer from the decoding process within 2100 ms" });
    expect(results.slice(1).every((result) => result !== undefined)).toBe(true);
  });

  it("says so when no process can be started", async () => {
    writeTree(folder, { "broken.cjs": "process.exit(9);" });
    await expect(inspectAll(["a"], { program: join(folder, "broken.cjs") })).rejects.toThrow(
      /in doctor: expected a process that inspects pictures, got its end \(status 9\)/,
    );
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    let count = 0;
    const work = inspectFiles(
      Array.from({ length: 1000 }, (_, i) => String(i)),
      { ...limits, processes: 2, program: program(), signal: stop.signal },
      () => {
        if (++count === 10) stop.abort(new Error("enough"));
      },
    );
    await expect(work).rejects.toThrow("enough");
    expect(count).toBeLessThan(20);
  });
});
