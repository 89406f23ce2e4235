// Every export of the package has a docstring: package.json's `exports` name the entry points, TypeScript says what they export.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import { finish, isProgram } from "./tree.mjs";

/** Sources of what package.json exports: `./dist/public/data.js` is `src/public/data.ts`. */
export function entryPoints({ exports }) {
  return Object.values(exports)
    .flatMap(({ default: file }) => file ?? [])
    .map((file) => file.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts"));
}

/** Exports without a sentence on what they are, each once, where they are declared. A tag alone (`@throws …`) is no sentence. */
export function withoutDocstring(root, files, options) {
  const program = ts.createProgram(
    files.map((file) => join(root, file)),
    options,
  );
  const checker = program.getTypeChecker();
  const symbols = files.flatMap((file) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(join(root, file)));
    return checker.getExportsOfModule(module);
  });
  const declared = symbols.map((symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
  );
  return [...new Set(declared)]
    .filter((symbol) => symbol.getDocumentationComment(checker).length === 0)
    .map((symbol) => {
      const [declaration] = symbol.declarations;
      const source = declaration.getSourceFile();
      const { line } = source.getLineAndCharacterOfPosition(declaration.getStart());
      return `${relative(root, source.fileName)}:${line + 1} ${symbol.name} has no docstring`;
    })
    .sort();
}

if (isProgram(import.meta)) {
  const root = process.cwd();
  const files = entryPoints(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const findings = withoutDocstring(root, files, options);
  finish(findings, "Say above it what it is, in a sentence; then shapes, units, errors and source where they apply.");
}
