import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSource } from "../../../src/data/source.js";
import { evaluateClassifier, writeEvaluation } from "../../../src/evaluate/classifier/evaluate.js";
import { loadClassifier } from "../../../src/finetune/load.js";
import { openRun } from "../../../src/runs/reader.js";
import { makePictures, temporaryFolder } from "../../cli/terminal.js";
import { trainedClassifier } from "../../finetune/example.js";

test("scores of a run's classifier are those that the run had; files and the sheet of mistakes", async () => {
  const folder = temporaryFolder();
  const { run, photos } = await trainedClassifier(folder);
  const last = openRun(run).events.findLast((event) => event.type === "heldOut");
  using classifier = loadClassifier(run);
  const source = await openSource({ kind: "folder", path: photos });
  const shares: number[] = [];
  const evaluation = await evaluateClassifier(classifier, source, { onBatch: (share) => shares.push(share) });
  expect(evaluation.scores.top1).toBeCloseTo(last?.scores?.["top1"] ?? -1, 6);
  expect(evaluation.pictures).toHaveLength(12);
  expect(shares.at(-1)).toBe(1);
  const out = join(folder, "evaluation");
  const { files, mistakes } = await writeEvaluation(out, evaluation, source, 3);
  expect(files).toContain(join(out, "confusion.png"));
  const written = JSON.parse(readFileSync(join(out, "scores.json"), "utf8"));
  expect(written).toMatchObject({ classes: ["apple", "bee", "cat"], pictures: 12, top1: evaluation.scores.top1 });
  expect(written.mistakes).toEqual(mistakes);
  for (const { picture, truth } of mistakes) expect(picture).toContain(truth);
});

test("other classes are refused, and pictures of which none can be read", async () => {
  const folder = temporaryFolder();
  const { run } = await trainedClassifier(folder);
  using classifier = loadClassifier(run);
  const others = await openSource({ kind: "folder", path: await makePictures(join(folder, "others"), 1) });
  await expect(evaluateClassifier(classifier, others)).rejects.toThrow(
    "expected those of the run, 3 classes: apple, bee, cat, got no apple, bee, cat; beside them a, b",
  );
});
