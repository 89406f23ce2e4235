import type { Source } from "../../data/source.js";
import type { Trainer, Training } from "../trainer.js";
import type { LoopConfig, Pictures } from "./task.js";

/** A kind of run: how its configuration is read, and what it trains. */
export interface TaskSpec<C extends LoopConfig> {
  /** `task` in run.json's config; pre-training's has none. */
  readonly name: string;
  /** @throws ConfigError */
  parse(input: unknown): C;
  openSource(config: C): Promise<Source>;
  /** Held-out pictures with what the task needs of them besides pixels; as they are if absent. */
  complete?(config: C, heldOut: Source): Source;
  /** The config with what was chosen written into it, since run.json says what was used. */
  settle(config: C, source: Source): C;
  /** What is trained, its weights not yet initialised. @throws ConfigError */
  training(config: C, source: Source): Training;
  /** Copies weights from elsewhere in, where the configuration names some. */
  load?(config: C, training: Training): void;
  /** @throws ConfigError where the held-out pictures do not fit those that are learned from */
  accept?(config: C, heldOut: Source, source: Source): void;
  /** What it draws; nothing if absent. */
  pictures?(config: C, trainer: Trainer, folder: string | undefined, source: Source): Pictures;
}
