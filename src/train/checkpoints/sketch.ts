/** A method and its encoder on the device `meta`, where tensors are shapes alone: which names and sides a whole model has. */
import { buildMethod, methods } from "../../methods/index.js";
import type { Method } from "../../methods/method.js";
import type { ImageShape } from "../../models/encoder.js";
import { buildEncoder, models } from "../../models/index.js";
import type { Described } from "../../models/published/layout.js";
import { onDevice } from "../../nn/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";

/** What a method's state holds: the tensors of the encoder that it keeps, and the rest. Close it. */
export interface Sketch extends Disposable {
  readonly method: Method;
  /** Name in the method's state -> name in the encoder's; undefined for what is not the encoder's. */
  readonly names: ReadonlyMap<string, string | undefined>;
  /** Sides by the name in the method's state. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** @throws ConfigError where the configurations are none, or do not fit together */
export function sketchMethod(method: Described, model: Described, image: ImageShape): Sketch {
  const [ofMethod, ofModel] = [
    methods.get(method.name).config.parse(method),
    models.get(model.name).config.parse(model),
  ];
  const built = onDevice("meta", () => buildMethod(ofMethod, () => buildEncoder(ofModel, image)));
  const own = new Map<Tensor, string>([...built.outcome.state()].map(([name, tensor]) => [tensor, name]));
  const state = [...built.state()];
  return {
    method: built,
    names: new Map(state.map(([name, tensor]) => [name, own.get(tensor)])),
    shapes: new Map(state.map(([name, { shape }]) => [name, shape])),
    [Symbol.dispose]: () => built.close(),
  };
}
