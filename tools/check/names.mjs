// Whoever knows, answers: above src/methods and src/models nobody asks which method or model it has. No name of one as a string, no
// `instanceof` of its class. The names are read from the definitions themselves.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { names as exceptions } from "./exceptions.mjs";
import { finish, isProgram, repositoryFiles, withoutExceptions } from "./tree.mjs";

const known = /^src\/(methods|models)\//;

/** Names that configurations use and classes that stand behind them, of all definitions: their schemas name themselves by default. */
export function definitions(texts) {
  const names = new Set();
  const classes = new Set();
  for (const text of texts) {
    for (const [, name] of text.matchAll(/\bname: z\.literal\("(\w+)"\)\.default\(/g)) {
      names.add(name);
      for (const [, made] of text.matchAll(/^export class (\w+)/gm)) classes.add(made);
    }
  }
  return { names: [...names], classes: [...classes] };
}

/** Where a text asks for a method or a model by its name or class. */
export function findNames(file, text, { names, classes }) {
  const pattern = new RegExp(`"(?:${names.join("|")})"|\\binstanceof (?:${classes.join("|")})\\b`, "g");
  return text
    .split("\n")
    .flatMap((line, index) =>
      [...line.matchAll(pattern)].map(([found]) => ({ key: file, text: `${file}:${index + 1} asks for ${found}` })),
    );
}

if (isProgram(import.meta)) {
  const sources = repositoryFiles(process.cwd()).filter((file) => /^src\/.*\.ts$/.test(file));
  const read = (file) => readFileSync(join(process.cwd(), file), "utf8");
  const defined = definitions(sources.filter((file) => known.test(file)).map(read));
  const above = sources.filter((file) => !known.test(file));
  const findings = above.flatMap((file) => findNames(file, read(file), defined));
  finish(
    withoutExceptions(findings, exceptions),
    "Let the method or the model answer; or enter the file in tools/check/exceptions.mjs with a reason.",
  );
}
