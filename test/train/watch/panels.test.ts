import sharp from "sharp";
import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { renderPanels, toPixels } from "../../../src/train/watch/panels.js";

test("the official demo's clip((v·std + mean)·255), rounded; grey repeated, the fourth channel dropped", () => {
  scope(() => {
    const image = tensor(new Float32Array([0, 1, -9, 9]), [1, 1, 2, 2]);
    expect([...toPixels(image, [0.5], [0.25])]).toEqual([128, 128, 128, 191, 191, 191, 0, 0, 0, 255, 255, 255]);
    const four = tensor(
      Float32Array.from({ length: 4 }, (_, c) => c / 10),
      [1, 4, 1, 1],
    );
    expect([...toPixels(four, [0, 0, 0, 0], [1, 1, 1, 1])]).toEqual([0, 26, 51]);
  });
});

test("pictures are enlarged by whole pixels and stand where their titles say", async () => {
  const solid = (r: number, g: number, b: number, count: number): Uint8Array =>
    Uint8Array.from({ length: count * 16 * 16 * 3 }, (_, i) => [r, g, b][i % 3] ?? 0);
  const columns = [
    { title: "original", pixels: solid(255, 0, 0, 3) },
    { title: "masked", pixels: solid(0, 255, 0, 3) },
    { title: "rebuilt", pixels: solid(0, 0, 255, 3) },
  ];
  const png = await renderPanels({ count: 3, height: 16, width: 16, columns }, "a note with <signs> & more");
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([2 * (3 * 120 + 8) + 8, 26 + 2 * 120 + 24]);
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
  ];
  expect([at(60, 80), at(180, 80), at(300, 80)]).toEqual([
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
  ]);
  expect(at(60, 200)).toEqual([255, 0, 0]); // the third picture, second row
  expect(at(600, 200)).toEqual([255, 255, 255]); // no fourth one
});

test("what is hidden has stripes, and nothing else has", async () => {
  const grey = new Uint8Array(16 * 16 * 3).fill(100);
  const hidden = Uint8Array.from({ length: 256 }, (_, at) => (at % 16 < 8 ? 1 : 0)); // the left half
  const columns = [{ title: "masked", pixels: grey, hidden }];
  const png = await renderPanels({ count: 1, height: 16, width: 16, columns }, "");
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const row = Array.from({ length: 112 }, (_, x) => data[((26 + 50) * info.width + 8 + x) * 3] as number);
  expect(new Set(row.slice(0, 56))).toEqual(new Set([100, 168]));
  expect(row.slice(0, 56).filter((value) => value === 168).length / 56).toBeCloseTo(2 / 9, 1);
  expect(new Set(row.slice(56))).toEqual(new Set([100]));
});
