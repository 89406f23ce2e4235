import { expect, test } from "vitest";
import { liveTensors } from "../../../src/engine/scope.js";
import { buildMethod, methods } from "../../../src/methods/index.js";
import { sketchMethod } from "../../../src/train/checkpoints/sketch.js";
import { pairs, smallEncoder, smallMethod, smallModel } from "../../methods/small.js";

const image = { imageSize: [16, 16], channels: 3 } as const;

test.each(pairs(image))("%s of %s: the names and sides of the built one, the encoder's told apart", (method, model) => {
  const before = liveTensors();
  using sketched = sketchMethod(smallMethod(method), smallModel(model), image);
  const config = methods.get(method).config.parse(smallMethod(method));
  using built = buildMethod(config, () => smallEncoder(model, image));
  const state = [...built.state()];
  expect([...sketched.shapes]).toEqual(state.map(([name, { shape }]) => [name, shape]));
  const own = [...sketched.names.values()].filter((name) => name !== undefined);
  expect(own.sort()).toEqual([...built.encoder.state().keys()].sort());
  sketched[Symbol.dispose]();
  built.close();
  expect(liveTensors()).toBe(before);
});
