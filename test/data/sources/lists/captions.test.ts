import { expect, test } from "vitest";
import type { Source } from "../../../../src/data/source.js";
import { captionsText, withCaptions } from "../../../../src/data/sources/lists/captions.js";

const source = (rest: Partial<Source>): Source => ({
  spec: { kind: "list", path: "x", part: "all", holdOut: 0, seed: 0 },
  size: 3,
  fingerprint: "f",
  classes: undefined,
  labels: undefined,
  name: (i) => `${i}.png`,
  content: { kind: "files", root: "/x", paths: ["0.png", "1.png", "2.png"] },
  ...rest,
});
const classed = { classes: ["black_cat", "dog"], labels: Int32Array.of(0, -1, 1) };

test("pictures without a caption are left out; a source whose pictures all have one loses none", () => {
  const some = withCaptions(source({ captions: ["a cat", "", "two dogs"] }));
  expect([some?.captions, some?.size, some?.name(1)]).toEqual([["a cat", "two dogs"], 2, "2.png"]);
  expect(withCaptions(source({ captions: ["a", "b", "c"] }))?.size).toBe(3);
});

test("where nobody wrote captions they are made of the class names, and said to be", () => {
  const made = withCaptions(source(classed));
  expect(made?.captions).toEqual(["a photo of a black cat.", "a photo of a dog."]);
  expect(captionsText(made as Source)).toBe('made of the class names: "a photo of a black cat."');
  expect(captionsText(source({ ...classed, captions: ["x", "y", "x"] }))).toBe('2 different ones, such as "x"');
});

test("captions of one's own come before classes; without either there is nothing", () => {
  expect(withCaptions(source({ ...classed, captions: ["x", "y", "z"] }))?.captions).toEqual(["x", "y", "z"]);
  expect(withCaptions(source({}))).toBeUndefined();
});
