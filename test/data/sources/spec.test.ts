import { describe, expect, expectTypeOf, it } from "vitest";
import { type SourceInput, type SourceSpec, sourceSchema } from "../../../src/data/sources/spec.js";

describe("sourceSchema", () => {
  it("fills in defaults, and survives being written down", () => {
    const spec = sourceSchema.parse({ kind: "folder", path: "photos" });
    expect(spec).toEqual({ kind: "folder", path: "photos", part: "all", holdOut: 0, seed: 0 });
    expect(sourceSchema.parse(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    for (const other of [
      { kind: "list", path: "a.txt", part: "train", holdOut: 0.2, seed: 4 },
      { kind: "cifar10", split: "train", limit: 1000 },
      { kind: "fashion-mnist", split: "test", path: "folder" },
    ]) {
      expect(sourceSchema.parse(other)).toEqual(other);
    }
  });

  it.each([
    [{ kind: "folders", path: "a" }, /kind/],
    [{ kind: "folder" }, /path/],
    [{ kind: "folder", path: "a", hold_out: 0.1 }, /hold_out/],
    [{ kind: "folder", path: "a", holdOut: 1 }, /holdOut/],
    [{ kind: "cifar10" }, /split/],
    [{ kind: "cifar10", split: "train", limit: 0 }, /limit/],
  ])("refuses %j", (input, message) => {
    expect(() => sourceSchema.parse(input)).toThrow(message);
  });

  it("has types to match", () => {
    expectTypeOf<{ kind: "folder"; path: string }>().toExtend<SourceInput>();
    expectTypeOf<{ kind: "folder"; path: string }>().not.toExtend<SourceSpec>();
  });
});
