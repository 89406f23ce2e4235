import type { DType } from "./dtype.js";

/**
 * TypeScript types from ATen schema strings. An operation is declared once, as the string that the dispatcher
 * checks; its signature follows: positional arguments in order, those with a default may be left out, what follows
 * `*` comes in an options object at the end.
 */

/** `aten::add.Tensor(Tensor self, …) -> Tensor` -> `add.Tensor`; operators of our own keep their namespace: `lacuna::gelu` */
export type NameOf<S extends string> = S extends `aten::${infer Name}(${string}`
  ? Name
  : S extends `${infer Name}(${string}`
    ? Name
    : never;

type ReturnText<S extends string> = S extends `${string}) -> ${infer Return}` ? AfterLastArrow<Return> : never;
type AfterLastArrow<S extends string> = S extends `${string}) -> ${infer Rest}` ? AfterLastArrow<Rest> : S;
type ArgumentText<S extends string> = S extends `${string}::${string}(${infer Rest}`
  ? Rest extends `${infer Arguments}) -> ${string}`
    ? Arguments
    : never
  : never;

type Split<S extends string> = S extends ""
  ? []
  : S extends `${infer Head}, ${infer Tail}`
    ? [Head, ...Split<Tail>]
    : [S];

type WithoutAlias<S extends string> = S extends `Tensor(${string})${infer Rest}` ? `Tensor${Rest}` : S;

/** A schema's type word -> TypeScript; `T` is the tensor class. */
type ValueOf<Word extends string, T> = Word extends `${infer Inner}?`
  ? ValueOf<Inner, T> | null | undefined
  : Word extends "Tensor"
    ? T
    : Word extends "Tensor[]"
      ? readonly T[]
      : Word extends "bool"
        ? boolean
        : Word extends "str" | "Device"
          ? string
          : Word extends "ScalarType"
            ? DType
            : Word extends "Scalar"
              ? number | boolean
              : Word extends `${"int" | "SymInt" | "float"}[${infer Size}]`
                ? Size extends ""
                  ? readonly number[]
                  : readonly number[] | number
                : number;

type TypeWord<A extends string> = WithoutAlias<A> extends `${infer Word} ${string}` ? Word : never;
type ArgumentName<A extends string> =
  WithoutAlias<A> extends `${string} ${infer Name}` ? (Name extends `${infer Plain}=${string}` ? Plain : Name) : never;
type HasDefault<A extends string> = A extends `${string}=${string}` ? true : false;

type Positional<List extends readonly string[], T> = List extends readonly [
  infer A extends string,
  ...infer Rest extends readonly string[],
]
  ? A extends "*"
    ? []
    : HasDefault<A> extends true
      ? [argument?: ValueOf<TypeWord<A>, T>, ...Positional<Rest, T>]
      : [argument: ValueOf<TypeWord<A>, T>, ...Positional<Rest, T>]
  : [];

type AfterStar<List extends readonly string[]> = List extends readonly [
  infer A extends string,
  ...infer Rest extends readonly string[],
]
  ? A extends "*"
    ? Rest
    : AfterStar<Rest>
  : [];

type Options<List extends readonly string[], T> = {
  [A in List[number] as HasDefault<A> extends true ? ArgumentName<A> : never]?: ValueOf<TypeWord<A>, T>;
} & { [A in List[number] as HasDefault<A> extends true ? never : ArgumentName<A>]: ValueOf<TypeWord<A>, T> };

/** The arguments of the operation that a schema declares. */
export type ArgumentsOf<S extends string, T> =
  AfterStar<Split<ArgumentText<S>>> extends infer Named extends readonly string[]
    ? Named extends readonly []
      ? Positional<Split<ArgumentText<S>>, T>
      : HasRequired<Named> extends true
        ? [...Positional<Split<ArgumentText<S>>, T>, options: Options<Named, T>]
        : [...Positional<Split<ArgumentText<S>>, T>, options?: Options<Named, T>]
    : never;

type HasRequired<List extends readonly string[]> = false extends HasDefault<List[number]> ? true : false;

type ResultWord<Word extends string, T> = Word extends "Tensor[]" ? T[] : Word extends "Tensor" ? T : never;

type Results<List extends readonly string[], T> = {
  [K in keyof List]: List[K] extends string
    ? ResultWord<List[K] extends `${infer W} ${string}` ? W : List[K], T>
    : never;
};

/** What the operation gives back; in-place operations (`…_`) give nothing, their first argument has changed. */
export type ResultOf<S extends string, T> =
  ReturnText<S> extends "()"
    ? undefined
    : ReturnText<S> extends `Tensor(${string}!)`
      ? undefined
      : ReturnText<S> extends `(${infer List})`
        ? Results<Split<List>, T>
        : ResultWord<WithoutAlias<ReturnText<S>>, T>;

/** What JavaScript gives for an argument: a tensor, a list of tensors, a dtype's name, or something the addon converts. */
export type ArgumentKind = "tensor" | "tensors" | "dtype" | "plain";

/** The same declaration, read at run time. */
export interface Declared {
  readonly name: string;
  readonly positional: readonly string[];
  readonly named: readonly string[];
  /** In the operator's own order: positional, then named. */
  readonly kinds: readonly ArgumentKind[];
}

/** @throws SyntaxError where the string is not an ATen schema */
export function readSchema(schema: string): Declared {
  const match = /^(?:aten::|(?=\w+::))([\w.]+(?:::[\w.]+)?)\((.*)\) -> /.exec(schema);
  if (match === null) throw new SyntaxError(`not an ATen schema: ${schema}`);
  const [, name = "", list = ""] = match;
  const parts = list === "" ? [] : list.split(", ");
  const star = parts.indexOf("*");
  const word = (part: string): string => part.replace(/\([^)]*\)/, "");
  const argument = (part: string): string => word(part).split(" ")[1]?.split("=")[0] ?? "";
  const kindOf = (part: string): ArgumentKind => {
    const type = word(part).split(" ")[0] ?? "";
    if (type.startsWith("Tensor")) return type.endsWith("[]") ? "tensors" : "tensor";
    return type.startsWith("ScalarType") ? "dtype" : "plain";
  };
  return {
    name,
    positional: (star < 0 ? parts : parts.slice(0, star)).map(argument),
    named: star < 0 ? [] : parts.slice(star + 1).map(argument),
    kinds: parts.filter((part) => part !== "*").map(kindOf),
  };
}
