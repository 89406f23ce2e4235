// `npm run test:times`: how long each folder's tests took, from Vitest's last report (`CI=1 npm test` writes it). Files run two at a
// time, so the sum is more than what the clock shows.
import { relative } from "node:path";
import { isProgram } from "./check/tree.mjs";
import { readJson } from "./setup/stamp.mjs";

const report = "build/test-report.json";

/** Rows of folder, files, tests and seconds, the longest first. @param root of the paths in the report */
export function testTimes({ testResults }, root) {
  const rows = new Map();
  for (const { name, startTime, endTime, assertionResults } of testResults) {
    const parts = relative(root, name).split("/");
    const folder = parts.slice(0, parts[0] === "page" ? 3 : 2).join("/");
    const row = rows.get(folder) ?? { folder, files: 0, tests: 0, seconds: 0 };
    rows.set(folder, row);
    row.files += 1;
    row.tests += assertionResults.length;
    row.seconds += (endTime - startTime) / 1000;
  }
  return [...rows.values()].sort((a, b) => b.seconds - a.seconds);
}

function table(rows) {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const total = { folder: "all", files: sum("files"), tests: sum("tests"), seconds: sum("seconds") };
  const lines = [...rows, total].map(
    ({ folder, files, tests, seconds }) => `| ${folder} | ${files} | ${tests} | ${seconds.toFixed(0)} |`,
  );
  return ["| | files | tests | seconds |", "| --- | ---: | ---: | ---: |", ...lines, ""].join("\n");
}

function main() {
  const results = readJson(report);
  if (results) return void process.stdout.write(table(testTimes(results, process.cwd())));
  process.stderr.write(`test-times: ${report} is missing. Run: CI=1 npm test\n`);
  process.exitCode = 1;
}

if (isProgram(import.meta)) main();
