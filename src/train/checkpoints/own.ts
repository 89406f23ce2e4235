/** Encoders of runs of ours, whatever their model and method: their configuration says what they are, and no name has to. */
import type { Encoder } from "../../models/encoder.js";
import { Checkpoint } from "../checkpoint.js";
import { modelFile } from "./from-checkpoint.js";
import { isOwn } from "./load.js";

/** The name of a configuration's model. */
function modelOf(config: unknown): string | undefined {
  return (config as { model?: { name?: string } } | null)?.model?.name;
}

/**
 * The checkpoint of a run whose model no other layout holds; undefined for a ViT, which is read like everybody's, and for files
 * of others. Close it. @throws CheckpointError, FormatError
 */
export function openOwn(runOrFile: string): Checkpoint | undefined {
  const path = modelFile(runOrFile);
  if (!isOwn(path)) return undefined;
  const checkpoint = Checkpoint.open(path);
  if (modelOf(checkpoint.config) !== "vit") return checkpoint;
  checkpoint.close();
  return undefined;
}

/**
 * Copies a run's encoder in; it stands at the top of the method's names, or below `encoder.`.
 * @throws CheckpointError naming what is missing or of another shape, before anything is changed
 */
export function loadOwnEncoder(checkpoint: Checkpoint, encoder: Encoder): void {
  const state = encoder.state();
  const isBelow = [...state.keys()].some((name) => checkpoint.has(`encoder.${name}`));
  checkpoint.loadModelPart(state, isBelow ? "encoder." : "");
}
