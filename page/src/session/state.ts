/** All that the page shows. A state is never changed; a new one takes its place. */

import type { Picture } from "../../../src/data/resample.js";
import type { PageDescription } from "../../../src/page/description.js";
import type { Draw } from "../mask/draw.js";
import type { Grid, Mask } from "../mask/grid.js";
import type { Engine, Filled } from "../model/messages.js";

/** What a stroke does; "switch" does to all of it the opposite of what its first patch was. */
export type Tool = "switch" | "hide" | "reveal";

/** An answer of the model, with what it is an answer to. */
export interface Answered extends Filled {
  readonly picture: Picture;
  readonly mask: Mask;
}

export interface State {
  readonly description: PageDescription;
  readonly grid: Grid;
  /** Share of the model that has arrived; 1 once it computes. */
  readonly progress: number;
  readonly engine: Engine | undefined;
  /** Why nothing more can be done. */
  readonly failure: string | undefined;
  /** Something to tell once, for instance that a file is no picture. */
  readonly notice: string | undefined;
  readonly picture: Picture | undefined;
  readonly pictureName: string;
  /** Number of the example that is open; undefined for a picture of one's own. */
  readonly example: number | undefined;
  readonly mask: Mask;
  readonly past: readonly Mask[];
  readonly draw: Draw;
  readonly tool: Tool;
  /** Side of the brush in patches. */
  readonly brush: number;
  readonly everywhere: boolean;
  readonly statistics: "true" | "interpolated";
  readonly answer: Answered | undefined;
  readonly isBusy: boolean;
  /** The patch that the keyboard or the pointer is at. */
  readonly cell: number;
  /** Undefined: attention is not shown. */
  readonly attention: { readonly head: number | undefined } | undefined;
  readonly features: Float32Array | undefined;
  readonly exampleFeatures: Float32Array | undefined;
  /** For the live region: the last thing that happened. */
  readonly said: string;
}
