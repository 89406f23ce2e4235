import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { binding, isLoaded } from "../../src/engine/binding.js";
import { schemas } from "../../src/engine/ops.js";
import { scope } from "../../src/engine/scope.js";
import { zeros } from "../../src/tensor/creation.js";
import { tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const addon = fileURLToPath(new URL("../../build/lacuna.node", import.meta.url));

/** Values that no function of the addon expects in some position. */
const odd: unknown[] = [
  undefined,
  null,
  true,
  Number.NaN,
  -1,
  0,
  0.5,
  1.5,
  1e300,
  -1e300,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  2 ** 62,
  10n,
  "",
  "cpu",
  "cuda:99",
  "x".repeat(10_000),
  "\ud800",
  Symbol("s"),
  {},
  [],
  [[]],
  [Number.NaN],
  [null],
  [-1],
  [1e300, 1e300],
  [2 ** 31, 2 ** 31, 2 ** 31],
  new Array(5),
  () => 1,
  new Proxy([], {}),
  new Float32Array(2),
  new BigInt64Array(1),
  new DataView(new ArrayBuffer(8)),
  new ArrayBuffer(8),
  new Uint8Array(new SharedArrayBuffer(8)),
  new Date(),
];

/** Not called with anything odd: they change the process for the tests after this one, `frame` and `call` in a thread below. */
const spared = new Set([
  "frame",
  "call",
  "adjustExternalMemory",
  "setThreads",
  "setDeterministic",
  "setGradMode",
  "enterAutocast",
]);

/** Runs the addon in a thread of its own; `write` lays tensors and numbers into a frame as native/frame.h says. */
async function inWorker(body: string): Promise<unknown> {
  const script = `
    const { parentPort, workerData } = require("node:worker_threads");
    const addon = require(workerData.addon);
    const write = (words, index, args) => {
      words.set([index, args.length, ...args]);
      new Uint8Array(words.buffer, 30 * 8).fill(3, 0, args.length);
    };
    write.last = (words, i, kind, word) => {
      new Uint8Array(words.buffer, 30 * 8)[i] = kind;
      words[1] = i + 1;
      words[2 + i] = word;
    };
    parentPort.postMessage((${body})(addon, { ...workerData, write }));`;
  const worker = new Worker(script, { eval: true, workerData: { addon, schemas } });
  try {
    return await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  } finally {
    await worker.terminate();
  }
}

test("importing the package's engine does not load libtorch", () => {
  const script = `
    import { createJiti } from "jiti";
    const engine = await createJiti("${import.meta.url}").import("../../src/engine/binding.ts");
    await createJiti("${import.meta.url}").import("../../src/tensor/tensor.ts");
    console.log(engine.isLoaded());`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: root });
  expect(output.trim()).toBe("false");
  binding();
  expect(isLoaded()).toBe(true);
});

test("the version is the one that set-up fetches, or newer than the oldest supported", () => {
  expect(binding().version()).toMatch(/^2\.(1[1-9]|[2-9]\d)\./);
});

describe("hostile calls: an error each, never a crash", () => {
  leavesNoTensors();

  const names = Object.keys(binding()).filter((name) => !spared.has(name));

  test.each(names)("%s", (name) => {
    const call = (binding() as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
    using x = tensor(new Float32Array(2));
    const firsts = [...odd, x.id, [x.id]];
    const attempt = (...args: unknown[]): void => {
      let made: unknown;
      try {
        made = call?.(...args);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as { code?: string }).code).toMatch(/^(ARGUMENT|DISPOSED|LIBTORCH)$/);
      }
      if (typeof made === "number" && made !== x.id && binding().alive(made)) binding().release(made);
    };
    attempt();
    for (const first of firsts) attempt(first);
    for (const value of odd) attempt(x.id, value, value, value, value, value);
    for (const value of odd) attempt(new Float32Array(2), [2], value, "cpu");
    for (const value of odd) attempt(new Float32Array(2), value, 6, "cpu");
    for (const value of odd) attempt(new Float32Array(2), [2], 6, value);
    for (const value of odd) attempt([x.id], [x.id], value, value, value);
    for (const value of odd) attempt([x.id], value, null, false, false);
    if (name !== "release") expect(x.alive).toBe(true);
  });

  test("every operation given odd frames", async () => {
    const seen = await inWorker(`(addon, { schemas, write }) => {
      const words = new Float64Array(addon.frame(64));
      const x = addon.fromBytes(new Float32Array(4), [2, 2], 6, "cpu");
      const stale = addon.fromBytes(new Float32Array(4), [2, 2], 6, "cpu");
      addon.release(stale);
      const odd = [NaN, 0.5, -1, 2, 34, 63, 1e300, stale]; // a list begins at 34 or 63, and the latter ends outside
      const others = [[], [""], [{}], [[x]], [null], [new Float32Array(2)]];
      const codes = new Set();
      const attempt = (index, args, given, word) => {
        write(words, index, args);
        write.last(words, args.length, given, word);
        words[34] = words[63] = 1;
        words[35] = word;
        for (const list of given === 5 ? others : [[]]) {
          try {
            const made = addon.call(...list);
            for (const id of [made ?? words[0]].flat(2)) if (id !== x) addon.release(id);
          } catch (error) {
            codes.add(error.code);
          }
        }
      };
      for (const schema of schemas) {
        if (schema.includes("_fused_")) continue; // trusts its lists, as PyTorch's does; optim checks them
        const index = addon.open(schema);
        for (const args of [[], [x], [x, x]])
          for (const word of odd) for (let given = 0; given < 7; given++) attempt(index, args, given, word);
      }
      return { codes: [...codes].sort(), live: addon.live(), alive: addon.alive(x) };
    }`);
    expect(seen).toEqual({ codes: ["ARGUMENT", "DISPOSED", "LIBTORCH"], live: 1, alive: true });
  });

  test("a call without a frame, frames of no size, and counts and operators that are none", async () => {
    const seen = await inWorker(`(addon, { schemas }) => {
      const code = (body) => {
        try {
          body();
          return "none";
        } catch (error) {
          return error.code;
        }
      };
      const sizes = [undefined, "x", NaN, -1, 0, 33, 2 ** 27, 2 ** 62];
      const codes = [code(() => addon.call()), ...sizes.map((size) => code(() => addon.frame(size)))];
      const words = new Float64Array(addon.frame(34));
      const neg = addon.open(schemas.find((text) => text.startsWith("aten::neg(")));
      for (const index of [-1, 0.5, NaN, 1e9]) {
        words.set([index, 0]);
        codes.push(code(() => addon.call()));
      }
      for (const count of [-1, 0.5, NaN, 29, 1e300]) {
        words.set([neg, count]);
        codes.push(code(() => addon.call()));
      }
      return codes;
    }`);
    expect(new Set(seen as string[])).toEqual(new Set(["ARGUMENT"]));
  });

  test.each([
    ["terabytes", [2 ** 50]],
    ["an overflow of the size", [2 ** 40, 2 ** 40]],
    ["a negative side", [-1]],
    ["a fraction", [1.5]],
    ["not a number", [Number.NaN]],
    ["more than a double counts", [1e300]],
  ])("a shape of %s", (_, shape) => {
    expect(() => zeros(shape)).toThrow();
    expect(() => binding().fromBytes(new Float32Array(1), shape, 6, "cpu")).toThrow();
  });

  test.each([-1, 8, 12, 14, 16, 46, 300, 6.5, Number.NaN])("a dtype of code %s", (code) => {
    expect(() => binding().fromBytes(new Uint8Array(8), [1], code, "cpu")).toThrow(
      expect.objectContaining({ code: "ARGUMENT" }),
    );
    expect(() => binding().enterAutocast("cpu", code, true)).toThrow(expect.objectContaining({ code: "ARGUMENT" }));
  });

  test.each([0, -1, 1e9, 1.5, Number.NaN])("%s threads", (count) => {
    expect(() => binding().setThreads(count)).toThrow();
  });

  test("leaving autocast without entering it", () => {
    expect(() => binding().leaveAutocast("cpu")).toThrow("no autocast region is open");
  });
});

describe("bytes", () => {
  leavesNoTensors();

  test("a shared buffer is copied in, and may change afterwards", () =>
    scope(() => {
      const shared = new Float32Array(new SharedArrayBuffer(16)).fill(3);
      const x = tensor(shared, [2, 2]);
      shared.fill(9);
      expect(x.toNumbers()).toEqual([3, 3, 3, 3]);
      x.setBytes(shared);
      expect(x.toNumbers()).toEqual([9, 9, 9, 9]);
    }));

  test.runIf(binding().hasCuda())("a buffer may change as soon as its bytes are on their way to a GPU", () =>
    scope(() => {
      const data = new Float32Array(1_000_000);
      const copies = Array.from({ length: 20 }, (_, i) => tensor(data.fill(i), [data.length], { device: "cuda" }));
      expect(copies.map((copy) => [copy.amin([0]).item(), copy.amax([0]).item()])).toEqual(
        copies.map((_, i) => [i, i]),
      );
    }),
  );

  test("a detached buffer has no bytes left: an error, and the tensor is as it was", () =>
    scope(() => {
      const data = Float32Array.of(1, 2);
      const x = tensor(data);
      structuredClone(data.buffer, { transfer: [data.buffer] });
      expect(() => tensor(data, [2])).toThrow("tensor: the shape needs 8 bytes, got 0.");
      expect(() => x.setBytes(data)).toThrow("setBytes: the tensor has 8 bytes, got 0. Arguments: [2].");
      expect(x.toNumbers()).toEqual([1, 2]);
    }));

  test("a part of a buffer", () =>
    scope(() => {
      const whole = Float32Array.of(0, 1, 2, 3);
      expect(tensor(whole.subarray(1, 3)).toNumbers()).toEqual([1, 2]);
      const x = tensor(new Float32Array(2));
      x.setBytes(whole.subarray(2));
      expect(x.toNumbers()).toEqual([2, 3]);
    }));

  test("what is read is a copy", () =>
    scope(() => {
      const x = tensor(Float32Array.of(1, 2));
      x.toArray().fill(9 as never);
      expect(x.toNumbers()).toEqual([1, 2]);
    }));

  test("no bytes at all", () =>
    scope(() => {
      expect(tensor(new Float32Array(0), [0, 3]).toNumbers()).toEqual([]);
      tensor(new Float32Array(0)).setBytes(new Float32Array(0));
    }));

  test("writing through a view reaches what it looks into, not what lies beside it", () =>
    scope(() => {
      const x = tensor(new Float32Array(6), [3, 2]);
      x.transpose(0, 1)
        .select(0, 1)
        .setBytes(Float32Array.of(1, 2, 3));
      expect(x.toNumbers()).toEqual([0, 1, 0, 2, 0, 3]);
      expect(() => x.select(0, 0).unsqueeze(0).expand([4, 2]).setBytes(new Float32Array(8))).toThrow("setBytes");
    }));
});

describe("a worker thread", () => {
  leavesNoTensors();

  test("has modes of its own", async () => {
    const before = binding().setGradMode(false);
    binding().enterAutocast("cpu", 15, true);
    try {
      const seen = await inWorker(`(addon, { schemas, write }) => {
        const x = addon.fromBytes(new Float32Array(4), [2, 2], 6, "cpu");
        const words = new Float64Array(addon.frame(64));
        const index = addon.open(schemas.find((text) => text.startsWith("aten::linear(")));
        const linear = () => {
          write(words, index, [x, x]);
          addon.call();
          return addon.dtype(words[0]);
        };
        const plain = linear();
        addon.enterAutocast("cpu", 15, true);
        const cast = linear();
        return { gradients: addon.gradMode(), plain, cast };
      }`);
      expect(seen).toEqual({ gradients: true, plain: 6, cast: 15 });
      expect(binding().gradMode()).toBe(false);
    } finally {
      binding().leaveAutocast("cpu");
      binding().setGradMode(before);
    }
  });

  test("has tensors of its own, which end with it", async () => {
    using x = tensor(Float32Array.of(5));
    const seen = await inWorker(`(addon) => {
      const own = addon.fromBytes(new Float32Array(3), [3], 6, "cpu");
      return { live: addon.live(), shape: addon.shape(own), stranger: addon.alive(own + 1) };
    }`);
    expect(seen).toEqual({ live: 1, shape: [3], stranger: false });
    expect(x.item()).toBe(5);
  });
});
