/** Whether a file holds all of a model, in the sides that the model has: asked of the model itself, without its memory. */
import { CheckpointError } from "../../engine/errors.js";
import { onDevice } from "../../nn/parameter.js";
import type { Encoder, ImageShape } from "../encoder.js";
import { buildEncoder, models } from "../index.js";
import { type Described, type Reading, unknownName } from "./layout.js";
import type { Tensors } from "./tensors.js";

/** The encoder that a configuration describes, on the device `meta`, where its tensors are shapes alone. Close it. */
export function sketch(model: Described, image: ImageShape): Encoder {
  return onDevice("meta", () => buildEncoder(models.get(model.name).config.parse(model), image));
}

/**
 * @returns the tensors in the order of the model's state, the classifier's behind them
 * @throws CheckpointError naming what is missing, unknown or of other sides @throws ConfigError for sizes that no model has
 */
export function checkReading(reading: Reading, path: string): Tensors {
  using encoder = sketch(reading.model, reading.image);
  const wanted = new Map([...encoder.state()].map(([name, { shape }]) => [name, shape]));
  for (const name of reading.optional ?? []) if (!reading.tensors.has(name)) wanted.delete(name);
  const { classifier } = reading;
  if (classifier !== undefined)
    wanted.set("head.weight", [classifier.classes, encoder.width]).set("head.bias", [classifier.classes]);
  const own = encoder.state();
  for (const name of reading.tensors.keys()) {
    if (own.has(name) || wanted.has(name)) continue;
    if (!/^fc_norm\./.test(name)) throw unknownName(path, name, "this model");
    wanted.set("fc_norm.weight", [encoder.width]).set("fc_norm.bias", [encoder.width]);
  }
  checkShapes(reading.tensors, wanted, path);
  const order = [...own.keys(), "fc_norm.weight", "fc_norm.bias", "head.weight", "head.bias"];
  return new Map(order.map((name) => [name, reading.tensors.get(name)] as const).filter(isThere));
}

function isThere<T>(entry: readonly [string, T | undefined]): entry is [string, T] {
  return entry[1] !== undefined;
}

/** @throws CheckpointError naming what is missing or of other sides */
export function checkShapes(tensors: Tensors, wanted: ReadonlyMap<string, readonly number[]>, path: string): void {
  const missing = [...wanted.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    throw new CheckpointError({
      problem: `${missing.length} tensors are missing (${missing.slice(0, 4).join(", ")}).`,
      code: "names",
      path,
      expected: missing,
      actual: "none of them",
      remedy: "The file is of another architecture, or not whole.",
    });
  }
  for (const [name, sides] of wanted) {
    const own = tensors.get(name)?.shape ?? [];
    if (own.length === sides.length && own.every((side, i) => side === sides[i])) continue;
    throw new CheckpointError({
      problem: `${name} has shape [${own.join(" ")}], the others ask for [${sides.join(" ")}].`,
      code: "shape",
      path,
      expected: sides,
      actual: own,
    });
  }
}
