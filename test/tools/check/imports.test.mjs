import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const here = process.cwd();
let root;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lacuna-imports-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** files: { "src/a.ts": ["src/b.ts", …] }, each file with the files it imports. Returns "rule: from -> to" lines. */
function broken(files) {
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  writeFileSync(join(root, "tsconfig.json"), '{"compilerOptions":{"module":"NodeNext","target":"ES2022"}}');
  for (const [file, imports] of Object.entries(files)) {
    const folder = dirname(join(root, file));
    const lines = imports.map((to, i) => {
      const up = "../".repeat(file.split("/").length - 1);
      return i % 2
        ? `export type { X as X${i} } from "${up}${to.replace(/\.ts$/, ".js")}";`
        : `import "${up}${to.replace(/\.ts$/, ".js")}";`;
    });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(root, file), `${lines.join("\n")}\nexport type X = number;\n`);
  }
  const program = join(here, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");
  const args = [program, "--config", join(here, ".dependency-cruiser.cjs"), "--output-type", "json", "src"];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (!stdout) throw new Error(stderr);
  const { violations } = JSON.parse(stdout).summary;
  return violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort();
}

test("what ARCHITECTURE.md allows passes", () => {
  expect(
    broken({
      "src/index.ts": ["src/train/pretrain.ts", "src/evaluate/encoder.ts"],
      "src/cli/main.ts": ["src/index.ts", "src/cli/report.ts"],
      "src/cli/report.ts": [],
      "src/evaluate/encoder.ts": ["src/train/pretrain.ts", "src/tensor/tensor.ts"],
      "src/train/pretrain.ts": ["src/methods/mae.ts", "src/data/loader.ts", "src/runs/writer.ts", "src/graph/cost.ts"],
      "src/graph/cost.ts": ["src/engine/record.ts", "src/tensor/tensor.ts", "src/formats/npy.ts"],
      "src/methods/mae.ts": ["src/models/vit.ts", "src/data/views.ts", "src/optim/average.ts", "src/nn/linear.ts"],
      "src/models/vit.ts": ["src/nn/linear.ts", "src/formats/npy.ts"],
      "src/nn/linear.ts": ["src/tensor/tensor.ts"],
      "src/optim/average.ts": ["src/tensor/tensor.ts"],
      "src/tensor/tensor.ts": ["src/engine/dispatch.ts"],
      "src/engine/dispatch.ts": ["src/engine/binding.ts", "src/engine/record.ts"],
      "src/engine/binding.ts": [],
      "src/engine/record.ts": [],
      "src/data/views.ts": [],
      "src/data/loader.ts": ["src/data/views.ts", "src/formats/npy.ts"],
      "src/runs/writer.ts": [],
      "src/formats/npy.ts": [],
    }),
  ).toEqual([]);
});

test("each direction that is not allowed is found, for values and for types", () => {
  const files = {
    "src/engine/a.ts": ["src/tensor/a.ts"],
    "src/tensor/a.ts": ["src/formats/a.ts"],
    "src/nn/a.ts": ["src/optim/a.ts", "src/data/a.ts"],
    "src/optim/a.ts": ["src/models/a.ts"],
    "src/formats/a.ts": ["src/runs/a.ts"],
    "src/data/a.ts": ["src/runs/a.ts"],
    "src/runs/a.ts": [],
    "src/models/a.ts": ["src/runs/a.ts"],
    "src/methods/a.ts": ["src/data/a.ts", "src/optim/a.ts"],
    "src/graph/a.ts": ["src/engine/a.ts", "src/models/a.ts"],
    "src/train/a.ts": ["src/evaluate/a.ts"],
    "src/evaluate/a.ts": ["src/cli/a.ts"],
    "src/evaluate/probes/a.ts": ["src/train/a.ts"],
    "src/cli/a.ts": ["src/runs/a.ts"],
  };
  expect(broken(files)).toEqual([
    "cli-imports: src/cli/a.ts -> src/runs/a.ts",
    "data-imports: src/data/a.ts -> src/runs/a.ts",
    "engine-imports: src/engine/a.ts -> src/tensor/a.ts",
    "evaluate-imports: src/evaluate/a.ts -> src/cli/a.ts",
    "evaluate/probes-imports: src/evaluate/probes/a.ts -> src/train/a.ts",
    "formats-imports: src/formats/a.ts -> src/runs/a.ts",
    "graph-imports: src/graph/a.ts -> src/engine/a.ts",
    "graph-imports: src/graph/a.ts -> src/models/a.ts",
    "methods-imports: src/methods/a.ts -> src/data/a.ts",
    "methods-imports: src/methods/a.ts -> src/optim/a.ts",
    "models-imports: src/models/a.ts -> src/runs/a.ts",
    "nn-imports: src/nn/a.ts -> src/data/a.ts",
    "nn-imports: src/nn/a.ts -> src/optim/a.ts",
    "nobody-imports-the-commands: src/evaluate/a.ts -> src/cli/a.ts",
    "optim-imports: src/optim/a.ts -> src/models/a.ts",
    "tensor-imports: src/tensor/a.ts -> src/formats/a.ts",
    "train-imports: src/train/a.ts -> src/evaluate/a.ts",
  ]);
});

test("cycles, the binding outside of the engine, the public surface from inside, dead imports", () => {
  const files = {
    "src/index.ts": [],
    "src/engine/binding.ts": [],
    "src/tensor/a.ts": ["src/engine/binding.ts"],
    "src/runs/a.ts": ["src/runs/b.ts"],
    "src/runs/b.ts": ["src/runs/c.ts"],
    "src/runs/c.ts": ["src/runs/a.ts"],
    "src/train/a.ts": ["src/index.ts", "src/train/gone.ts"],
  };
  const found = broken(files);
  expect(found.filter((line) => line.startsWith("no-cycles"))).toHaveLength(1);
  expect(found.filter((line) => !line.startsWith("no-cycles"))).toEqual([
    "only-engine-has-the-binding: src/tensor/a.ts -> src/engine/binding.ts",
    "public-surface-is-a-leaf: src/train/a.ts -> src/index.ts",
    "resolvable: src/train/a.ts -> ../../src/train/gone.js",
    "train-imports: src/train/a.ts -> src/index.ts",
  ]);
});
