import { readFileSync } from "node:fs";
import { basename } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { drawCurves, writeCurves } from "../../../src/runs/curves/curves.js";
import { pngOf } from "../../../src/runs/drawing.js";
import type { RunEvent } from "../../../src/runs/schema.js";
import { RunWriter } from "../../../src/runs/writer.js";
import { exampleRun, startEvent, stepEvent, temporaryFolders } from "../example.js";

const newFolder = temporaryFolders();

function healthy(count: number): RunEvent[] {
  const steps = Array.from({ length: count }, (_, i) => stepEvent(i + 1, { loss: 0.6 + 1 / (1 + i / 20) }));
  return [startEvent(), ...steps, { type: "heldOut", step: count, epoch: 1, loss: 0.7 }];
}

/** The texts of an SVG, in order. */
function texts(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1] as string);
}

/** The longest path drawn in a colour, as its points. */
function points(svg: string, colour: string): [number, number][] {
  const paths = [...svg.matchAll(/<path[^>]*\bd="([^"]+)"[^>]*stroke="(#[0-9a-f]+)"/g)].filter(
    (match) => match[2] === colour,
  );
  const longest = paths.map((match) => match[1] as string).sort((a, b) => b.length - a.length)[0] ?? "";
  return [...longest.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map((match) => [Number(match[1]), Number(match[2])]);
}

test("all curves are there, named, with their units", async () => {
  const svg = await drawCurves(healthy(300), { title: "my <run>", subtitle: "lacuna pretrain", baseline: 0.98 });
  const named = [
    "my &lt;run&gt;",
    "loss",
    "held out",
    "smoothed",
    "each step",
    "predicting the mean",
    "optimiser steps",
  ];
  const panels = ["learning rate", "gradient norm (L2)", "images per second"];
  expect(texts(svg)).toEqual(expect.arrayContaining([...named, ...panels]));
  expect(svg.includes("NaN")).toBe(false);
  const line = points(svg, "#1f4e96");
  expect(line).toHaveLength(300);
  expect(line[0]?.[1]).toBeLessThan(line.at(-1)?.[1] as number); // down the page is down the loss
  expect(line.at(-1)?.[0]).toBeCloseTo(820, 0);
});

test("a long run stays small, and a single spike stays in sight", async () => {
  const events = healthy(20_000);
  events[15_000] = stepEvent(15_000, { loss: 5 });
  const svg = await drawCurves(events, { title: "long" });
  expect(svg.length).toBeLessThan(300_000);
  const heights = points(svg, "#a9c4e6").map(([, y]) => y);
  const spike = Math.min(...heights.slice(600));
  expect(spike).toBeLessThan(30);
});

test("a loss that is no number is marked where it begins, and gradients far apart get a log scale", async () => {
  const events = healthy(100).map((event) =>
    event.type === "step" && event.step > 60 ? { ...event, loss: Number.NaN, gradNorm: 1e6 } : event,
  );
  const svg = await drawCurves(events, { title: "broken" });
  expect(texts(svg)).toContain("not a number from step 61 on");
  expect(texts(await drawCurves(healthy(100), { title: "whole" })).join()).not.toContain("not a number");
  const spike = [...healthy(100), stepEvent(101, { gradNorm: 900 })];
  expect(texts(await drawCurves(spike, { title: "spike" }))).toContain("gradient norm (L2, log scale)");
});

test.each([
  ["no event", []],
  ["one step", [stepEvent(1)]],
  [
    "no gradient norm, no time",
    [1, 2, 3].map((step) => stepEvent(step, { gradNorm: null, seconds: 0, waitSeconds: 0 })),
  ],
  [
    "only what is no number",
    [1, 2].map((step) => stepEvent(step, { loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY })),
  ],
  ["a flat loss", [1, 2, 3].map((step) => stepEvent(step, { loss: 1 }))],
  ["losses below zero", [1, 2, 3].map((step) => stepEvent(step, { loss: -step }))],
] as [string, RunEvent[]][])("%s still gives a picture", async (_, events) => {
  const svg = await drawCurves(events, { title: "odd" });
  expect(texts(svg)).toContain("optimiser steps");
  expect(svg.match(/NaN|Infinity/)).toBeNull();
});

test("the files lie in the run folder, the PNG on white and not empty", async () => {
  const folder = newFolder();
  const writer = await RunWriter.create(folder, exampleRun());
  for (const event of healthy(50)) writer.append(event);
  await writer.close();
  const { svg, png } = await writeCurves(folder);
  expect(texts(readFileSync(svg, "utf8"))).toContain(basename(folder)); // the run's name
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect([info.channels, info.width > 1600, [...data.subarray(0, 3)]]).toEqual([3, true, [255, 255, 255]]);
  const { channels } = await sharp(png).stats();
  expect(channels[0]?.stdev).toBeGreaterThan(5);
  expect(Buffer.compare(await pngOf(readFileSync(svg, "utf8")), readFileSync(png))).toBe(0);
});
