import { expect, test } from "vitest";
import { centred, extremes, recordedLayers, smallPanel, spreadOf, thin } from "../../../src/runs/curves/panels.js";

const points = (values: readonly number[]) => values.map((value, i) => ({ step: i + 1, value }));

test("bands stand at the middle of their windows", () => {
  expect(
    centred([
      [5, 1, 2, 3],
      [15, 1, 1, 1],
    ]),
  ).toEqual([
    [3, 1, 2, 3],
    [10.5, 1, 1, 1],
  ]);
  expect(centred(undefined)).toBeUndefined();
});

test("recorded runs are a band and a dashed line behind, and end with the run", () => {
  expect(recordedLayers(undefined, {}, 10, 4)).toEqual([]);
  const layers = recordedLayers([[5, 1, 2, 3]], { field: "value" }, 10, 4) as { mark: { type: string } }[];
  expect(layers.map(({ mark }) => mark.type)).toEqual(["area", "line"]);
  const panel = smallPanel(points([1, 2]), 2, {
    title: "x",
    format: "~g",
    recorded: [
      [1, 1, 1, 1],
      [9, 1, 1, 1],
    ],
  });
  const [area] = panel["layer"] as { data: { values: unknown[] } }[];
  expect(area?.data.values).toHaveLength(1);
});

test("uncertain values have bars, and a second line is dashed below them", () => {
  const panel = smallPanel(points([1, 2]), 2, {
    title: "x",
    format: "~g",
    bars: [{ step: 1, low: 0.5, high: 1.5 }],
    beside: points([0.8, 1.8]),
    note: "bars: 95 %",
  });
  const marks = (panel["layer"] as { mark: { type: string; strokeDash?: number[] } }[]).map(({ mark }) => mark);
  expect(marks.map(({ type }) => type)).toEqual(["rule", "line", "line"]);
  expect(marks[1]?.strokeDash).toBeDefined();
  expect(panel["title"]).toMatchObject({ text: "x", subtitle: "bars: 95 %" });
});

test("few points of many: the last one stays, and so does a spike", () => {
  const many = points(Array.from({ length: 5000 }, (_, i) => (i === 1234 ? 50 : 1)));
  expect(thin(many).at(-1)?.step).toBe(5000);
  expect(thin(many).length).toBeLessThanOrEqual(1000);
  expect(extremes(many).some(({ value }) => value === 50)).toBe(true);
  expect(spreadOf(many)).toBe(50);
});
