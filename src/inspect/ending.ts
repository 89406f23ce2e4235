/** How a run ended, which no curve says: it failed, was stopped, or was killed. */
import type { RunEvent, RunStatus } from "../runs/schema.js";
import type { Finding } from "./finding.js";

/** How a run ended, where it did not end by itself. */
export interface Ending {
  readonly kind: "failed" | "stopped" | "killed";
  /** `at step 40 of 300` */
  readonly place: string;
  /** Of a failure: what the program said. */
  readonly message: string;
}

/** @param state as `openRun` says it: events alone do not tell a killed run from one under way */
export function endingOf(
  events: readonly RunEvent[],
  planned: number | undefined,
  state: RunStatus | "killed" | undefined,
): Ending | undefined {
  const step = events.at(-1)?.step ?? 0;
  const place = `at step ${step}${planned === undefined ? "" : ` of ${planned}`}`;
  const last = events.findLast(({ type }) => type === "end" || type === "start");
  if (last?.type !== "end") return state === "killed" ? { kind: "killed", place, message: "" } : undefined;
  if (last.reason === "finished") return undefined;
  const kind = last.reason === "failed" ? "failed" : "stopped";
  return { kind, place, message: kind === "failed" ? (last.message ?? "") : "" };
}

/** The ending is what one has to hear first; what the curves say stands behind it. */
export function endedAs({ kind, place, message }: Ending, found: Finding): Finding {
  const goOn =
    kind === "failed"
      ? "Mend what it names, then go on from the last checkpoint: lacuna resume <run>."
      : "Nothing up to the last checkpoint is lost: go on with lacuna resume <run>.";
  const isWell = found.status === "normal" || found.status === "too-early";
  const said = message === "" ? "" : `: ${message.split("\n")[0]?.replace(/\.$/, "")}`;
  const ended = kind === "stopped" ? "was stopped" : kind === "killed" ? "was killed" : "failed";
  const headline = `The run ${ended} ${place}${said}.`;
  if (!isWell) return { ...found, headline: `${headline} ${found.headline}`, causes: [...found.causes, goOn] };
  const before = found.status === "normal" ? [`Before that: ${found.headline}`] : [];
  return { status: kind === "failed" ? "failed" : "stopped", headline, causes: [goOn, ...before] };
}
