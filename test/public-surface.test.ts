// What programs can import, with kinds and signatures: test/public-surface.txt, whose diff makes a change visible.
// `npx vitest run test/public-surface.test.ts --update` writes it from the compiled declarations in dist/.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

type Exports = Record<string, string | { types: string }>;
const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Exports };
const parts = Object.entries(exports).flatMap(([path, target]) =>
  typeof target === "string" ? [] : [{ name: path.replace(/^\./, "lacuna"), file: resolve(target.types) }],
);
const program = ts.createProgram({
  rootNames: parts.map(({ file }) => file),
  options: { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, skipLibCheck: true, strict: true },
});
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

/** Name by name, what stands behind it where it is declared. */
function exported(file: string): ReadonlyMap<string, ts.Symbol> {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${file} is missing: npm run setup`);
  const found = checker.getExportsOfModule(module).map((symbol): [string, ts.Symbol] => {
    return [symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol];
  });
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The compiler prints unions of literals in the order in which it met them, which is another each time. */
const ordered = (text: string): string =>
  text.replaceAll(/(?:"[^"\n]*"|\b\d+\b)(?: \| (?:"[^"\n]*"|\d+\b))+/g, (union) =>
    union.split(" | ").sort().join(" | "),
  );

const isPrivate = (line: string): boolean => /^\s+(#private|private )/.test(line);

/** As the compiler declares it, without comments and private members. Schemas are named by their kind: keys stand in their docs. */
function declarationText(declaration: ts.Declaration): string {
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const text = printer.printNode(ts.EmitHint.Unspecified, node, declaration.getSourceFile());
  const lines = text.replace(/^(export )?(declare )?/, "").split("\n");
  const shown = lines.filter((line) => !isPrivate(line)).join("\n");
  const isSchema = ts.isVariableDeclaration(declaration) && /^const \w+: z\.Zod/.test(shown);
  return isSchema ? `${/^[^<;]+/.exec(shown)?.[0]}<…>` : ordered(shown);
}

function textOf(name: string, symbol: ts.Symbol): string {
  const declarations = symbol.declarations?.map(declarationText) ?? [];
  const alias = symbol.name === name ? "" : `${name} is `;
  return `${alias}${declarations.join("\n")}`;
}

test("the public surface is the one that is written down", async () => {
  const sections = parts.map(({ name, file }, index) => {
    const names = [...exported(file)];
    const lines = index === 0 ? names.map(([own]) => own) : names.map(([own, symbol]) => textOf(own, symbol));
    return `## ${name}: ${lines.length} names\n\n${lines.join("\n")}\n`;
  });
  await expect(sections.join("\n")).toMatchFileSnapshot("public-surface.txt");
});

test("a reader can hold the index, and each of its names stands in a subpath too", () => {
  const [index, ...subpaths] = parts.map(({ file }) => exported(file));
  const names = [...(index as ReadonlyMap<string, ts.Symbol>)];
  expect(names.length).toBeLessThanOrEqual(70);
  const alone = names.filter(([name, symbol]) => subpaths.every((part) => part.get(name) !== symbol));
  expect(alone.map(([name]) => name)).toEqual([]);
});
