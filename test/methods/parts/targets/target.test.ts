import { expect, test } from "vitest";
import { maeConfig } from "../../../../src/methods/masked/mae.js";
import { buildTarget } from "../../../../src/methods/parts/targets/build.js";
import { fitOf, patchesToFit } from "../../../../src/methods/parts/targets/target.js";

test("a method asks for pictures enough for its target's patches, or for none where nothing is fitted", () => {
  const of = (target: string) => buildTarget(maeConfig.parse({ target }), { patchSize: [4, 4], channels: 3 });
  using pixels = of("pixels");
  expect(fitOf(pixels, { patches: 16 })).toBeUndefined();
  using tokens = of("tokens");
  const fit = fitOf(tokens, { patches: 16 });
  expect([fit?.view, fit?.pictures]).toEqual(["image", patchesToFit / 16]);
  expect(fitOf(tokens, { patches: 49 })?.pictures).toBe(1338); // 65,536 / 49 = 1337.5
});
