import type { Command } from "commander";
import type { ReferencePart } from "../../public/train.js";
import { exitCodes } from "../errors.js";
import type { Add } from "../options.js";
import type { Report } from "../report.js";

interface Checked {
  readonly file: string;
  readonly passed: boolean;
  readonly parts: readonly ReferencePart[];
}

/** `lacuna check-reference <files>`: this implementation beside numbers of official code. */
export function checkReferenceCommand(program: Command, add: Add): void {
  const command = program
    .command("check-reference")
    .summary("compare with numbers of a method's official code")
    .description(
      "Compares loss, gradients and some steps of a method with files in the layout of test/reference/README.md, each of " +
        "which says how far off a number may be. Exit code 1 where one is farther.",
    )
    .argument("<files...>", ".safetensors files, such as test/reference/mae-small.safetensors");
  add(command, async (report, operands) => {
    const { checkReference } = await import("../../public/train.js");
    const files = operands as string[];
    const checked = files.map((file): Checked => {
      const parts = checkReference(file);
      return { file, passed: parts.every((part) => part.passed), parts };
    });
    const passed = checked.every((one) => one.passed);
    const parts = checked.flatMap((one) => one.parts.map((part) => ({ file: one.file, ...part })));
    report.result({ passed, parts }, () => {
      for (const one of checked) print(report, one, checked.length > 1);
      report.line(passed ? "All parts agree." : "Not all parts agree.");
    });
    return passed ? 0 : exitCodes.failed;
  });
}

function print(report: Report, { file, parts }: Checked, isNamed: boolean): void {
  if (isNamed) report.line(file);
  const rows = parts.map(({ part, tensors, difference, tolerance, worst, passed }) => [
    passed ? "pass" : "FAIL",
    part,
    difference.toExponential(1),
    tolerance.toExponential(1),
    `${tensors}`,
    worst,
  ]);
  report.table([["", "part", "difference", "tolerance", "tensors", "largest in"], ...rows]);
}
