import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { DisposedError, StateError } from "../../src/engine/errors.js";
import { liveTensors, outside, scope, tensorsIn } from "../../src/engine/scope.js";
import { zeros } from "../../src/tensor/creation.js";
import { backward } from "../../src/tensor/grad.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const three = (): Tensor => tensor(Float32Array.of(1, 2, 3));

describe("scope", () => {
  leavesNoTensors();

  test("frees what is not returned", () => {
    const before = liveTensors();
    let inner: Tensor | undefined;
    using kept = scope(() => {
      inner = three();
      const sum = inner.add(1);
      expect(liveTensors()).toBe(before + 2);
      return sum;
    });
    expect(inner?.alive).toBe(false);
    expect(kept.toNumbers()).toEqual([2, 3, 4]);
    expect(liveTensors()).toBe(before + 1);
  });

  test("thousands of tensors, of which a few of an inner scope pass outwards", () => {
    const before = liveTensors();
    using last = scope(() => {
      const outer = Array.from({ length: 700 }, () => three());
      const [first, middle, end] = scope(() => {
        const inner = Array.from({ length: 700 }, (_, i) => three().add(i));
        return [inner[0], inner[350], inner[699], outer[0]];
      }) as [Tensor, Tensor, Tensor, Tensor];
      expect(liveTensors()).toBe(before + 703);
      expect(outer.every((x) => x.alive)).toBe(true);
      expect([first, middle, end].map((x) => x.toNumbers()[0])).toEqual([1, 351, 700]);
      return end;
    });
    expect(liveTensors()).toBe(before + 1);
    expect(last.alive).toBe(true);
  });

  test("what a nested scope returns belongs to the scope around it", () => {
    let middle: Tensor | undefined;
    scope(() => {
      middle = scope(() => scope(() => three()));
      expect(middle.alive).toBe(true);
    });
    expect(middle?.alive).toBe(false);
  });

  test.each<[string, (x: Tensor) => unknown]>([
    ["an array", (x) => [1, [x]]],
    ["an object", (x) => ({ loss: { parts: { x } } })],
    ["a map", (x) => new Map([["x", { x }]])],
    ["a set", (x) => new Set([x])],
    [
      "a class's field",
      (x) =>
        new (class {
          x = x;
        })(),
    ],
    [
      "a cycle",
      (x) => {
        const ring: Record<string, unknown> = { x };
        ring["self"] = ring;
        return ring;
      },
    ],
    ["the same twice", (x) => [x, x]],
  ])("keeps what is returned in %s", (_, wrapped) => {
    const result = scope(() => wrapped(three()));
    const [x, ...others] = tensorsIn(result);
    expect(others).toEqual([]);
    expect((x as Tensor).toNumbers()).toEqual([1, 2, 3]);
    x?.dispose();
  });

  test("a tensor made outside the scope and returned keeps its owner", () => {
    using x = three();
    expect(scope(() => x)).toBe(x);
    expect(scope(() => [x, x.add(1)].map((t) => t.alive))).toEqual([true, true]);
    expect(x.alive).toBe(true);
  });

  test("an exception frees everything and passes through, and the scope around it still owns", () => {
    const before = liveTensors();
    const failure = new Error("on purpose");
    scope(() => {
      const outer = three();
      expect(() =>
        scope(() => {
          outer.add(1).mul(2);
          throw failure;
        }),
      ).toThrow(failure);
      expect(liveTensors()).toBe(before + 1);
      expect(outer.add(1).alive).toBe(true);
    });
  });

  test("a promise is refused, what was made is freed, and its rejection is nobody's", () => {
    const attempt = (): unknown => scope(async () => Promise.reject(new Error(`later ${three().size}`)));
    expect(attempt).toThrow(StateError);
    expect(attempt).toThrow(
      "a scope's function returned a promise. Tensor work is synchronous: await files and data before the scope, and hand their bytes in.",
    );
  });

  test("outside: what it makes lives on, also when the scope around it fails", () => {
    let state: Tensor | undefined;
    expect(() =>
      scope(() => {
        state = outside(() => zeros([2]));
        scope(() => state?.add_(1));
        throw new Error("on purpose");
      }),
    ).toThrow("on purpose");
    expect(state?.toNumbers()).toEqual([1, 1]);
    state?.dispose();
  });

  test("a scope inside outside is a scope", () => {
    const inner = outside(() => {
      let escaped: Tensor | undefined;
      scope(() => {
        escaped = three();
      });
      return escaped;
    });
    expect(inner?.alive).toBe(false);
  });

  test("backward works after its intermediates were freed", () =>
    scope(() => {
      const x = three().setRequiresGrad(true);
      const loss = scope(() => x.mul(x).mul(2).sum());
      backward(loss);
      expect(x.grad?.toNumbers()).toEqual([4, 8, 12]);
    }));

  test("a view outlives the tensor that it looks into", () => {
    using view = scope(() => three().slice(0, 1, 3));
    expect(view.toNumbers()).toEqual([2, 3]);
  });

  test("dispose inside a scope, and twice, is once", () => {
    const before = liveTensors();
    scope(() => {
      const x = three();
      x.dispose();
      const y = three(); // takes the slot that x left
      x.dispose();
      expect(y.toNumbers()).toEqual([1, 2, 3]);
      expect(liveTensors()).toBe(before + 1);
    });
  });

  test("using frees at the block's end", () => {
    let x: Tensor | undefined;
    {
      using y = three();
      x = y;
    }
    expect(x.alive).toBe(false);
    const gone = x;
    expect(() => gone.add(1)).toThrow(DisposedError);
  });

  test("two hundred thousand tensors, made and freed", () => {
    const before = liveTensors();
    for (let i = 0; i < 200; i++)
      scope(() => {
        const x = three();
        for (let k = 0; k < 999; k++) x.neg();
      });
    expect(liveTensors()).toBe(before);
  });

  test("the net: tensors that escaped every scope and were forgotten are collected", () => {
    const script = `
      import { createJiti } from "jiti";
      const { tensor } = await createJiti("${import.meta.url}").import("../../src/tensor/tensor.ts");
      const { liveTensors } = await createJiti("${import.meta.url}").import("../../src/engine/scope.ts");
      for (let i = 0; i < 1000; i++) tensor(Float32Array.of(i));
      const made = liveTensors();
      for (let i = 0; i < 100 && liveTensors() > 0; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(JSON.stringify({ made, left: liveTensors() }));`;
    const flags = ["--expose-gc", "--input-type=module", "-e", script];
    const output = execFileSync(process.execPath, flags, { encoding: "utf8", cwd: root });
    expect(JSON.parse(output)).toEqual({ made: 1000, left: 0 });
  });
});
