/** What every path of the kernels must pass: each operator beside ATen's in float64. */
import { describe, expect, test } from "vitest";
import { type KernelPath, kernelPath } from "../../src/engine/device.js";
import { autocast } from "../../src/engine/modes.js";
import { scope } from "../../src/engine/scope.js";
import { take } from "../../src/tensor/functional.js";
import { gradients } from "../../src/tensor/grad.js";
import { aten, type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";
import { blockBattery } from "./block-battery.js";
import { convBattery } from "./conv-battery.js";
import { compare, difference, exact, half, largest, leaf, normal, writtenOut } from "./kernel-cases.js";

/** The path is the process's: a file that asks for another sets LACUNA_KERNELS before anything loads libtorch. */
export function kernelBattery(path: KernelPath = kernelPath()): void {
  describe.skipIf(path === "none")(`kernels for ${path}, beside ATen's operations in float64`, () => battery(path));
}

function battery(path: KernelPath): void {
  leavesNoTensors();
  const low = path.includes("bf16");
  const types = low ? (["float32", "bfloat16"] as const) : (["float32"] as const);

  test("are what runs", () => {
    expect(kernelPath()).toBe(path);
  });

  // Pictures, tokens, heads, width of a head: padding of every kind, one token, an odd number, several panels.
  test.each([
    [2, 17, 3, 64],
    [3, 65, 3, 32],
    [2, 50, 12, 64],
    [1, 197, 2, 64],
    [1, 1, 1, 16],
    [2, 16, 2, 48],
    [2, 31, 2, 80],
    [1, 256, 1, 16],
  ])("attention of %i × %i tokens, %i heads of %i", (B, N, H, d) =>
    scope(() => {
      const qkv = normal("qkv", B, N, 3 * H * d);
      const run = (x: Tensor): Tensor => aten("lacuna::attention", x, H);
      const theirs = (x: Tensor): Tensor => writtenOut(x, H);
      compare({ ours: run, theirs, inputs: [qkv], tolerance: 2e-6 });
      if (low) compare({ ours: run, theirs, inputs: [qkv.to("bfloat16")], tolerance: 4 * half });
    }),
  );

  test("attention of large scores neither overflows nor loses the largest", () =>
    scope(() => {
      const qkv = normal("qkv", 1, 9, 3 * 32).mul(30); // scores of some thousands
      compare({
        ours: (x) => aten("lacuna::attention", x, 2),
        theirs: (x) => writtenOut(x, 2),
        inputs: [qkv],
        tolerance: 1e-4,
      });
    }));

  test.each([0, 1, 2])("attention hides nothing that is no number in part %i of q, k, v", (part) =>
    scope(() => {
      const numbers = normal("qkv", 1, 5, 3 * 16).toArray() as Float32Array;
      numbers[part * 16] = Number.NaN; // of the first token
      const out = aten("lacuna::attention", tensor(numbers, [1, 5, 3 * 16]), 1).toNumbers();
      expect(out.slice(0, 16).some(Number.isNaN)).toBe(true);
    }),
  );

  test("attention refuses what does not divide into heads", () =>
    scope(() => {
      expect(() => aten("lacuna::attention", normal("x", 1, 4, 90), 3)).toThrow(/expected q, k and v side by side/);
    }));

  convBattery();
  if (path !== "avx2") {
    linearBattery(types);
    geluBattery(types);
    blockBattery();
  }

  test.runIf(low).each([
    [1, 16],
    [500, 192],
    [7, 768],
  ])("layer norm of %i rows of %i", (rows, width) =>
    scope(() => {
      const [x, weight, bias] = [normal("x", rows, width).mul(2).add(1), normal("w", width), normal("b", width)];
      compare({
        ours: (...inputs) => aten("lacuna::layer_norm", ...(inputs as [Tensor, Tensor, Tensor]), 1e-6),
        theirs: (a, w, b) => aten("layer_norm", a as Tensor, [width], w as Tensor, b as Tensor, 1e-6),
        inputs: [x, weight, bias],
        tolerance: 2 * half,
        gradientTolerances: [2e-5, 1e-5, 1e-5],
      });
    }),
  );

  test.runIf(low)("a stream and its branch", () =>
    scope(() => {
      compare({
        ours: (a, b) => aten("lacuna::add_branch", a as Tensor, b as Tensor),
        theirs: (a, b) => aten("add.Tensor", a as Tensor, b as Tensor),
        inputs: [normal("stream", 3, 5, 48), normal("branch", 3, 5, 48).to("bfloat16")],
        tolerance: 1e-7,
        gradientTolerances: [1e-7, 2 * half],
      });
    }),
  );

  test.each(types)("take of %s, a row taken twice", (dtype) =>
    scope(() => {
      const ids = tensor(BigInt64Array.of(3n, 0n, 3n, 1n, 2n, 2n), [2, 3]);
      compare({
        ours: (x) => aten("lacuna::take", x as Tensor, ids),
        theirs: (x) => (x as Tensor).gather(1, ids.unsqueeze(-1).expand([-1, -1, 20])),
        inputs: [normal("x", 2, 4, 20).to(dtype)],
        tolerance: 1e-9,
        gradientTolerances: [dtype === "float32" ? 1e-7 : 2 * half],
      });
      expect(() => aten("lacuna::take", normal("x", 2, 3, 20), ids)).toThrow(/expected rows from 0 to 2, got 3/);
    }),
  );

  test("take of whole numbers, as tokens are, also where products are bfloat16", () =>
    scope(() => {
      const [x, ids] = [tensor(BigInt64Array.of(7n, 8n, 9n), [1, 3, 1]), tensor(BigInt64Array.of(2n, 0n), [1, 2])];
      expect(autocast("bfloat16", () => take(x, ids)).toNumbers()).toEqual([9, 7]);
    }));
}

/** AVX2 has no linear layer of ours: its registers are too few to beat libtorch's products. */
function linearBattery(types: readonly ("float32" | "bfloat16")[]): void {
  const low = types.includes("bfloat16");

  // Rows, inputs, outputs: tiles and panels that are whole and that are not; few rows and odd widths take libtorch's products.
  test.each([
    [64, 16, 16],
    [231, 96, 208],
    [1001, 80, 48],
    [333, 768, 112],
    [70, 48, 512],
    [8, 32, 32],
    [100, 30, 10],
    [300, 64, 1000],
  ])("linear of %i rows from %i to %i", (M, I, O) =>
    scope(() => {
      const x = normal("x", M, I);
      const weight = normal("w", O, I).mul(0.1).to("bfloat16").float(); // as a product in bfloat16 rounds it
      const bias = normal("b", O).to("bfloat16").float();
      const isOurs = M >= 64 && I % 16 === 0 && O % 16 === 0;
      const both = {
        ours: (...inputs: Tensor[]) => aten("lacuna::linear", ...(inputs as [Tensor, Tensor, Tensor])),
        theirs: (...inputs: Tensor[]) => aten("linear", ...(inputs as [Tensor, Tensor, Tensor])),
      };
      compare({ ...both, inputs: [x, weight, bias], tolerance: 1e-6 });
      if (!low) return;
      compare({
        ...both,
        inputs: [x.to("bfloat16"), weight, bias],
        tolerance: 3 * half,
        gradientTolerances: isOurs ? [3 * half, 1e-5, 1e-6] : [3 * half, 3 * half, 1e-5],
      });
    }),
  );

  test("long sums are rounded as well as libtorch's", () =>
    scope(() => {
      const [x, weight, bias] = [
        normal("x", 3001, 1552).add(0.1),
        normal("w", 80, 1552).add(0.1),
        normal("b", 80),
      ] as const;
      const incoming = normal("incoming", 3001, 80).add(0.1);
      /** The result, and the gradients of all three. */
      const results = (op: "lacuna::linear" | "linear", cast: (x: Tensor) => Tensor): Tensor[] => {
        const given = [x, weight, bias].map((each) => leaf(cast(each))) as [Tensor, Tensor, Tensor];
        const y = aten(op, ...given);
        return [y, ...(gradients([y], given, [cast(incoming)]) as Tensor[])];
      };
      const wanted = results("linear", exact);
      const [ours, theirs] = (["lacuna::linear", "linear"] as const).map((op) => results(op, (each) => each));
      for (const [i, right] of wanted.entries()) {
        const limit = i === 3 ? 4e-7 : 1.5 * difference(theirs?.[i] as Tensor, right); // libtorch's sum of the bias is nearly exact
        expect(difference(ours?.[i] as Tensor, right)).toBeLessThan(limit);
      }
    }));

  test("linear refuses shapes that do not fit", () =>
    scope(() => {
      const [x, weight] = [normal("x", 70, 32), normal("w", 48, 32)];
      expect(() => aten("lacuna::linear", x, weight, normal("b", 1, 48))).toThrow(/bias \[O\], got .*\[1, 48\]/);
      expect(() => aten("lacuna::linear", x, normal("w", 48, 16), null)).toThrow(/expected input .*, got/);
    }));

  test.each(types)("linear takes any shape in front and no bias, in the type of products, %s", (type) =>
    scope(() => {
      const [x, weight] = [normal("x", 3, 40, 32), normal("w", 48, 32).mul(0.1)];
      const isLow = type === "bfloat16";
      const run = (a: Tensor, w: Tensor): Tensor => autocast(type, () => aten("lacuna::linear", a, w, null));
      expect(run(x, weight).dtype).toBe(type);
      compare({
        ours: (a, w) => run(a as Tensor, w as Tensor),
        theirs: (a, w) => aten("linear", a as Tensor, w as Tensor, null),
        inputs: [x, weight],
        tolerance: isLow ? 6 * half : 1e-6,
      });
    }),
  );

  test("linear of float64 is libtorch's", () =>
    scope(() => {
      const [x, weight] = [exact(normal("x", 70, 32)), exact(normal("w", 48, 32))];
      expect(difference(aten("lacuna::linear", x, weight, null), aten("linear", x, weight, null))).toBe(0);
    }));

  test.each(types)("the same %s numbers to the bit, again and again", (type) =>
    scope(() => {
      const [x, weight, bias] = [normal("x", 700, 64).to(type), normal("w", 96, 64), normal("b", 96)].map(leaf);
      const once = (): string => {
        const y = aten("lacuna::linear", x as Tensor, weight as Tensor, bias);
        const made = gradients([y], [x, weight, bias] as Tensor[], [y.detach()]) as Tensor[];
        return JSON.stringify([y, ...made].map((each) => each.toNumbers()));
      };
      expect(once()).toBe(once());
    }),
  );
}

/** Nor a GELU: its table does not fit into them. */
function geluBattery(types: readonly ("float32" | "bfloat16")[]): void {
  const low = types.includes("bfloat16");

  /** Value and slope of our GELU and of ATen's, and both in float64. */
  function gelus(x: Tensor) {
    const given = leaf(x);
    const wide = exact(x);
    const both = (y: Tensor, of: Tensor): [Tensor, Tensor] => {
      const ones = y.detach().mul(0).add(1);
      return [y, gradients([y], [of], [ones])[0] as Tensor];
    };
    return {
      ours: both(aten("lacuna::gelu", given), given),
      theirs: both(aten("gelu", given), given),
      wanted: both(aten("gelu", wide), wide),
    };
  }

  test.runIf(low)("gelu of every bfloat16 number between -8 and 8 is rounded as well as PyTorch's", () =>
    scope(() => {
      const all = Float32Array.from(
        { length: 65_536 },
        (_, i) => new Float32Array(Uint32Array.of(i << 16).buffer)[0] ?? 0,
      );
      const numbers = all.filter((x) => Math.abs(x) < 8);
      const { ours, wanted } = gelus(tensor(numbers.slice(0, numbers.length - (numbers.length % 16))).to("bfloat16"));
      const beyond = (a: Tensor, b: Tensor): number =>
        a
          .to("float64")
          .sub(b)
          .abs()
          .sub(b.abs().mul(2 ** -8))
          .amax([0])
          .item();
      expect(beyond(ours[0], wanted[0])).toBeLessThan(2.4e-7); // what PyTorch's own float32 error function leaves in the tail
      expect(beyond(ours[1], wanted[1])).toBeLessThan(2e-6);
    }),
  );

  test("gelu of float32 is as exact as PyTorch's", () =>
    scope(() => {
      const { ours, theirs, wanted } = gelus(tensor(Float32Array.from({ length: 160_000 }, (_, i) => i / 10_000 - 8)));
      for (const k of [0, 1] as const) {
        const error = (x: Tensor): number => largest(x.to("float64").sub(wanted[k]));
        expect(error(ours[k])).toBeLessThan(5e-7);
        expect(error(ours[k])).toBeLessThan(1.5 * error(theirs[k]));
      }
    }));

  test.each(types)("gelu of %s keeps what is not finite", (type) =>
    scope(() => {
      const x = tensor(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, ...new Float32Array(14))).to(type);
      expect(aten("lacuna::gelu", x).toNumbers().slice(0, 2)).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
    }),
  );
}
