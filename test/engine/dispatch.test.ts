import { describe, expect, test } from "vitest";
import { binding } from "../../src/engine/binding.js";
import { openSchema } from "../../src/engine/dispatch.js";
import { EngineError } from "../../src/engine/errors.js";
import { scope } from "../../src/engine/scope.js";
import { ConfigError, LacunaError } from "../../src/errors.js";
import { zeros } from "../../src/tensor/creation.js";
import { aten, type Tensor, tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "./leaks.js";

/** As a caller without types would: JavaScript, or a cast. */
const call = aten as unknown as (name: string, ...args: unknown[]) => Tensor;

function failure(body: () => unknown): LacunaError {
  try {
    scope(body);
  } catch (error) {
    expect(error).toBeInstanceOf(LacunaError);
    return error as LacunaError;
  }
  return expect.fail("nothing was thrown");
}

const x = (): Tensor => zeros([2, 3]);

describe("the door", () => {
  leavesNoTensors();

  test("options may be left out, given in part, or be undefined", () =>
    scope(() => {
      const a = tensor(Float32Array.of(1, 2, 3));
      expect(aten("add.Tensor", a, a).toNumbers()).toEqual([2, 4, 6]);
      expect(aten("add.Tensor", a, a, {}).toNumbers()).toEqual([2, 4, 6]);
      expect(aten("add.Tensor", a, a, { alpha: 2 }).toNumbers()).toEqual([3, 6, 9]);
      expect(call("add.Tensor", a, a, { alpha: undefined }).toNumbers()).toEqual([2, 4, 6]);
      expect(call("sum.dim_IntList", a, [0], undefined, { dtype: "float64" }).dtype).toBe("float64");
    }));

  test("options follow positional arguments that were left out", () =>
    scope(() => {
      expect(aten("sum.dim_IntList", x(), [0], { dtype: "float64" } as never).dtype).toBe("float64");
      expect(aten("var.correction", x(), { correction: 0, keepdim: true } as never).shape).toEqual([1, 1]);
    }));

  test("one number stands for a list of a fixed length", () =>
    scope(() => {
      expect(aten("sum.dim_IntList", x(), 1).shape).toEqual([2]);
      expect(aten("max_pool2d", zeros([1, 1, 4, 6]), 2).shape).toEqual([1, 1, 2, 3]);
    }));

  test("a Scalar is whole where JavaScript's number is, as Python's 2 and 2.5", () =>
    scope(() => {
      const whole = tensor(BigInt64Array.of(4n));
      expect(aten("mul.Scalar", whole, 2).dtype).toBe("int64");
      expect(aten("mul.Scalar", whole, 2.5).dtype).toBe("float32");
      expect(aten("mul.Scalar", whole, 2 ** 60).dtype).toBe("float32");
      expect(aten("mul.Scalar", x().add(1), Number.NEGATIVE_INFINITY).toNumbers()[0]).toBe(Number.NEGATIVE_INFINITY);
    }));

  test("a call can be timed in C++, with tensors only", () =>
    scope(() => {
      const add = openSchema("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor");
      const [a, b] = [x(), x()];
      const timed = (count: number, tensors: readonly number[]) => binding().repeat(add, count, tensors);
      expect(timed(1000, [a.id, b.id])).toBeGreaterThan(timed(0, [a.id, b.id]));
      expect(() => timed(1, [a.id])).toThrow("argument other has no default");
      expect(() => timed(1, [a.id, b.id, a.id])).toThrow("argument alpha is no tensor");
      expect(() => timed(1, [a.id, b.id, a.id, b.id])).toThrow("more tensors than the operator has arguments");
      expect(() => timed(2e9, [a.id, b.id])).toThrow("expected a count from 0 to 1000000");
    }));

  test("lists longer than the frame, and what follows them", () =>
    scope(() => {
      const many = Array.from({ length: 3000 }, (_, i) => tensor(Float32Array.of(i)));
      expect(aten("cat", many, 0).sum().item()).toBe((3000 * 2999) / 2);
      const ones = Array.from({ length: 1500 }, () => 1);
      expect(aten("split_with_sizes", zeros([1500, 2]), ones, 0)).toHaveLength(1500);
      const text = "abcd->abcd".padStart(5000, " ");
      expect(aten("einsum", text, [zeros([1, 2, 1, 3])]).shape).toEqual([1, 2, 1, 3]);
    }));

  test("lists of numbers may be empty, and hold what a float can", () =>
    scope(() => {
      expect(zeros([]).shape).toEqual([]);
      expect(aten("amax", x().add(1), []).item()).toBe(1);
      expect(aten("upsample_bilinear2d.vec", zeros([1, 1, 2, 2]), null, false, [1.5, 2]).shape).toEqual([1, 1, 3, 4]);
    }));

  test("several results come as a list, an in-place operation gives none", () =>
    scope(() => {
      const made = aten("topk", x(), 2);
      expect(made.map((t) => t.shape)).toEqual([
        [2, 2],
        [2, 2],
      ]);
      expect(made.map((t) => t.origin)).toEqual(["topk", "topk"]);
      expect(aten("zero_", x())).toBeUndefined();
      expect(aten("_foreach_mul_.Scalar", [x()], 2)).toBeUndefined();
    }));
});

describe("errors at the door", () => {
  leavesNoTensors();

  test.each<[string, () => unknown, string]>([
    [
      "an unknown operation",
      () => call("frobnicate", x()),
      "no operation is declared as frobnicate. Add its schema to src/engine/ops.ts.",
    ],
    [
      "an overload left out",
      () => call("add", x(), x()),
      "no operation is declared as add. Add its schema to src/engine/ops.ts.",
    ],
    [
      "a name of Object's",
      () => call("toString"),
      "no operation is declared as toString. Add its schema to src/engine/ops.ts.",
    ],
    ["a missing argument", () => call("matmul", x()), "matmul: argument other is missing. Arguments: [2 3]."],
    ["no argument", () => call("neg"), "neg: argument self is missing."],
    ["null where a tensor must be", () => call("neg", null), "neg: argument self is missing."],
    ["too many arguments", () => call("neg", x(), 1), "neg: takes 1 positional arguments, got 2."],
    [
      "an option given by position",
      () => call("gelu", x(), "tanh"),
      "gelu: takes 1 positional arguments, got 2. Options (approximate) come in an object at the end.",
    ],
    [
      "a misspelt option",
      () => call("sum.dim_IntList", x(), [0], { keepDim: true }),
      "sum.dim_IntList: has the options dtype, got keepDim. Options (dtype) come in an object at the end.",
    ],
    [
      "a string for a number",
      () => call("add.Scalar", x(), "5"),
      "add.Scalar: argument other: expected Scalar, got a value of type string. Arguments: [2 3].",
    ],
    [
      "a number for a tensor",
      () => call("add.Tensor", x(), 5),
      "add.Tensor: argument other: expected a tensor, got 5.",
    ],
    ["a handle for a tensor", () => call("neg", x().id), "neg: argument self: expected a tensor, got"],
    ["a string for a tensor", () => call("neg", "x"), 'neg: argument self: expected a tensor, got "x".'],
    [
      "a tensor for a number",
      () => call("add.Scalar", x(), x()),
      "add.Scalar: argument other: expected no tensor, got a tensor.",
    ],
    [
      "a tensor in a shape",
      () => call("reshape", x(), [x()]),
      "reshape: argument shape: expected no tensor, got [a tensor].",
    ],
    ["a tensor for a list", () => call("cat", x()), "cat: argument tensors: expected a list of tensors, got a tensor."],
    [
      "a number in a list of tensors",
      () => call("cat", [x(), 3]),
      "cat: argument tensors: expected a list of tensors, got 3.",
    ],
    [
      "nothing in a list of tensors",
      () => call("cat", [x(), undefined]),
      "cat: argument tensors: expected a list of tensors, got undefined.",
    ],
    ["a list for a tensor", () => call("neg", [x()]), "neg: argument self: expected a tensor, got [a tensor]."],
    [
      "a fraction for a dimension",
      () => call("select.int", x(), 0.5, 0),
      "select.int: argument dim: expected a whole number, got 0.5. Arguments: [2 3].",
    ],
    [
      "not a number for a size",
      () => call("zeros", [Number.NaN]),
      "zeros: argument size: expected a whole number, got nan.",
    ],
    [
      "a number for yes or no",
      () => call("sum.dim_IntList", x(), [0], 1),
      "sum.dim_IntList: argument keepdim: expected bool, got a value of type number. Arguments: [2 3].",
    ],
    [
      "yes or no for a number",
      () => call("select.int", x(), true, 0),
      "select.int: argument dim: expected int, got a value of type boolean. Arguments: [2 3].",
    ],
    [
      "a number for a text",
      () => call("gelu", x(), { approximate: 5 }),
      "gelu: argument approximate: expected str, got a value of type number. Arguments: [2 3].",
    ],
    [
      "a typed array for a shape",
      () => call("reshape", x(), Int32Array.of(6)),
      "reshape: argument shape: expected SymInt[], got a value of type object. Arguments: [2 3].",
    ],
    [
      "a sparse layout",
      () => call("zeros", [1], { layout: 1 }),
      "zeros: argument layout: expected a code from 0 to 0, got 1.",
    ],
  ])("%s", (_, body, message) => {
    const error = failure(body);
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message.startsWith(message), error.message).toBe(true);
    expect(["argument", "unknown-op"]).toContain(error.code);
  });

  test("an unknown dtype says which there are", () => {
    for (const body of [
      () => x().to("float99" as never),
      () => call("zeros", [1], { dtype: "int65" }),
      () => call("sum", x(), { dtype: 6 }),
    ]) {
      const error = failure(body);
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message).toMatch(/^in dtype: expected a dtype \(uint8, .*bfloat16\), got /);
    }
  });

  test("libtorch's refusals name the operation and the shapes", () => {
    const error = failure(() => x().matmul(x()));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(/^matmul: .*shapes cannot be multiplied.* Arguments: \[2 3\], \[2 3\]\.$/);
    expect(error).toMatchObject({ code: "libtorch", actual: ["[2 3]", "[2 3]"] });
    expect(error.message).not.toContain("\n");
    expect(failure(() => aten("cat", [x(), zeros([3])])).message).toMatch(/Arguments: \[2 3\], \[3\]\.$/);
  });

  test("memory that is not there is an error", () => {
    expect(failure(() => zeros([2 ** 47])).message).toMatch(/^zeros: .*can't allocate memory/);
  });

  test("devices that are not there are errors", () => {
    expect(failure(() => x().toDevice("gpu")).message).toMatch(/^to.device: .*device string: gpu/);
    expect(failure(() => zeros([1], { device: "cpu:x" })).code).toBe("libtorch");
  });

  test("a failed call leaves the door usable and nothing alive", () =>
    scope(() => {
      for (let i = 0; i < 20; i++) expect(() => aten("cat", [x(), zeros([3])])).toThrow(EngineError);
      expect(aten("cat", [x(), x()]).shape).toEqual([4, 3]);
    }));
});

describe("schemas that do not fit the installed libtorch", () => {
  test.each([
    [
      "an operator it lacks",
      "aten::frobnicate(Tensor self) -> Tensor",
      /^libtorch has no operator aten::frobnicate; wanted/,
    ],
    [
      "an argument it lacks",
      "aten::neg(Tensor self, int twice) -> Tensor",
      /^operator aten::neg differs\. wanted: .*int twice.* installed: aten::neg\(Tensor self\) -> Tensor/,
    ],
    ["another result", "aten::neg(Tensor self) -> Tensor[]", /^operator aten::neg differs/],
    ["another order", "aten::select.int(Tensor(a) self, SymInt index, int dim) -> Tensor(a)", /differs/],
    ["a text that is no schema", "neg of a tensor", /./],
  ])("%s", (_, schema, message) => {
    const error = failure(() => openSchema(schema));
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code: "schema-mismatch", expected: schema });
    expect(error.message).toContain("Lacuna needs libtorch 2.11 or newer");
  });

  test("what the installed one accepts may be declared with less", () => {
    expect(openSchema("aten::zeros(SymInt[] size) -> Tensor")).toBeTypeOf("number");
  });
});
