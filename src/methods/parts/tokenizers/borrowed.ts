import { z } from "zod";
import { ConfigError } from "../../../errors.js";
import type { TrainedRun } from "../../method.js";

const written = "written by the run, from the other's own";

/** Options of a part that comes from a run that was trained before. @param what such a run must be */
export function borrowedFields(what: string) {
  return {
    run: z.string().min(1).describe(what),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("SHA-256 of its weights: written by the run, checked where it is given"),
    method: z.record(z.string(), z.unknown()).optional().describe(written),
    model: z.record(z.string(), z.unknown()).optional().describe(written),
  };
}

/** What `borrowedFields` give. */
export interface BorrowedConfig {
  readonly run: string;
  readonly hash?: string | undefined;
  readonly method?: Readonly<Record<string, unknown>> | undefined;
  readonly model?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The same with what the run says of itself.
 * @param path of the part in the configuration: "method.tokenizer"
 * @param check @throws where the run is none that the part can come from
 * @throws ConfigError where its weights are not those of the hash
 */
export function resolveBorrowed<C extends BorrowedConfig>(
  config: C,
  read: (run: string) => TrainedRun,
  path: string,
  check: (found: TrainedRun) => void = () => undefined,
): C {
  if (config.hash !== undefined && config.model !== undefined) return config;
  const found = read(config.run);
  check(found);
  const { hash, method, model } = found;
  if (config.hash === undefined || config.hash === hash)
    return { ...config, run: found.path, hash, ...(method && { method }), model };
  const [what] = path.split(".").slice(-1);
  throw new ConfigError({
    problem: `the ${what}'s weights have the SHA-256 ${hash}, the configuration asks for ${config.hash}.`,
    code: "hash",
    path: `${path}.hash`,
    expected: config.hash,
    actual: hash,
    remedy: `Get the run that is meant, or leave ${path}.hash out.`,
  });
}
