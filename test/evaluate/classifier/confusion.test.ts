import sharp from "sharp";
import { expect, test } from "vitest";
import type { Source } from "../../../src/data/source.js";
import { drawConfusion, drawMistakes, mistakesOf } from "../../../src/evaluate/classifier/confusion.js";

test("every count that is not zero stands in the matrix, white on dark", async () => {
  const svg = await drawConfusion(
    [
      [17, 0],
      [4, 23],
    ],
    ["cat", "dog"],
    "a title",
  );
  for (const text of [
    "17",
    "4",
    "23",
    "cat",
    "dog",
    "a title",
    "a row is a true class, a column a predicted one; what is framed is right",
  ])
    expect(svg).toContain(`>${text}<`);
  expect(svg).not.toContain(">0<");
});

test("names are whole however long, and the diagonal is framed", async () => {
  const names = [
    "Ambystoma mexicanum, wild type, dorsal view, adult",
    "Ambystoma mexicanum, leucistic, dorsal view, adult",
    "c",
  ];
  const svg = await drawConfusion(
    names.map((_, row) => names.map((__, column) => row + column)),
    names,
    "t",
  );
  for (const name of names) expect(svg.split(`>${name}<`)).toHaveLength(3); // at both axes
  expect(svg.match(/stroke="#b45309"/g)).toHaveLength(3);
});

test("of more than forty classes those that are confused most are drawn", async () => {
  const names = Array.from({ length: 50 }, (_, label) => `class${label}`);
  const confusion = names.map((_, row) => names.map((__, column) => (column === (row < 45 ? row : 5) ? 3 : 0)));
  const svg = await drawConfusion(confusion, names, "t");
  expect(svg).toContain("the 40 of 50 classes that are confused most");
  for (const label of [5, 45, 49]) expect(svg).toContain(`>class${label}<`);
  expect(svg).not.toContain(">class44<");
});

const picture = (sample: number, label: number, ...probabilities: number[]) => ({
  sample,
  label,
  probabilities: Float32Array.from(probabilities),
});

test("mistakes: the most confident first, and no right answers", () => {
  const pictures = [
    picture(0, 0, 0.75, 0.25),
    picture(1, 1, 0.625, 0.375),
    picture(2, 0, 0.125, 0.875),
    picture(3, 1, 0.625, 0.375),
  ];
  expect(mistakesOf(pictures, 2)).toEqual([
    { sample: 2, truth: 0, predicted: 1, probability: 0.875 },
    { sample: 1, truth: 1, predicted: 0, probability: 0.625 },
  ]);
});

test("the sheet has the picture of each mistake at its place; none without mistakes", async () => {
  const data = new Uint8Array(new SharedArrayBuffer(2 * 8 * 8 * 3)).fill(200, 0, 8 * 8 * 3); // light, then black
  const content = { kind: "pixels", data, height: 8, width: 8, channels: 3 } as const;
  const source = {
    spec: { kind: "cifar10", split: "test" },
    size: 2,
    fingerprint: "",
    classes: ["<a> & b", "c"],
    labels: Int32Array.of(0, 1),
    name: String,
    content,
  } as unknown as Source;
  const mistakes = [1, 0].map((sample) => ({ sample, truth: sample, predicted: 1 - sample, probability: 0.9 }));
  const png = (await drawMistakes(mistakes, source, source.classes ?? [])) as Buffer;
  const { data: pixels, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number => pixels[(y * info.width + x) * info.channels] as number;
  expect(at(84, 84)).toBe(0);
  expect(at(240, 84)).toBe(200);
  expect(await drawMistakes([], source, [])).toBeUndefined();
});
