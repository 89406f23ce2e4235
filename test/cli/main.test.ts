import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun } from "../../src/runs/reader.js";
import { ended, makePictures, start, temporaryFolder, tinyFlags } from "./terminal.js";

/** Ends with a line on the process itself: its processor time, and whether the engine or sharp was loaded into it. */
const watch = `
  import { readFileSync } from "node:fs";
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    const libraries = readFileSync("/proc/self/maps", "utf8").match(/libtorch_cpu|lacuna\\.node|libvips/g) ?? [];
    process.stderr.write("self " + JSON.stringify({ seconds: (user + system) / 1e6, libraries: [...new Set(libraries)] }));
  });`;

async function watched(...parameters: string[]): Promise<{ seconds: number; libraries: string[] }> {
  const child = start(parameters, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(watch)}` });
  const { error } = await ended(child);
  return JSON.parse(error.slice(error.indexOf("self ") + 5)) as { seconds: number; libraries: string[] };
}

/** Processor time of a bare Node, the least of five: what a machine and its Node cost before anything of ours. */
function bareNode(): number {
  const script = "const { user, system } = process.cpuUsage(); process.stdout.write(String((user + system) / 1e6));";
  const times = Array.from({ length: 5 }, () =>
    Number(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" })),
  );
  return Math.min(...times);
}

test("help comes within four times the start of a bare Node and loads no libtorch", async () => {
  // Processor time, the least of five: free of what else the machine does.
  const all: Awaited<ReturnType<typeof watched>>[] = [];
  for (let i = 0; i < 5; i++) all.push(await watched("--help"));
  expect(all.map(({ libraries }) => libraries)).toEqual([[], [], [], [], []]);
  expect(Math.min(...all.map(({ seconds }) => seconds))).toBeLessThan(4 * bareNode());
});

test("the look into the process sees libtorch where it is", async () => {
  const { libraries } = await watched("doctor");
  expect(libraries).toContain("libtorch_cpu");
});

test("the version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect((await ended(start(["--version"]))).out).toBe(`${version}\n`);
});

test("a run without a reader, or below a full disk, goes on to its end; a hang-up of no terminal stops nothing", async () => {
  const folder = temporaryFolder();
  const pictures = await makePictures(join(folder, "pictures"), 8);
  const command = (name: string): string[] => [
    ...["pretrain", pictures, "--out", join(folder, name), ...tinyFlags, "--epochs=4", "--log.probe.everyEpochs=0"],
  ];
  const unread = start(command("unread"));
  unread.stdout?.on("data", (text: Buffer) => {
    if (!text.includes("learning rate")) return; // from here on it listens
    unread.stdout?.destroy();
    unread.kill("SIGHUP");
  });
  expect(await ended(unread)).toMatchObject({ code: 0, error: "" });
  const full = openSync("/dev/full", "w");
  const { code, error } = await ended(start(command("full"), {}, full));
  closeSync(full);
  expect(code).toBe(1);
  expect(error).toMatch(/^Error in stdout: what is printed cannot be written \(ENOSPC.*The command goes on\.\n$/);
  for (const name of ["unread", "full"]) {
    const { run, events } = openRun(join(folder, name));
    expect([run.status, events.at(-1)?.step]).toEqual(["finished", 8]);
  }
});

test("a reader that goes away is no error", async () => {
  const child = start(["pretrain", "--help-config"]);
  child.stdout?.destroy();
  const { code, error } = await ended(child);
  expect({ code, error }).toEqual({ code: 0, error: "" });
});
