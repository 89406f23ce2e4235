import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openRun } from "../../src/runs/reader.js";
import { workFolder, writePictures } from "../train/example.js";

const work = workFolder("examples");
const root = resolve(".");
afterAll(work.remove);

/** Commands run in a folder, each to its end; what they print. */
function commandsIn(folder: string): (...words: string[]) => string {
  return (...words) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), ...words], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    return stdout + stderr;
  };
}

test("pretrain-folder.ts trains and leaves a picture", async () => {
  const photos = await writePictures(join(work.path, "photos"), 32);
  const out = join(work.path, "run");
  const jiti = "node_modules/jiti/lib/jiti-cli.mjs";
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [jiti, "examples/pretrain-folder.ts", photos, out, "5"],
    { encoding: "utf8" },
  );
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^step 10 loss \d\.\d{4}$/m);
  expect(readdirSync(join(out, "previews"))).toContain("step-00000010.png");
});

test("the README shows the example as it stands", () => {
  const readme = readFileSync("README.md", "utf8");
  const [, shown] = /<!-- example: (\S+) -->\n+```ts\n([\s\S]*?)```/.exec(readme)?.slice(0, 3) ?? [];
  expect(shown).toBe("examples/pretrain-folder.ts");
  const code = /<!-- example: \S+ -->\n+```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(readFileSync("examples/pretrain-folder.ts", "utf8")).toContain(code.trim());
});

test("the README shows what quickstart printed, as recorded", () => {
  const readme = readFileSync("README.md", "utf8");
  const [, file = "", shown = ""] = /<!-- output: (\S+) -->\n+```text\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(readFileSync(file, "utf8")).toContain(shown.trimEnd());
  expect(shown).toContain("after training");
});

test("files and pictures that the documents link to exist", () => {
  for (const file of ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/guide/own-photos.md"]) {
    const text = readFileSync(file, "utf8");
    for (const [, link = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect([file, link, existsSync(join(file, "..", link))]).toEqual([file, link, true]);
  }
});

test("serve-features.ts answers with what embed writes, and loads no libtorch", async () => {
  const photos = await writePictures(join(work.path, "served"), 8);
  const folder = join(work.path, "serve");
  mkdirSync(folder);
  const recipe = {
    epochs: 1,
    model: { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 4 },
    data: { source: { kind: "folder", path: photos }, imageSize: [16, 12], batchSize: 8, workers: 0 },
    log: { probe: { everyEpochs: 0 } },
  };
  writeFileSync(join(folder, "recipe.json"), JSON.stringify(recipe));
  const lacuna = commandsIn(folder);
  lacuna("pretrain", "recipe.json", "--out", "run");
  lacuna("export", "run", "--onnx", "encoder.onnx");
  lacuna("embed", "run", photos, "--out", "features.csv");
  const rows = readFileSync(join(folder, "features.csv"), "utf8").trim().split("\n").slice(1);

  const program = [
    "node_modules/jiti/lib/jiti-cli.mjs",
    "examples/serve-features.ts",
    join(folder, "encoder.onnx"),
    "0",
  ];
  const server = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const post = (body: Uint8Array<ArrayBuffer>) => fetch(String(line).trim(), { method: "POST", body });
    expect(rows).toHaveLength(8);
    for (const row of rows) {
      const [name = "", ...expected] = row.split(",");
      const answer = await post(new Uint8Array(readFileSync(join(photos, name))));
      const features = (await answer.json()) as number[];
      expect(features).toHaveLength(32);
      for (const [i, value] of features.entries()) expect(Math.abs(value - Number(expected[i]))).toBeLessThan(1e-4);
    }
    expect((await post(new Uint8Array(3))).status).toBe(400);
    expect(readFileSync(`/proc/${server.pid}/maps`, "utf8")).not.toContain("libtorch");
  } finally {
    server.kill();
  }
  expect(readFileSync("examples/serve-features.ts", "utf8").split("\n").length - 1).toBeLessThan(80);
});

test("own-method.ts: a method in one file trains, resumes, embeds and is read by inspect, from outside the repository", async () => {
  const photos = await writePictures(join(work.path, "pairs"), 24);
  const folder = join(work.path, "own");
  mkdirSync(folder);
  copyFileSync("examples/own-method.ts", join(folder, "my-method.ts"));
  const recipe = {
    plugins: ["./my-method.ts"],
    epochs: 2,
    method: { name: "barlowTwins", width: 32 },
    model: { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 8 },
    data: { source: { kind: "folder", path: photos }, imageSize: 16, batchSize: 8, workers: 0 },
    optim: { name: "adamw", baseLearningRate: 0.03, warmupEpochs: 0.2 },
    log: { probe: { everyEpochs: 0 } },
  };
  writeFileSync(join(folder, "recipe.json"), JSON.stringify(recipe));
  const lacuna = commandsIn(folder);
  lacuna("pretrain", "recipe.json", "--out", "runs/a");
  const { events, run } = openRun(join(folder, "runs/a"));
  const steps = events.flatMap((event) => (event.type === "step" ? [event] : []));
  expect(steps).toHaveLength(6);
  expect(Object.keys(steps[0]?.parts ?? {})).toEqual(["on", "off", "agreement"]);
  expect(run.config["plugins"]).toEqual([join(folder, "my-method.ts")]);
  expect(lacuna("resume", "runs/a")).not.toContain("there is no method");
  expect(lacuna("inspect", "runs/a")).toContain("finished");
  lacuna("embed", "runs/a", photos, "--out", "features.npy");
  expect(existsSync(join(folder, "features.npy"))).toBe(true);
  expect(lacuna("pretrain", "--plugin", "my-method.ts", "--help-config")).toContain("method.lambda");
  expect(readFileSync("examples/own-method.ts", "utf8").split("\n").length - 1).toBeLessThan(80);
});

test("own-encoder.ts: an encoder in one file, with a method in another: trained, resumed, exported, embedded, fine-tuned", async () => {
  const photos = await writePictures(join(work.path, "classes/a"), 12);
  await writePictures(join(work.path, "classes/b"), 12);
  const folder = join(work.path, "own-encoder");
  mkdirSync(folder);
  for (const name of ["own-method", "own-encoder"]) copyFileSync(`examples/${name}.ts`, join(folder, `${name}.ts`));
  const recipe = {
    plugins: ["./own-method.ts", "./own-encoder.ts"],
    epochs: 2,
    method: { name: "barlowTwins", width: 32 },
    model: { name: "mixer", width: 32, depth: 2, patchSize: 8 },
    data: { source: { kind: "folder", path: dirname(photos) }, imageSize: 16, batchSize: 8, workers: 0 },
    log: { probe: { everyEpochs: 0 } },
  };
  writeFileSync(join(folder, "recipe.json"), JSON.stringify(recipe));
  const lacuna = commandsIn(folder);
  lacuna("pretrain", "recipe.json", "--out", "runs/a");
  expect(openRun(join(folder, "runs/a")).run.config["model"]).toMatchObject({ name: "mixer" });
  expect(lacuna("plan", "recipe.json")).toMatch(/encoder, whole picture +23,496/);
  lacuna("export", "runs/a", "--onnx", "mixer.onnx");
  lacuna("embed", "runs/a", photos, "--out", "features.npy");
  for (const file of ["mixer.onnx", "features.npy"]) expect(existsSync(join(folder, file))).toBe(true);
  const data = ["--data", dirname(photos), "--epochs=1", "--data.batchSize=8"];
  lacuna("finetune", "runs/a", ...data, "--out", "runs/b");
  expect(openRun(join(folder, "runs/b")).run.status).toBe("finished");
});
