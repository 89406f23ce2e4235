/** How far a measurement is, in a line. */
import type { Source } from "../../index.js";
import type { Measure, MeasureProgress } from "../../public/evaluate.js";
import type { Live } from "../report.js";
import { whole } from "../words.js";

/** Shows how far a measurement is. */
export function showMeasuring(live: Pick<Live, "begin" | "update">): (progress: MeasureProgress) => void {
  return (progress) => {
    if (progress.stage === "classify") {
      const { encoder, measures, k } = progress;
      live.begin(`${encoder}: ${measures.map((which) => titleOf(which, k)).join(", ")} …`);
      return;
    }
    const { encoder, side, done, total } = progress;
    const what = side === "train" ? "features to learn from" : "features to judge";
    live.update(done / total, `${encoder}: ${what}: ${whole(done)} of ${whole(total)} pictures`);
  };
}

function titleOf(which: Measure, k: number): string {
  return which === "knn" ? `${k}-NN` : "linear probe";
}

/** Shows how many pictures of a source are done. */
export function showShare(live: Pick<Live, "update">, { size }: Pick<Source, "size">): (share: number) => void {
  return (share) => live.update(share, `${whole(share * size)}/${whole(size)} pictures`);
}
