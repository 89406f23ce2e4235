/** What to do about a run that waits for its pictures. */
import type { AnyConfig } from "../../public/train.js";
import { percent } from "../words.js";

/** Below this share of the time nothing is worth doing. */
const muchWaiting = 0.1;

type Data = Pick<AnyConfig["data"], "source" | "workers" | "jpeg">;

/** A line of advice; undefined where little is waited. @param share of the time, over steps enough to tell */
export function waitAdvice(
  share: number,
  { source, workers, jpeg }: Data,
  { cores, hasJpegs }: { readonly cores: number; readonly hasJpegs: boolean },
): string | undefined {
  if (!(share > muchWaiting)) return undefined;
  const remedies: string[] = [];
  if (source.kind === "folder" || source.kind === "list") {
    remedies.push(
      `pack the pictures once (lacuna data pack ${source.path} --out <folder>) and train on packed:<folder>`,
    );
    if (hasJpegs && jpeg !== "scaled") remedies.push("for photographs much larger than the crops, --data.jpeg=scaled");
  }
  if (typeof workers === "number" && workers < cores) remedies.push(`more threads (--data.workers=${cores})`);
  if (remedies.length === 0) remedies.push("a faster disk, or a machine with more cores");
  return `${percent(share, 0)} of the time is spent waiting for data. What helps: ${remedies.join("; ")}.`;
}
