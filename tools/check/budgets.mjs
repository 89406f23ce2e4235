// A function has at most 50 lines, a file 400, a source folder 14 entries. Beyond that a reader loses the whole.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { budgets } from "./exceptions.mjs";
import { finish, isProgram, repositoryFiles, withoutExceptions } from "./tree.mjs";

export const limits = { function: 50, file: 400, folder: 14 };

const measuredFile = /^(src|test|tools|bench|recipes|examples|native|page)\/.*\.(tsx?|mjs|cc|h|py)$/;
// A test's `describe` holds all of its tests: their files are bounded, not their functions.
const measuredFunctions = /^(src|tools|bench|recipes|examples|page\/src)\/.*\.(tsx?|mjs)$/;
const measuredFolder = /^(src|tools|native|bench|page)(\/|$)/;

function nameOf(node, source) {
  const named = node.name ?? node.parent?.name;
  if (ts.isConstructorDeclaration(node)) return `${node.parent.name?.text ?? "class"}.constructor`;
  const own = named && ts.isIdentifier(named) ? named.text : (named?.getText(source) ?? "anonymous");
  const inClass = ts.isClassLike(node.parent) && node.parent.name ? `${node.parent.name.text}.` : "";
  return inClass + own;
}

/** Functions, methods, accessors and constructors of a file with their lines, the docstring apart. */
export function functionsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const last = source.getLineAndCharacterOfPosition(node.end).line;
      found.push({ name: nameOf(node, source), line: first + 1, lines: last - first + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function functionFindings(file, text) {
  return functionsOf(file, text)
    .filter(({ lines }) => lines > limits.function)
    .map(({ name, line, lines }) => ({
      key: `${file}:${name}`,
      value: lines,
      text: `${file}:${line} function ${name} has ${lines} lines (budget ${limits.function})`,
    }));
}

function folderFindings(files) {
  const entries = new Map();
  for (const file of files) {
    for (let path = file; dirname(path) !== "."; path = dirname(path)) {
      const folder = dirname(path);
      if (!measuredFolder.test(folder)) continue;
      entries.set(folder, (entries.get(folder) ?? new Set()).add(path));
    }
  }
  return [...entries]
    .filter(([, { size }]) => size > limits.folder)
    .map(([folder, { size }]) => ({
      key: folder,
      value: size,
      text: `${folder}/ has ${size} entries (budget ${limits.folder})`,
    }));
}

/** Everything over its budget. `read` gives the text of a file. */
export function overBudget(files, read) {
  const findings = folderFindings(files);
  for (const file of files.filter((name) => measuredFile.test(name))) {
    const text = read(file);
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    if (lines > limits.file) {
      findings.push({ key: file, value: lines, text: `${file} has ${lines} lines (budget ${limits.file})` });
    }
    if (measuredFunctions.test(file)) findings.push(...functionFindings(file, text));
  }
  return findings;
}

if (isProgram(import.meta)) {
  const root = process.cwd();
  const findings = overBudget(repositoryFiles(root), (file) => readFileSync(join(root, file), "utf8"));
  finish(withoutExceptions(findings, budgets), "Split it; or enter it in tools/check/exceptions.mjs with a reason.");
}
