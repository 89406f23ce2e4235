import type { z } from "zod";
import { ConfigError } from "./errors.js";
import { valueAt } from "./keys.js";

/**
 * What a schema makes of a value.
 * @param where what the value is, before the schema's own path: `data.source`
 * @throws ConfigError about the first key that is wrong
 */
export function checked<S extends z.ZodType>(schema: S, value: unknown, where = "", remedy?: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw schemaError(result.error, value, where, remedy);
}

function schemaError({ issues }: z.ZodError, value: unknown, where: string, remedy: string | undefined): ConfigError {
  const [issue] = issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const path = [where, ...issue.path].filter((key) => key !== "").join(".");
  const actual = valueAt(value, issue.path);
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  if (issue.code === "unrecognized_keys") {
    const problem = `there is no key ${issue.keys.join(" or ")}.`;
    return new ConfigError({
      problem,
      code: "unknown-key",
      path,
      expected: "keys that there are",
      actual: issue.keys,
      remedy,
    });
  }
  // Zod's own beginnings and ends: the value itself is shown, and says more than its type.
  const said = issue.message.replace(/^[A-Z][a-z ]+: (?=expected )/, "").replace(/, received [^,]*$/, "");
  return new ConfigError({
    problem: `${said}${more}, got ${JSON.stringify(actual)}.`,
    code: "config",
    path,
    expected: said.replace(/^expected /, ""),
    actual,
    remedy: hint(issue, actual) ?? remedy,
  });
}

/** A share given as a percentage is the commonest slip. */
function hint(issue: z.core.$ZodIssue, actual: unknown): string | undefined {
  const isPercent = issue.code === "too_big" && issue.maximum === 1 && typeof actual === "number" && actual <= 100;
  return isPercent ? `Did you mean ${actual / 100}?` : undefined;
}
