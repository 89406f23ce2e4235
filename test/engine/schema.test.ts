import { describe, expect, expectTypeOf, test } from "vitest";
import type { OpArguments, OpName, OpResult } from "../../src/engine/dispatch.js";
import type { DType } from "../../src/engine/dtype.js";
import { schemas } from "../../src/engine/ops.js";
import { type ArgumentsOf, type NameOf, type ResultOf, readSchema } from "../../src/engine/schema.js";
import { aten, type Tensor } from "../../src/tensor/tensor.js";

interface T {
  readonly tensor: true;
}

describe("types from schema strings (checked by the compiler)", () => {
  test("names", () => {
    expectTypeOf<NameOf<"aten::add.Tensor(Tensor self) -> Tensor">>().toEqualTypeOf<"add.Tensor">();
    expectTypeOf<NameOf<"aten::neg(Tensor self) -> Tensor">>().toEqualTypeOf<"neg">();
    expectTypeOf<"layer_norm">().toExtend<OpName>();
    expectTypeOf<"layerNorm">().not.toExtend<OpName>();
  });

  test("positional arguments, those with a default optional", () => {
    expectTypeOf<ArgumentsOf<"aten::f(Tensor self, int dim, bool keep=False) -> Tensor", T>>().toEqualTypeOf<
      [argument: T, argument: number, argument?: boolean]
    >();
    expectTypeOf<ArgumentsOf<"aten::f() -> Tensor", T>>().toEqualTypeOf<[]>();
  });

  test("words of the schema language", () => {
    expectTypeOf<
      ArgumentsOf<"aten::f(Tensor? a, Tensor[] b, Scalar c, str d, ScalarType? e, Device f) -> Tensor", T>
    >().toEqualTypeOf<
      [
        argument: T | null | undefined,
        argument: readonly T[],
        argument: number | boolean,
        argument: string,
        argument: DType | null | undefined,
        argument: string,
      ]
    >();
    expectTypeOf<ArgumentsOf<"aten::f(SymInt[] a, int[2] b, float[]? c, SymInt d) -> Tensor", T>>().toEqualTypeOf<
      [
        argument: readonly number[],
        argument: readonly number[] | number,
        argument: readonly number[] | null | undefined,
        argument: number,
      ]
    >();
    expectTypeOf<ArgumentsOf<"aten::f(Tensor(a!) self, Tensor(b!)[] list, Tensor(a -> *) c) -> ()", T>>().toEqualTypeOf<
      [argument: T, argument: readonly T[], argument: T]
    >();
  });

  test("options after the star", () => {
    expectTypeOf<OpArguments<"gelu", T>>().toExtend<[T, { approximate?: string }?]>();
    expectTypeOf<OpArguments<"argsort.stable", T>[1]>().toExtend<{
      stable: boolean;
      dim?: number;
      descending?: boolean;
    }>();
    expectTypeOf<OpArguments<"gelu", T>["length"]>().toEqualTypeOf<1 | 2>();
    expectTypeOf<OpArguments<"argsort.stable", T>["length"]>().toEqualTypeOf<2>();
  });

  test("results", () => {
    expectTypeOf<ResultOf<"aten::f(Tensor a) -> Tensor", T>>().toEqualTypeOf<T>();
    expectTypeOf<ResultOf<"aten::f(Tensor(a) a) -> Tensor(a)", T>>().toEqualTypeOf<T>();
    expectTypeOf<ResultOf<"aten::f(Tensor(a -> *) a) -> Tensor(a)[]", T>>().toEqualTypeOf<T[]>();
    expectTypeOf<ResultOf<"aten::f(Tensor(a!) a) -> Tensor(a!)", T>>().toEqualTypeOf<undefined>();
    expectTypeOf<ResultOf<"aten::f(Tensor(a!)[] a) -> ()", T>>().toEqualTypeOf<undefined>();
    expectTypeOf<OpResult<"topk", T>>().toEqualTypeOf<[T, T]>();
    expectTypeOf<OpResult<"linalg_svd", T>>().toEqualTypeOf<[T, T, T]>();
  });

  test("calls that the compiler accepts and refuses", () => {
    const never = (): boolean => false;
    const x = undefined as unknown as Tensor;
    if (never()) {
      expectTypeOf(aten("layer_norm", x, [4], null, null, 1e-6)).toEqualTypeOf<Tensor>();
      expectTypeOf(aten("topk", x, 2)).toEqualTypeOf<[Tensor, Tensor]>();
      expectTypeOf(aten("zero_", x)).toEqualTypeOf<undefined>();
      aten("conv2d", x, x, null, 2, [1, 1]);
      // @ts-expect-error no such operation
      aten("frobnicate", x);
      // @ts-expect-error a tensor is missing
      aten("matmul", x);
      // @ts-expect-error a number is no tensor
      aten("matmul", x, 2);
      // @ts-expect-error a tensor is no number
      aten("add.Scalar", x, x);
      // @ts-expect-error one argument too many
      aten("neg", x, 1);
      // @ts-expect-error a misspelt option
      aten("gelu", x, { approximation: "tanh" });
      // @ts-expect-error an option of another type
      aten("gelu", x, { approximate: 1 });
      // @ts-expect-error a required option is missing
      aten("argsort.stable", x);
      // @ts-expect-error not a dtype
      aten("to.dtype", x, "float99");
      // @ts-expect-error a list of tensors
      aten("cat", x);
      // @ts-expect-error the result is no tensor
      aten("zero_", x).shape;
    }
    expect(never()).toBe(false);
  });
});

describe("readSchema", () => {
  test("separates positional from named arguments and knows what each takes", () => {
    expect(
      readSchema('aten::f.g(Tensor(a!)[] self, Tensor? b, int[2] c=1, *, ScalarType? dtype=None, str d="x") -> ()'),
    ).toEqual({
      name: "f.g",
      positional: ["self", "b", "c"],
      named: ["dtype", "d"],
      kinds: ["tensors", "tensor", "plain", "dtype", "plain"],
    });
  });

  test.each(["", "neg", "aten::neg", "neg(Tensor self) -> Tensor"])("refuses %j", (text) => {
    expect(() => readSchema(text)).toThrow(SyntaxError);
  });

  test("every declared operation has one declaration", () => {
    const names = schemas.map((schema) => readSchema(schema).name);
    expect(new Set(names).size).toBe(names.length);
  });

  test("every declared operation's arguments are names", () => {
    for (const schema of schemas) {
      const { positional, named, kinds } = readSchema(schema);
      expect(
        [...positional, ...named].every((name) => /^[A-Za-z]\w*$/.test(name)),
        schema,
      ).toBe(true);
      expect(kinds.length).toBe(positional.length + named.length);
    }
  });
});
