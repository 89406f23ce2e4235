/** Commands run in this process with their output caught, or in a process of their own; and pictures for them. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { onTestFinished, vi } from "vitest";
import { main } from "../../src/cli/program.js";
import { pretrain, type RunConfigInput } from "../../src/index.js";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs a command line in this process. */
export async function lacuna(...parameters: string[]): Promise<Outcome> {
  const caught = { out: "", error: "" };
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    caught.out += String(text);
    return true;
  });
  const error = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    caught.error += String(text);
    return true;
  });
  try {
    return { code: await main(parameters), ...caught };
  } finally {
    out.mockRestore();
    error.mockRestore();
  }
}

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Starts a command as a person does: what was compiled, in a process of its own. */
export function start(
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  stdout: "pipe" | number = "pipe",
): ChildProcess {
  if (!existsSync(program)) throw new Error("dist/ is missing: run npm run build");
  return spawn(process.execPath, [program, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", stdout, "pipe"],
  });
}

/** Waits for its end. */
export async function ended(child: ChildProcess): Promise<Outcome> {
  let [out, error] = ["", ""];
  child.stdout?.on("data", (text) => {
    out += String(text);
  });
  child.stderr?.on("data", (text) => {
    error += String(text);
  });
  const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? -1)));
  return { code, out, error };
}

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Discs on coloured grounds: red ones in the folder a, blue ones in b. The same ones each time. */
export async function makePictures(folder: string, perClass: number): Promise<string> {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (const [name, hue] of [
    ["a", 0],
    ["b", 220],
  ] as const) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < perClass; i++) {
      const disc = `<circle cx="${random() * 48}" cy="${random() * 40}" r="${4 + random() * 12}" fill="hsl(${random() * 360},70%,60%)"/>`;
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="40"><rect width="48" height="40" fill="hsl(${hue + random() * 30},60%,50%)"/>${disc}</svg>`;
      await sharp(Buffer.from(svg))
        .png()
        .toFile(join(folder, name, `${i}.png`));
    }
  }
  return folder;
}

/** A model that trains in milliseconds. */
export const tinyFlags = [
  "--model.width=16",
  "--model.depth=1",
  "--model.heads=2",
  "--model.patchSize=8",
  "--method.decoder.width=16",
  "--method.decoder.depth=1",
  "--method.decoder.heads=2",
  "--data.imageSize=32",
  "--data.batchSize=8",
  "--data.workers=0",
  "--precision=float32",
];

/** A finished run of a few steps in `<folder>/run`, on pictures in `<folder>/pictures`. */
export async function tinyRun(
  folder: string,
  options: { perClass?: number; epochs?: number } = {},
): Promise<{ run: string; pictures: string }> {
  const pictures = await makePictures(join(folder, "pictures"), options.perClass ?? 8);
  const config: RunConfigInput = {
    epochs: options.epochs ?? 1,
    precision: "float32",
    model: { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 8 },
    method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
    data: { source: { kind: "folder", path: pictures }, imageSize: 32, batchSize: 8, workers: 0 },
    optim: { name: "adamw" },
  };
  const run = join(folder, "run");
  await using training = pretrain(config, { out: run });
  for await (const _ of training);
  return { run, pictures };
}
