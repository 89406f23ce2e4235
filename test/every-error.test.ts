// One error of each kind, as a program meets it that uses what the package exports.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel, pretrain, scope, zeros } from "../src/index.js";
import { decodeFile, openLoader, openSource, resample } from "../src/public/data.js";
import * as kinds from "../src/public/errors.js";
import { exportOnnx, servePage } from "../src/public/export.js";
import { makeFolder, parseNpy } from "../src/public/formats.js";
import { Module } from "../src/public/nn.js";
import { openRun } from "../src/public/runs.js";
import { parseConfig } from "../src/public/train.js";
import { aten, type Tensor } from "../src/tensor/tensor.js";
import { tinyRun, writePictures } from "./train/example.js";

const folder = mkdtempSync(join(tmpdir(), "lacuna-every-error-"));
const inFolder = (name: string): string => join(folder, name);
beforeAll(async () => {
  await writePictures(inFolder("photos"), 24);
  mkdirSync(inFolder("bad"));
  for (let n = 0; n < 12; n++) writeFileSync(inFolder(`bad/${n}.png`), "no picture");
  writeFileSync(inFolder("file"), "");
  mkdirSync(inFolder("empty"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function loadBadPictures(): Promise<void> {
  const source = await openSource({ kind: "folder", path: inFolder("bad") });
  const views = { image: [{ type: "resize", size: [8, 8] }] } as const;
  const options = { views, seed: 0, batchSize: 4, workers: 0, maxBadShare: 0, shuffle: false, dropLast: false };
  await using loader = openLoader(source, options as unknown as Parameters<typeof openLoader>[1]);
  for await (const _ of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }));
}

async function trainOnInfinities(): Promise<void> {
  const config = tinyRun(inFolder("photos"));
  await using run = pretrain(
    { ...config, data: { ...config.data, std: [1e-44, 1e-44, 1e-44] } },
    { out: inFolder("run") },
  );
  for await (const _ of run);
}

class Distance extends Module<[Tensor], Tensor> {
  /** x [N D] -> [N N] */
  protected forward(x: Tensor): Tensor {
    return aten("cdist", x, x);
  }
}

function exportDistance(): void {
  const module = new Distance();
  const run = (x?: Tensor) => ({ distance: module.call(x as Tensor) });
  exportOnnx(module, {
    name: "distance",
    inputs: [{ name: "x", shape: [3, 2], dtype: "float32" }],
    run,
    probes: {},
    producer: { version: "0" },
  });
}

const throwing: Record<keyof typeof kinds, () => unknown> = {
  LacunaError: () => parseConfig({}),
  ConfigError: () => parseConfig({ data: { source: { kind: "folder", path: "x" } }, epochs: "many" }),
  DataError: () => openSource({ kind: "folder", path: inFolder("nowhere") }),
  BadPictureError: () => decodeFile(inFolder("bad/0.png"), { maxPixels: 1e6, timeoutMs: 1e4, channels: 3 }),
  BadDataError: loadBadPictures,
  EngineError: () => scope(() => void zeros([2, 3]).matmul(zeros([2, 3]))),
  ShapeError: () => scope(() => zeros([2]).side(3)),
  StateError: () => scope((() => Promise.resolve()) as never),
  DisposedError: () => {
    const x = zeros([1]);
    x.dispose();
    return x.item();
  },
  CheckpointError: () => loadModel(inFolder("empty")),
  FormatError: () => parseNpy(new Uint8Array(3)),
  ExportError: exportDistance,
  PageError: () => servePage(inFolder("empty")),
  RunError: () => openRun(inFolder("empty")),
  FileError: () => makeFolder(inFolder("file")),
  NonFiniteError: trainOnInfinities,
};

describe("what is thrown is a LacunaError with all fields", () => {
  test.each(Object.entries(kinds))("%s", async (name, Kind) => {
    const act = throwing[name as keyof typeof kinds];
    const error = await Promise.resolve()
      .then(act)
      .then(
        () => expect.unreachable("nothing was thrown"),
        (thrown: unknown) => thrown,
      );
    expect(error).toBeInstanceOf(Kind);
    const { code, path, expected, actual, remedy, message, stack } = error as kinds.LacunaError;
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect([typeof path, typeof remedy]).toEqual(["string", "string"]);
    expect(expected).toBeDefined();
    expect(actual === undefined && name !== "LacunaError").toBe(false); // a missing key is undefined
    expect(message.startsWith(path === "" ? "" : `in ${path}: `) && message.endsWith(remedy)).toBe(true);
    expect(stack).toContain(".ts:");
  });
});

test("an argument that is no configuration is a ConfigError, not the schema library's", async () => {
  await expect(openSource({ kind: "nothing" } as never)).rejects.toThrow(kinds.ConfigError);
  const picture = { data: new Uint8Array(3), height: 1, width: 1, channels: 3 };
  expect(() => resample(picture, { height: 0, width: 1 })).toThrow(kinds.ConfigError);
});
