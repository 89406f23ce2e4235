import { join } from "node:path";
import type { Source } from "../../data/source.js";
import { autocast } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { Method } from "../../methods/method.js";
import { alone } from "../../methods/world.js";
import type { RunEvent } from "../../runs/schema.js";
import { makeFolder, writeAtomic } from "../../runs/write-atomic.js";
import { Rng } from "../../tensor/random.js";
import { noPictures, type PixelBatch, toImages } from "../batch.js";
import type { RunConfig } from "../config.js";
import type { Pictures, Precision } from "../loop/task.js";
import { plainLoader } from "./held-out.js";
import { type Panels, reconstructionPanels, renderPanels } from "./panels.js";

const longestSeconds = 600;

/** The pictures original · masked · rebuilt that a run leaves in `previews/`: always the same pictures and masks. */
export class PreviewPictures implements Pictures {
  #due: number;
  #interval: number;
  #last = -1;
  #pictures: { view: PixelBatch; samples: number[] } | undefined;

  constructor(
    private readonly config: RunConfig,
    private readonly trainer: { readonly method: Method; readonly precision: Precision },
    private readonly folder: string | undefined,
    private readonly source: Source,
  ) {
    this.#interval = config.log.previewSeconds * 1000;
    this.#due = performance.now() + this.#interval;
  }

  async *ifDue(step: number): AsyncGenerator<RunEvent, void> {
    if (performance.now() < this.#due) return;
    yield* this.draw(step);
    this.#interval = Math.min(2 * this.#interval, longestSeconds * 1000);
    this.#due = performance.now() + this.#interval;
  }

  async *draw(step: number): AsyncGenerator<RunEvent, void> {
    const { folder, trainer } = this;
    if (step === this.#last) return;
    if (folder === undefined || this.config.log.previewPictures === 0 || trainer.method.reconstruct === undefined)
      return;
    this.#pictures ??= await this.#read();
    const panels = this.#panels(this.#pictures, step);
    if (panels === undefined) return;
    const note = `step ${step}; ${trainer.method.pictureNote?.() ?? ""}`;
    makeFolder(join(folder, "previews"));
    const path = join("previews", `step-${String(step).padStart(8, "0")}.png`);
    writeAtomic(join(folder, path), await renderPanels(panels, note));
    this.#last = step;
    yield { type: "preview", step, path, note };
  }

  #panels({ view, samples }: { view: PixelBatch; samples: number[] }, step: number): Panels | undefined {
    const { mean, std } = this.config.data;
    return scope(() => {
      const images = toImages(view, mean, std, this.config.device); // [B C H W]
      const rng = new Rng(this.config.seed, "preview", 0, samples);
      const at = { index: step, epoch: 0, progress: 0, rng, world: alone };
      return autocast(
        this.trainer.precision,
        () => reconstructionPanels(this.trainer.method, images, { step: at, mean, std }),
        this.config.device,
      );
    });
  }

  /** The first pictures of the source; copied, since a loader's memory is used again. */
  async #read(): Promise<{ view: PixelBatch; samples: number[] }> {
    const loader = plainLoader(
      { ...this.config, data: { ...this.config.data, workers: 0 } },
      this.source,
      Math.min(this.config.log.previewPictures, this.source.size),
    );
    try {
      for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
        const image = batch.views["image"];
        if (image !== undefined)
          return { view: { ...image, data: image.data.slice() }, samples: Array.from(batch.samples) };
      }
    } finally {
      await loader.close();
    }
    throw noPictures();
  }
}
