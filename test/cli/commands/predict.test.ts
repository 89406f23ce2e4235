import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trainedClassifier } from "../../finetune/example.js";
import { lacuna, makePictures, temporaryFolder, tinyRun } from "../terminal.js";

test("predict names classes, skips what it cannot read, writes CSV; evaluate classifier judges the same run", async () => {
  const folder = temporaryFolder();
  const { run, photos } = await trainedClassifier(folder);

  const bad = join(folder, "bad.png");
  writeFileSync(bad, "no picture");
  const picture = join(photos, "bee", readdirSync(join(photos, "bee"))[0] as string);
  const { out } = await lacuna("predict", run, picture, bad, "--top", "2", "--json");
  expect(out).not.toContain("error");
  const { predictions, skipped, step } = JSON.parse(out);
  expect(step).toBe(1);
  expect(predictions).toEqual([{ picture, classes: [expect.anything(), expect.anything()] }]);
  const [first, second] = predictions[0].classes;
  expect(["apple", "bee", "cat"]).toContain(first.name);
  expect(first.probability).toBeGreaterThanOrEqual(second.probability);
  expect(skipped).toEqual([{ path: bad, reason: expect.any(String) }]);

  const csv = join(folder, "classes.csv");
  expect((await lacuna("predict", run, photos, "--out", csv, "--top", "9")).out).toContain("12 pictures");
  const lines = readFileSync(csv, "utf8").trim().split("\n");
  expect(lines[0]).toBe("picture,rank,class,probability");
  expect(lines).toHaveLength(1 + 12 * 3);
  expect((await lacuna("predict", run, photos, "--out", "classes.txt")).code).toBe(2);

  const judged = await lacuna("evaluate", "classifier", run, "--json");
  const scores = JSON.parse(judged.out);
  expect(scores).toMatchObject({ pictures: 12, top5: 1, classes: ["apple", "bee", "cat"] });
  expect(scores.confusion.flat().reduce((a: number, b: number) => a + b, 0)).toBe(12);
  for (const file of scores.files) expect(existsSync(file)).toBe(true);
  const text = await lacuna("evaluate", "classifier", run, "--test", photos, "--out", join(folder, "judged"));
  expect(text.out).toMatch(/12 pictures: top-1 [\d.]+ % \([\d.]+–[\d.]+\), top-5 100.0 %, per class [\d.]+ %/);
  expect(existsSync(join(folder, "judged", "confusion.png"))).toBe(true);
});

test("a pre-trained run classifies by labelled pictures; without them the error says how", async () => {
  const folder = temporaryFolder();
  const { run, pictures } = await tinyRun(folder, { perClass: 6 });
  const without = await lacuna("predict", run, pictures);
  expect(without).toMatchObject({ code: 1, error: expect.stringContaining("no classifier") });
  expect(without.error).toContain(`lacuna predict ${run} --labels <labelled pictures>`);
  const labels = await makePictures(join(folder, "labels"), 8);
  const { out, code } = await lacuna("predict", run, pictures, "--labels", labels, "--top", "1");
  expect(code).toBe(0);
  expect(out).toMatch(/by the 16 nearest of 16 labelled pictures, 2 classes: a, b/);
  expect(out.match(/\.png /g)).toHaveLength(12);
  const { predictions, ...rest } = JSON.parse(
    (await lacuna("predict", run, pictures, "--labels", pictures, "--k", "1", "--json")).out,
  );
  expect(rest).toMatchObject({ k: 1, labelled: 12, shared: 12, step: 1 });
  for (const { picture, classes } of predictions) {
    expect(classes[0]).toEqual({ name: picture.split("/").at(-2), probability: 1 });
  }
  const alone = await lacuna("predict", run, pictures, "--k", "3");
  expect(alone).toMatchObject({ code: 2, error: expect.stringContaining("--labels beside it") });
  const probe = await lacuna("predict", run, pictures, "--labels", labels, "--by", "probe", "--top", "1");
  expect(probe.out).toMatch(/by the linear probe of 16 labelled pictures \(penalty [\de.-]+\), 2 classes: a, b/);
  expect(probe.out.match(/\.png /g)).toHaveLength(12);
  const both = await lacuna("predict", run, pictures, "--labels", labels, "--by", "probe", "--k", "3");
  expect(both).toMatchObject({ code: 2, error: expect.stringContaining("A linear probe has no neighbours") });
});
