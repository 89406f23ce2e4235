import { expect, test } from "vitest";
import { drawOverlaid } from "../../src/inspect/overlay.js";
import { palette } from "../../src/runs/drawing.js";
import type { RunEvent } from "../../src/runs/schema.js";
import { startEvent, stepEvent } from "../runs/example.js";

/** Of a constant loss, so that its line is level. */
function level(loss: number, count = 100): RunEvent[] {
  const steps = Array.from({ length: count }, (_, i) => stepEvent(i + 1, { loss, gradNorm: null }));
  return [startEvent(), ...steps];
}

function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1] as string);
}

/** Points of the first line in a colour. */
function points(svg: string, colour: string | undefined): [number, number][] {
  const paths = [...svg.matchAll(/<path[^>]*\bd="([^"]+)"[^>]*stroke="(#[0-9a-f]+)"/g)];
  const long = paths.filter(([, d = "", stroke]) => stroke === colour && d.length > 200)[0]?.[1] ?? "";
  return [...long.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map((match) => [Number(match[1]), Number(match[2])]);
}

test("each run has a line of its own colour at its own height, and its name in the legend", async () => {
  const runs = [
    { name: "low", events: level(1) },
    { name: "high <b>", events: level(2, 50) },
  ];
  const svg = (await drawOverlaid(runs, "two")) ?? "";
  expect(texts(svg)).toEqual(expect.arrayContaining(["two", "low", "high &lt;b&gt;", "loss, smoothed"]));
  const [low, high] = [points(svg, palette[0]), points(svg, palette[1])];
  expect(low).toHaveLength(100);
  expect(high).toHaveLength(50);
  expect(high[0]?.[1]).toBeLessThan(low[0]?.[1] as number); // up the page
  expect(high.at(-1)?.[0]).toBeCloseTo(410, 0); // half as many steps end in the middle of 820 px
  expect(texts(svg)).not.toContain("gradient norm (L2), smoothed"); // nothing was logged
});

test("probes and held-out losses have panels, with what each run has", async () => {
  const probed: RunEvent[] = [
    ...level(1),
    { type: "probe", step: 100, name: "knn", value: 0.5 },
    { type: "heldOut", step: 101, epoch: 1, loss: 1.25 },
  ];
  const svg =
    (await drawOverlaid([
      { name: "a", events: probed },
      { name: "b", events: level(1.5) },
    ])) ?? "";
  expect(texts(svg)).toEqual(expect.arrayContaining(["k-NN accuracy", "held-out loss"]));
  expect(texts(svg)).not.toContain("linear probe accuracy");
});

test("more runs than colours are told by dashes; without a step there is no picture", async () => {
  const many = Array.from({ length: palette.length + 1 }, (_, i) => ({ name: `run ${i}`, events: level(1 + i) }));
  expect(await drawOverlaid(many)).toContain('stroke-dasharray="7,3"');
  expect(await drawOverlaid(many.slice(0, -1))).not.toContain('stroke-dasharray="7,3"');
  expect(await drawOverlaid([{ name: "none", events: [startEvent()] }])).toBeUndefined();
});
