import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openRun } from "../../../src/index.js";
import { lacuna, makePictures, temporaryFolder, tinyFlags } from "../terminal.js";

async function classes(folder: string): Promise<string> {
  for (const name of ["apple", "bee"]) await makePictures(join(folder, name), 12);
  return folder;
}

describe("finetune", () => {
  test("pre-train, fine-tune, resume: best and last accuracy are told", async () => {
    const folder = temporaryFolder();
    const pictures = await classes(join(folder, "pictures"));
    const pretrained = join(folder, "pretrained");
    expect((await lacuna("pretrain", pictures, ...tinyFlags, "--epochs=1", "--out", pretrained)).code).toBe(0);
    const out = join(folder, "run");
    const { code, out: text } = await lacuna("finetune", pretrained, "--data", pictures, "--epochs=2", "--out", out);
    expect(code).toBe(0);
    expect(text).toContain(`encoder        ${pretrained}`);
    expect(text).toMatch(/trained +[\d,]+ of [\d,]+ parameters, 2 classes/);
    const accuracy = /top-1 [\d.]+ % \([\d.]+–[\d.]+\), top-5 [\d.]+ %, per class [\d.]+ %/;
    expect(text).toMatch(new RegExp(`Accuracy after the last epoch: ${accuracy.source}`));
    expect((await lacuna("inspect", out)).out).toMatch(new RegExp(`accuracy +${accuracy.source}`));
    expect(text).toMatch(/The best epoch was \d/);
    const frozen = /20-NN [\d.]+ % \([\d.]+–[\d.]+\), per class [\d.]+ %/;
    expect(text).toMatch(new RegExp(`frozen encoder: ${frozen.source}; exact linear probe [\\d.]+ %`));
    expect(text).toMatch(/The same encoder frozen, on the same pictures, compared in pairs:/);
    expect(text).toMatch(new RegExp(`${frozen.source}; the classifier is (−?[\\d.]+ points) (above|below)`));
    const inspected = await lacuna("inspect", out, "--html", join(folder, "report.html"));
    expect(inspected.out).toMatch(new RegExp(`frozen encoder +${frozen.source}`));
    expect(readFileSync(join(folder, "report.html"), "utf8")).toContain("Beside its frozen encoder");
    expect(existsSync(join(out, "checkpoints", "best.safetensors"))).toBe(true);
    expect(openRun(out).run.config).toMatchObject({ task: "finetune", from: pretrained, classes: ["apple", "bee"] });
    const both = await lacuna("finetune", pretrained, "--data", pictures, "--epochs=2", "--minutes", "3");
    expect(both).toMatchObject({ code: 2, error: expect.stringContaining("in --epochs: expected one length") });
    const again = await lacuna("resume", out, "--json");
    expect(JSON.parse(again.out)).toMatchObject({ exitCode: 0, accuracy: { last: { epoch: 2 } } });
  });

  test("help is instant and lists the keys; a wrong operand is named", async () => {
    const { out } = await lacuna("finetune", "--help-config");
    expect(out).toContain("--optim.layerDecay");
    const { code, error } = await lacuna("finetune", "runs/nothing", "--data", temporaryFolder());
    expect(code).toBe(2);
    expect(error).toContain("runs/nothing");
  });
});
