import sharp from "sharp";
import { expect, test } from "vitest";
import { drawingStyle, pngOf, svgOf } from "../../src/runs/drawing.js";

test("a specification becomes an SVG in the shared style, and a PNG of twice its size", async () => {
  const svg = await svgOf({
    data: { values: [{ x: 1, y: 2 }] },
    width: 100,
    height: 50,
    mark: "point",
    encoding: { x: { field: "x", type: "quantitative", title: "across" }, y: { field: "y", type: "quantitative" } },
    config: drawingStyle,
  });
  expect(svg).toContain(">across</text>");
  expect(svg).toContain("DejaVu Sans");
  const [, width = "0"] = /<svg[^>]* width="([\d.]+)"/.exec(svg) ?? [];
  const png = await sharp(await pngOf(svg)).metadata();
  expect(png.width).toBeCloseTo(2 * Number(width), -1);
});
