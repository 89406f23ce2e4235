import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { exportOnnx, type OnnxOptions } from "../../../src/graph/onnx/export.js";
import { decodeModel } from "../../../src/graph/onnx/schema.js";
import { Linear } from "../../../src/nn/linear.js";
import { Module } from "../../../src/nn/module.js";
import { Rng } from "../../../src/tensor/random.js";
import { aten, type Tensor } from "../../../src/tensor/tensor.js";
import { fill, mayMount, smallDisk } from "../../disk.js";
import { relativeDifference } from "../../numbers.js";
import { openSession } from "./runtime.js";

class Two extends Module {
  readonly first = new Linear(4, 32);
  readonly second = new Linear(32, 20);

  /** x [B 4] -> [B 20] */
  protected forward(x: Tensor): Tensor {
    return this.second.call(this.first.call(x).relu());
  }
}

const options = (module: Module, more: Partial<OnnxOptions> = {}): OnnxOptions => ({
  name: "two",
  inputs: [{ name: "x", shape: ["batch", 4], dtype: "float32" }],
  run: (x) => ({ y: module.call(x as Tensor) }),
  probes: { batch: [2, 3, 5] },
  producer: { version: "0" },
  ...more,
});

test("an operation that ONNX cannot hold: where it is, and what to do instead", () => {
  class Strange extends Module {
    readonly inner = new Linear(4, 4);
    /** x [B 4] -> [B B] */
    protected forward(x: Tensor): Tensor {
      const y = this.inner.call(x);
      return aten("cdist", y, y);
    }
  }
  const module = new Strange();
  expect(() => exportOnnx(module, options(module))).toThrow(
    "cdist cannot be written as ONNX: it has no form there. Write the distance as matrix products: |a|² − 2 a·b + |b|².",
  );
  module.close();
});

test("a module that does not run has no output", () => {
  const module = new Two();
  const taps = [{ name: "z", module: "third" }];
  expect(() => exportOnnx(module, options(module, { taps }))).toThrow("in third: nothing was recorded in third.");
  module.close();
});

test.skipIf(!mayMount).each([{}, { mostBytes: 1000 }])("an earlier file stays where the disk is full, %j", (more) => {
  const module = new Two();
  module.initialize(new Rng(0));
  const disk = smallDisk(64);
  const path = join(disk, "two.onnx");
  const file = exportOnnx(module, options(module, more));
  const files = file.write(path);
  const before = files.map((name) => readFileSync(name));
  const free = fill(disk);
  expect(() => file.write(path)).toThrow(/two\.onnx.*: expected room on the disk/);
  free();
  expect(files.map((name) => readFileSync(name))).toEqual(before);
  expect(readdirSync(disk)).toHaveLength(files.length);
  module.close();
});

test("large weights stand in a second file, which onnxruntime finds", async () => {
  const module = new Two();
  module.initialize(new Rng(0));
  const folder = mkdtempSync(join(tmpdir(), "lacuna-onnx-"));
  const path = join(folder, "two.onnx");
  const file = exportOnnx(module, options(module, { mostBytes: 1000 }));
  expect(() => file.bytes()).toThrow(/GB of weights do not fit into one ONNX file\. Write it to disk/);
  expect(file.write(path)).toEqual([path, `${path}.data`]);
  const stored = decodeModel(readFileSync(path)).graph.initializer.filter(({ dataLocation }) => dataLocation === 1);
  expect(stored.map(({ name }) => name)).toEqual(["second.weight.T"]);
  const x = new Rng(1, "x", 0, [0, 1, 2]).normal([4]);
  const session = await openSession(path);
  const { y } = await session.run({ x });
  expect(noGrad(() => scope(() => relativeDifference(y as Tensor, module.call(x))))).toBeLessThan(1e-6);
  for (const one of [x, y as Tensor]) one.dispose();
  await session.close();
  rmSync(folder, { recursive: true });
  module.close();
});
