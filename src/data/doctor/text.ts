/** The report as text for a terminal. */
import type { DoctorReport, Finding } from "./report.js";

export interface TextOptions {
  /** Files, or groups of copies, named under each finding. All of bad ones by default, and of others the first ten. */
  readonly examples?: number;
}

const MARKS = { bad: "✗", warning: "!", note: "·" } as const;
const EXAMPLES = 10;
const GROUP_MEMBERS = 4;
/** Findings whose files are all named: each is lost to training. */
const NAMED_IN_FULL = new Set([
  "missing",
  "empty",
  "unsupported",
  "unreadable",
  "truncated",
  "too-large",
  "timeout",
  "crashed",
]);

/** Renders a report; no colours, no trailing newline. */
export function reportText(report: DoctorReport, options: TextOptions = {}): string {
  const head = `${report.source}: ${report.pictures} pictures, ${report.usable} can be used`;
  const parts = [
    `${head} (examined in ${report.seconds.toFixed(1)} s)`,
    statisticsText(report),
    ...report.findings.map((finding) => findingText(finding, options)),
    report.summary,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function statisticsText({ statistics, classes }: DoctorReport): string {
  if (statistics === undefined) return "";
  const { width, height, shorterSide, fileBytes, totalBytes, formats, mean, deviation } = statistics;
  const range = (name: string, { least, median, most }: typeof width, show: (x: number) => string) =>
    `  ${name.padEnd(14)}${show(least)} … ${show(most)}, median ${show(median)}`;
  const pixels = (x: number) => `${x}`;
  const each = (values: readonly number[]) => values.map((x) => x.toFixed(3)).join(" ");
  const counts = Object.entries(formats).map(([format, count]) => `${format} ${count}`);
  const lines = [
    range("width", width, pixels),
    range("height", height, pixels),
    range("shorter side", shorterSide, pixels),
    range("file size", fileBytes, bytesText),
    `  ${"in all".padEnd(14)}${bytesText(totalBytes)}: ${counts.join(", ")}`,
    `  ${"channels".padEnd(14)}mean ${each(mean)}, deviation ${each(deviation)}`,
  ];
  if (classes !== undefined) lines.push(`  ${"classes".padEnd(14)}${classesText(classes)}`);
  return lines.join("\n");
}

function classesText(classes: NonNullable<DoctorReport["classes"]>): string {
  const bySize = [...classes].sort((a, b) => b.usable - a.usable);
  const show = ({ name, usable }: (typeof classes)[number]) => `${name} ${usable}`;
  if (bySize.length <= 12) return `${classes.length}: ${bySize.map(show).join(", ")}`;
  const most = bySize.slice(0, 3).map(show);
  const least = bySize.slice(-3).map(show);
  return `${classes.length}: most ${most.join(", ")}; fewest ${least.join(", ")}`;
}

function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

function findingText(finding: Finding, options: TextOptions): string {
  const lines = finding.groups?.map(groupText) ?? finding.files.map(fileText);
  const limit = options.examples ?? (NAMED_IN_FULL.has(finding.id) ? lines.length : EXAMPLES);
  const shown = lines.slice(0, limit).map((line) => `    ${line}`);
  if (lines.length > limit) shown.push(`    … and ${lines.length - limit} more (--json names all)`);
  const count = finding.files.length === 0 ? "" : `${finding.count} `;
  return [
    `${MARKS[finding.severity]} ${count}${finding.title}`,
    `  ${finding.meaning}`,
    `  → ${finding.remedy}`,
    ...shown,
  ].join("\n");
}

/** A film's frames may make one group of thousands. */
function groupText(group: readonly string[]): string {
  const shown = group.slice(0, GROUP_MEMBERS).map(printable).join("  =  ");
  return group.length > GROUP_MEMBERS ? `${shown}  = … ${group.length - GROUP_MEMBERS} more` : shown;
}

function fileText({ path, detail }: Finding["files"][number]): string {
  return detail === undefined ? printable(path) : `${printable(path)}: ${printable(detail)}`;
}

/** Names of files may hold anything, terminal control sequences too. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`);
}
