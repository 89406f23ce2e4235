/** How errors become a line and an exit code. */
import { LacunaError } from "../errors.js";

/** Exit codes of every command. Signals keep the shell's numbers, so that a saved run is told from a failed one. */
export const exitCodes = { failed: 1, usage: 2, hungUp: 129, interrupted: 130, terminated: 143 } as const;

/** Something on the command line itself: exit code 2. */
export class UsageError extends LacunaError {}

/** What went wrong first: closing what was open may have failed after it, which JavaScript puts around it. */
function firstOf(error: unknown): unknown {
  const isSecond = error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
  return isSecond ? firstOf(error.suppressed) : error;
}

/** `ConfigError in data.batchSize: expected …`: an error without its stack. */
export function errorText(thrown: unknown): string {
  const error = firstOf(thrown);
  if (!(error instanceof Error)) return `Error: ${String(error)}`;
  const name = error.name === "ZodError" ? "ConfigError" : error.name;
  const message = error.name === "ZodError" ? zodMessage(error) : error.message;
  return message.startsWith("in ") ? `${name} ${message}` : `${name}: ${message}`;
}

function zodMessage(error: Error): string {
  const [issue] = (error as Error & { issues?: { path: PropertyKey[]; message: string }[] }).issues ?? [];
  return issue === undefined ? error.message : `in ${issue.path.join(".") || "the value"}: ${issue.message}.`;
}

/** The same as data, for --json. */
export function errorData(thrown: unknown): Record<string, unknown> {
  const error = firstOf(thrown);
  if (error instanceof LacunaError) return { error: error.toJSON() };
  const { name, code, path, message } = error as Record<string, unknown>;
  return { error: { name: name ?? "Error", code, path, message: message ?? String(error) } };
}

/** What the library finds wrong with an option, by the errors' codes: exit code 2 as well. */
const usageCodes: ReadonlySet<unknown> = new Set(["changed-run", "mask", "partial", "ratio"]);

export function exitCodeOf(thrown: unknown): number {
  const error = firstOf(thrown);
  const isUsage =
    error instanceof UsageError || (error instanceof Error && "code" in error && usageCodes.has(error.code));
  return isUsage ? exitCodes.usage : exitCodes.failed;
}
