// Every `forward` says in one line what goes in and what comes out: /** image [B 3 H W] -> tokens [B N D] */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { finish, isProgram, repositoryFiles } from "./tree.mjs";

const where = /^src\/(models|methods|nn)\/.*\.ts$/;
const shapeLine = /\[[^\]]*\].*->\s*\S/;

function commentOf(node, source) {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
  const docs = ranges.map(({ pos, end }) => source.text.slice(pos, end)).filter((text) => text.startsWith("/**"));
  return docs.at(-1) ?? "";
}

/** Methods and function properties named forward that have a body and no shape line. */
export function withoutShape(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const findings = [];
  const visit = (node) => {
    const isMember = ts.isMethodDeclaration(node) || ts.isPropertyDeclaration(node);
    const hasBody = ts.isMethodDeclaration(node) ? node.body : node.initializer; // an abstract one has no shape yet
    if (isMember && hasBody && node.name.getText(source) === "forward") {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
      const described = commentOf(node, source)
        .split("\n")
        .some((comment) => shapeLine.test(comment));
      if (!described) findings.push(`${file}:${line} forward has no shape line`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings;
}

if (isProgram(import.meta)) {
  const root = process.cwd();
  const files = repositoryFiles(root).filter((file) => where.test(file));
  const findings = files.flatMap((file) => withoutShape(file, readFileSync(join(root, file), "utf8")));
  finish(findings, "Write above it: /** image [B 3 H W] -> tokens [B N D] */");
}
