import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { functionsOf, overBudget } from "../../../tools/check/budgets.mjs";
import { entryPoints, withoutDocstring } from "../../../tools/check/docstrings.mjs";
import { withoutShape } from "../../../tools/check/forward-shapes.mjs";
import { unmirrored } from "../../../tools/check/mirror.mjs";
import { definitions, findNames } from "../../../tools/check/names.mjs";
import { withoutExceptions } from "../../../tools/check/tree.mjs";
import { findWords, forbidden } from "../../../tools/check/words.mjs";

const lines = (count, line = "  x();") => `${Array(count).fill(line).join("\n")}\n`;
const texts = (findings) => findings.map(({ text }) => text);

describe("budgets", () => {
  test("a function of 50 lines passes, one of 51 does not, its docstring apart", () => {
    const read = (file) =>
      `/**\n * ${"long\n * ".repeat(60)}\n */\nfunction f() {\n${lines(file === "src/a.ts" ? 48 : 49)}}\n`;
    expect(texts(overBudget(["src/a.ts", "src/b.ts"], read))).toEqual([
      "src/b.ts:64 function f has 51 lines (budget 50)",
    ]);
  });

  test("methods, constructors, accessors and arrow functions are measured", () => {
    const text = "class A {\n constructor() {\n }\n get b() {\n return 1 }\n c() {}\n}\nconst d = () => {\n};\n";
    expect(functionsOf("src/a.ts", text)).toEqual([
      { name: "A.constructor", line: 2, lines: 2 },
      { name: "A.b", line: 4, lines: 2 },
      { name: "A.c", line: 6, lines: 1 },
      { name: "d", line: 8, lines: 2 },
    ]);
  });

  test("a file of 400 lines passes, one of 401 does not; long functions of tests do", () => {
    const read = (file) => (file === "native/a.cc" ? lines(401, "//") : lines(400, "//"));
    expect(texts(overBudget(["native/a.cc", "src/b.ts"], read))).toEqual(["native/a.cc has 401 lines (budget 400)"]);
    expect(overBudget(["test/b.test.ts"], () => `describe("x", () => {\n${lines(90)}});\n`)).toEqual([]);
  });

  test("a folder of 15 entries, files and folders together", () => {
    const files = Array.from({ length: 13 }, (_, i) => `src/nn/${i}.ts`);
    const read = () => "";
    expect(overBudget([...files, "src/nn/deep/a.ts", "src/nn/deep/b.ts"], read)).toEqual([]);
    expect(texts(overBudget([...files, "src/nn/deep/a.ts", "src/nn/z.ts"], read))).toEqual([
      "src/nn/ has 15 entries (budget 14)",
    ]);
  });
});

test("mirror: sources without a test and tests without a source", () => {
  const files = ["src/nn/linear.ts", "test/nn/linear.test.ts", "src/data/order.ts", "test/data/older.test.ts"];
  const apart = ["test/sweep.test.ts", "test/tools/setup.test.mjs", "test/reference/make.py", "src/types.d.ts"];
  expect(texts(unmirrored([...files, ...apart]))).toEqual([
    "src/data/order.ts has no test: test/data/order.test.ts is missing",
    "test/data/older.test.ts tests nothing: src/data/older.ts is missing",
  ]);
});

describe("shape lines", () => {
  const inClass = (comment, member = "forward(x) { return x; }") => `class A {\n  ${comment}\n  ${member}\n}`;
  const found = (...parts) => withoutShape("src/nn/a.ts", inClass(...parts));

  test("a shape in and something out", () => {
    expect(found("/** image [B 3 H W] -> tokens [B N D] */")).toEqual([]);
    expect(found("/** image [B 3 H W] -> squared error over the hidden patches */")).toEqual([]);
    expect(found("/**\n   * Words.\n   * x [B D] -> y [B D]\n   */")).toEqual([]);
  });

  test.each(["", "// image [B 3 H W] -> tokens [B N D]", "/** runs the layer */", "/** [B D] in */", "/** x -> y */"])(
    "%j is none",
    (comment) => expect(found(comment)).toEqual(["src/nn/a.ts:3 forward has no shape line"]),
  );

  test("a property too; an abstract one has no shape yet", () => {
    expect(found("", "forward = (x) => x;")).toHaveLength(1);
    expect(found("", "abstract forward(x): void;")).toEqual([]);
  });
});

describe("words", () => {
  const registries = ["https://mirror.example.org/npm/", undefined];
  const pattern = forbidden({ root: "/srv/clone", home: "/srv/ann", registries });
  const found = (line) => findWords("a.md", `first\n${line}\n`, pattern).map(({ text }) => text);

  test.each([
    ["see /srv/clone/src/a.ts", "/srv/clone/s"],
    ["not /srv/annex, but /srv/ann/data", "/srv/ann/d"],
    // In two halves, or the check would find them here.
    [`open ${"/home"}/ann/photos`, `${"/home"}/ann/p`],
    [`open '${"/Users"}/Ann/photos'`, `${"/Users"}/Ann/p`],
    [`https://registry.npm${"js.org"}/x`, `registry.npm${"js.org"}`],
    ["from mirror.example.org", "mirror.example.org"],
  ])("%s", (line, word) => expect(found(line)).toEqual([`a.md:2 says ${word}`]));

  test.each(["~/photos", "src/root/x.ts", "./home/ann/x", "/tmp/photos", "https://example.org/home/ann/x"])(
    "%s may stand",
    (line) => expect(found(line)).toEqual([]),
  );
});

test("exceptions: allowed with a reason, up to a limit, and as long as they are needed", () => {
  const findings = [{ key: "src/a.ts", value: 420, text: "src/a.ts has 420 lines" }];
  expect(withoutExceptions(findings, [])).toEqual(["src/a.ts has 420 lines"]);
  expect(withoutExceptions(findings, [{ key: "src/a.ts", limit: 450, reason: "a table" }])).toEqual([]);
  expect(withoutExceptions(findings, [{ key: "src/a.ts", limit: 410, reason: "a table" }])).toHaveLength(1);
  expect(withoutExceptions(findings, [{ key: "src/a.ts", reason: " " }])).toHaveLength(1);
  expect(withoutExceptions([], [{ key: "src/a.ts", reason: "a table" }])).toHaveLength(1);
});

test("names: a method or a model is asked for by its definition's name or its class, and by nothing else", () => {
  const method = 'const config = { name: z.literal("mae").default("mae") };\nexport class Mae extends Method {}\n';
  const part = "export class Target {}\n";
  const defined = definitions([method, part]);
  expect(defined).toEqual({ names: ["mae"], classes: ["Mae"] });
  const asks = (line) => texts(findNames("src/a.ts", `\n${line}`, defined));
  expect(asks('if (name === "mae") return;')).toEqual(['src/a.ts:2 asks for "mae"']);
  expect(asks("method instanceof Mae ? 1 : 2")).toEqual(["src/a.ts:2 asks for instanceof Mae"]);
  for (const line of ["x instanceof Target", "method.name", "// mae does", 'say("choose a method (mae).")'])
    expect(asks(line)).toEqual([]);
});

describe("docstrings", () => {
  test("entry points are what package.json exports", () => {
    const exports = {
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      "./nn": { types: "./dist/public/nn.d.ts", default: "./dist/public/nn.js" },
      "./package.json": "./package.json",
    };
    expect(entryPoints({ exports })).toEqual(["src/index.ts", "src/public/nn.ts"]);
  });

  test("an export without a sentence is named where it is declared, once; a tag alone is none", () => {
    const root = mkdtempSync(join(tmpdir(), "lacuna-docstrings-"));
    const declared = [
      "/** A layer. */\nexport class Linear {}",
      "export const zero = 0;",
      "/** @throws Error always */\nexport function never(): never { throw new Error(); }",
      "/** Not for others. */ const inner = 1;\nexport type Inner = typeof inner;",
    ];
    writeFileSync(join(root, "nn.ts"), declared.join("\n"));
    writeFileSync(join(root, "index.ts"), 'export { Linear, zero } from "./nn.js";');
    writeFileSync(join(root, "public.ts"), 'export * from "./nn.js";');
    const options = { module: ts.ModuleKind.NodeNext, noLib: true, types: [] };
    expect(withoutDocstring(root, ["index.ts", "public.ts"], options)).toEqual([
      "nn.ts:3 zero has no docstring",
      "nn.ts:5 never has no docstring",
      "nn.ts:7 Inner has no docstring",
    ]);
    rmSync(root, { recursive: true });
  });
});
