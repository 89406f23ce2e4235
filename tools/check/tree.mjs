// The repository's own files, as the checks see them.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Files that git tracks or would track, relative to `root`, sorted. */
export function repositoryFiles(root) {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const output = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  const names = [...new Set(output.split("\0").filter(Boolean))];
  return names.filter((name) => existsSync(join(root, name))).sort(); // deleted, not yet committed
}

/**
 * Takes away the findings that the list of exceptions allows. An exception without a reason, and one that nothing
 * needs any more, is a finding itself.
 *
 * @param {{ key: string, text: string, value?: number }[]} findings
 * @param {{ key: string, limit?: number, reason: string }[]} exceptions
 * @returns {string[]}
 */
export function withoutExceptions(findings, exceptions) {
  const texts = [];
  for (const { key, reason } of exceptions) {
    if (!reason?.trim()) texts.push(`${key}: its exception in tools/check/exceptions.mjs has no reason`);
    if (!findings.some((finding) => finding.key === key)) {
      texts.push(`${key}: its exception in tools/check/exceptions.mjs is not needed any more`);
    }
  }
  for (const { key, text, value = 0 } of findings) {
    const allowed = exceptions.find((exception) => exception.key === key);
    if (!allowed) texts.push(text);
    else if (value > (allowed.limit ?? Number.POSITIVE_INFINITY))
      texts.push(`${text}; its exception allows ${allowed.limit}`);
  }
  return texts;
}

/** Prints findings and sets the exit code: what every check of ours ends with. */
export function finish(findings, remedy) {
  for (const text of findings) process.stdout.write(`${text}\n`);
  if (findings.length > 0) process.stdout.write(`${remedy}\n`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}

/** Whether this module is the program itself and not imported by a test. */
export function isProgram(meta) {
  return process.argv[1] === meta.filename;
}
