import { expect, test } from "vitest";
import { chartSection, comparisonPanels, type Panel, runPanels } from "../../../src/cli/html/chart.js";
import type { RunEvent } from "../../../src/runs/schema.js";
import { stepEvent } from "../../runs/example.js";

const steps = (count: number, loss: (step: number) => number): RunEvent[] =>
  Array.from({ length: count }, (_, i) => stepEvent(i + 1, { loss: loss(i + 1) }));
const heldOut = (step: number, loss: number, top1?: number): RunEvent => ({
  ...{ type: "heldOut", step, epoch: step / 10, loss, pictures: 10 },
  ...(top1 === undefined ? {} : { scores: { top1 } }),
});
const named = (panels: readonly Panel[], title: string): Panel | undefined => panels.find((one) => one.title === title);

test("a run's quantities: held-out loss beside the loss, shares for accuracies, nothing of what was not logged", () => {
  const panels = runPanels([
    { type: "probe", step: 0, name: "knn", value: 0.25, pictures: 8 },
    ...[...steps(3, (step) => 1 / step), heldOut(3, 0.5, 0.4)],
  ]);
  expect(named(panels, "loss")?.lines).toEqual([
    {
      name: "training",
      points: [
        [1, 1],
        [2, 0.5],
        [3, 0.33333],
      ],
    },
    { name: "held out", points: [[3, 0.5]] },
  ]);
  expect(named(panels, "top-1")).toEqual({
    title: "top-1",
    isShare: true,
    lines: [{ name: "top-1", points: [[3, 0.4]] }],
  });
  expect(named(panels, "k-NN accuracy")?.lines[0]?.points).toEqual([[0, 0.25]]);
  expect(named(panels, "feature rank")).toBeUndefined();
  expect(runPanels([])).toEqual([]);
});

test("long lines become means of neighbours; values that are no numbers are left out", () => {
  const points =
    named(runPanels(steps(5000, (step) => (step === 2 ? Number.NaN : step))), "loss")?.lines[0]?.points ?? [];
  expect(points).toHaveLength(1667);
  expect(points[0]).toEqual([4, Number(((1 + 3 + 4) / 3).toPrecision(5))]);
  expect(points.at(-1)?.[0]).toBe(5000);
});

test("several runs: a line each, of those that logged it", () => {
  const panels = comparisonPanels([
    { name: "a", events: [...steps(2, () => 1), heldOut(2, 0.5, 0.4)] },
    { name: "b", events: steps(4, () => 2) },
  ]);
  expect(named(panels, "loss")?.lines.map(({ name, points }) => [name, points.length])).toEqual([
    ["a", 2],
    ["b", 4],
  ]);
  expect(named(panels, "top-1")?.lines.map(({ name }) => name)).toEqual(["a"]);
});

test("the page's text ends no element early; nothing to show is no section", () => {
  expect(chartSection([])).toBeUndefined();
  const text = chartSection(comparisonPanels([{ name: "</script><b>", events: steps(2, () => 1) }]))?.text ?? "";
  expect(text.match(/<\/script>/g)).toHaveLength(1);
  const [, data = ""] = /<script type="application\/json">(.*)<\/script>/.exec(text) ?? [];
  expect((JSON.parse(data) as Panel[])[0]?.lines[0]?.name).toBe("</script><b>");
});
