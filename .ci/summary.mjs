// The last line of .ci/run: `N passed, N failed[, N skipped]`. Exits 1 when anything failed.
// summary.mjs <Vitest's JSON report> <exit status of the tests> <exit status of the check>
import { readFileSync } from "node:fs";

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined; // set-up failed, or the run was ended before its report
  }
}

/** Counts single tests; a file that could not run, a test command that failed without one, and a failed check are one each. */
export function summarize(report, testStatus, checkStatus) {
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
  const broken = (report?.testResults ?? []).filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  let failed = (report?.numFailedTests ?? 0) + broken;
  if (testStatus !== 0 && failed === 0) failed = 1;
  if (checkStatus !== 0) failed += 1;
  const line = `${report?.numPassedTests ?? 0} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { line, failed };
}

if (process.argv[1] === import.meta.filename) {
  const [path, testStatus, checkStatus] = process.argv.slice(2);
  const { line, failed } = summarize(readReport(path), Number(testStatus), Number(checkStatus));
  process.stdout.write(`${line}\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}
