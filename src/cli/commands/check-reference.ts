import type { Command } from "commander";
import { exitCodes } from "../errors.js";
import type { Add } from "../options.js";

/** `lacuna check-reference <file>`: this implementation beside numbers of the official code. */
export function checkReferenceCommand(program: Command, add: Add): void {
  const command = program
    .command("check-reference")
    .summary("compare with numbers of the official MAE code")
    .description(
      "Compares loss, predictions, gradients and five steps with a file in the layout of test/reference/README.md. " +
        "Exit code 1 where a difference is above its tolerance.",
    )
    .argument("<file>", "a .safetensors file, such as test/reference/mae-small.safetensors");
  add(command, async (report, operands) => {
    const { checkReference } = await import("../../index.js");
    const parts = checkReference(operands[0] as string);
    const passed = parts.every((part) => part.passed);
    report.result({ passed, parts }, () => {
      const rows = parts.map(({ part, tensors, difference, tolerance, worst, passed: ok }) => [
        ok ? "pass" : "FAIL",
        part,
        difference.toExponential(1),
        tolerance.toExponential(0),
        `${tensors}`,
        worst,
      ]);
      report.table([["", "part", "difference", "tolerance", "tensors", "largest in"], ...rows]);
      report.line(passed ? "All parts agree." : "Not all parts agree.");
    });
    return passed ? 0 : exitCodes.failed;
  });
}
