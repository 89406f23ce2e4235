// Each source has its test at the same place below test/, and each such test its source.
import { mirror } from "./exceptions.mjs";
import { finish, isProgram, repositoryFiles, withoutExceptions } from "./tree.mjs";

// Kinds of tests that belong to no single source (style: sweep, boundaries, docs, package, leaks) lie at the top.
const ofOneSource = /^(page\/)?test\/(?!tools\/|reference\/|browser\/)[^/]+\/.*\.test\.ts$/;
// What draws the page and what runs in its worker is tested in a browser (page/test/browser).
const source = /^(src|page\/src\/(mask|picture|model|session))\/.*\.ts$/;

/** Sources without a test and tests without a source. */
export function unmirrored(files) {
  const have = new Set(files);
  const findings = [];
  for (const file of files) {
    if (source.test(file) && !file.endsWith(".d.ts")) {
      const test = file.replace(/^(page\/)?src\//, "$1test/").replace(/\.ts$/, ".test.ts");
      if (!have.has(test)) findings.push({ key: file, text: `${file} has no test: ${test} is missing` });
    }
    if (ofOneSource.test(file)) {
      const tested = file.replace(/^(page\/)?test\//, "$1src/").replace(/\.test\.ts$/, ".ts");
      if (!have.has(tested)) findings.push({ key: file, text: `${file} tests nothing: ${tested} is missing` });
    }
  }
  return findings;
}

if (isProgram(import.meta)) {
  const findings = unmirrored(repositoryFiles(process.cwd()));
  finish(withoutExceptions(findings, mirror), "Write it; or enter it in tools/check/exceptions.mjs with a reason.");
}
