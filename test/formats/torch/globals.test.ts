import { describe, expect, test } from "vitest";
import {
  apply,
  build,
  create,
  globalNamed,
  Namespace,
  Storage,
  storageOf,
  TorchTensor,
  Unfit,
} from "../../../src/formats/torch/globals.js";

const named = (name: string) => globalNamed(name) ?? expect.fail(name);

test("only tensors, their types and containers have names", () => {
  for (const name of ["os.system", "builtins.eval", "torch.load", "toString", "__proto__", ""])
    expect(globalNamed(name)).toBeUndefined();
});

describe("storageOf", () => {
  test("counts bytes by the class", () => {
    expect(storageOf(["storage", named("torch.BFloat16Storage"), "3", "cuda:0", 5])).toEqual(
      new Storage("3", "BF16", 10),
    );
    expect(storageOf(["storage", named("torch.storage.UntypedStorage"), "3", "cpu", 5])).toEqual(
      new Storage("3", undefined, 5),
    );
  });
  test.each([
    ["another word", ["module", named("torch.FloatStorage"), "0", "cpu", 1]],
    ["no class", ["storage", "torch.FloatStorage", "0", "cpu", 1]],
    ["a function", ["storage", named("torch._utils._rebuild_tensor_v2"), "0", "cpu", 1]],
    ["a key that is no text", ["storage", named("torch.FloatStorage"), 0, "cpu", 1]],
    ["a negative length", ["storage", named("torch.FloatStorage"), "0", "cpu", -1]],
    ["nothing", null],
  ])("refuses %s", (_, id) => expect(() => storageOf(id)).toThrow(Unfit));
});

test("a tensor of an untyped storage needs its type", () => {
  const storage = new Storage("0", undefined, 6);
  const make = named("torch._utils._rebuild_tensor_v3");
  const tensor = apply(make, [storage, 1, [2], [1], false, new Map(), named("torch.uint16")]);
  expect(tensor).toEqual(new TorchTensor(storage, "U16", 1, [2], [1]));
  expect(() => apply(make, [storage, 1, [2], [1], false, new Map(), "uint16"])).toThrow("the type of a tensor");
  expect(() => apply(named("torch._utils._rebuild_parameter"), [storage])).toThrow(Unfit);
});

test("calls, makings and attributes beyond the few are refused", () => {
  expect(() => apply(named("torch.float32"), [])).toThrow("no call of torch.float32");
  expect(() => apply(named("argparse.Namespace"), [])).toThrow(Unfit);
  expect(() => create(named("torch.Size"), [])).toThrow("no new torch.Size");
  expect(() => create(named("argparse.Namespace"), [1])).toThrow(Unfit);
  expect(() => build("text", new Map())).toThrow(Unfit);
  expect(() => build(new Namespace(), [1])).toThrow(Unfit);
});
