import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, unknown> };
const subpaths = Object.keys(exports).filter((path) => path !== "./package.json");

/** What a program of its own gets that imports the built package. */
function imported(name: string): { names: string[]; engine: boolean } {
  const program = `
    const all = await import(${JSON.stringify(name)});
    const engine = process.report.getReport().sharedObjects.some((path) => path.includes("libtorch"));
    console.log(JSON.stringify({ names: Object.keys(all), engine }));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

test.each(subpaths)("%s is imported by its name in the package, and loads no libtorch", (path) => {
  const { names, engine } = imported(path.replace(/^\./, "lacuna"));
  expect(names.length).toBeGreaterThan(3);
  expect(engine).toBe(false);
});

test("layers, optimisers, the parts of methods and the contracts are there for a method or model of one's own", () => {
  const has = (path: string, ...wanted: string[]) =>
    expect(imported(path).names).toEqual(expect.arrayContaining(wanted));
  has("lacuna/nn", "Attention", "Conv2d", "BatchNorm2d", "LayerNorm", "Linear", "PatchEmbed", "DropPath");
  has("lacuna/optim", "AdamW", "Sgd", "Lars", "warmupCosine");
  has("lacuna/methods", "Method", "defineMethod", "Teacher", "infoNce", "mlpHead", "drawMask");
  has("lacuna/models", "buildEncoder", "anyEncoder", "encoderOfMaps");
  has("lacuna/tensor", "crossEntropy", "gelu", "cat", "noGrad", "gradients");
});
