import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { micro, microDecoder, writeOfficial } from "../../models/published/formula.js";
import { siameseCases, writePth } from "../../models/published/recorded.js";
import { lacuna, temporaryFolder, tinyRun } from "../terminal.js";

const heads = ["--heads", "2", "--decoder-heads", "2"];

test("says what was recognised, assumed and left out; the same as JSON", async () => {
  const folder = temporaryFolder();
  const official = writeOfficial(join(folder, "full.pth"), { ...micro, decoder: microDecoder });
  const { code, out } = await lacuna("convert", official, join(folder, "vit"), "--to", "hf-vit", "--heads", "2");
  expect(code).toBe(0);
  expect(out).toContain("official, vit (width 16, depth 2, heads 2, mlpRatio 4, patchSize 4), pictures of 16 × 16 × 3");
  expect(out).toContain("method: mae (decoder.width 8, decoder.depth 1, decoder.heads 1, decoder.mlpRatio 4)");
  expect(out).toContain("assumed: decoder heads 1 (32 wide each; --decoder-heads says otherwise)");
  expect(out).toContain("left out: parts of mae, 20 tensors: a ViT by itself has none");
  expect(out).toContain("preprocessor_config.json: hf-vit, 38 tensors, bit for bit");
  const json = await lacuna("convert", official, join(folder, "x.safetensors"), ...heads, "--json");
  expect(JSON.parse(json.out)).toMatchObject({
    from: "official",
    to: "lacuna",
    tensors: 50,
    assumed: ["pictures normalised by ImageNet's mean and deviation (--mean and --std say otherwise)"],
  });
});

test("mistakes: a layout that is none, a file that is there, a command in a pickle", async () => {
  const folder = temporaryFolder();
  const official = writeOfficial(join(folder, "full.pth"), micro);
  const wrong = await lacuna("convert", official, join(folder, "b.pth"), "--to", "hf-mae");
  expect(wrong).toMatchObject({
    code: 1,
    error: expect.stringContaining("Choose one of official, timm, hf-vit, hf-vitmae, lacuna"),
  });
  expect(await lacuna("convert", official, official, ...heads)).toMatchObject({
    code: 1,
    error: expect.stringContaining("there is a file already"),
  });
  const command = new URL("../../reference/torch/command.pth", import.meta.url).pathname;
  expect(await lacuna("convert", command, join(folder, "c.pth"))).toMatchObject({
    code: 1,
    error: expect.stringContaining('got "posix.system", which is refused'),
  });
  expect(existsSync(join(folder, "c.pth"))).toBe(false);
  expect(await lacuna("convert", official, join(folder, "n.pth"), "--image-size", "16,x")).toMatchObject({ code: 2 });
});

test("a run begins with an official file in its sizes, goes to transformers, and another begins with that", async () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const { run, pictures } = await tinyRun(folder);
  expect((await lacuna("convert", run, path("run.pth"))).code).toBe(0);
  const flags = [
    "--epochs=1",
    "--data.batchSize=8",
    "--data.workers=0",
    "--precision=float32",
    "--log.previewPictures=0",
  ];
  const begun = await lacuna(
    "pretrain",
    pictures,
    "--init",
    path("run.pth"),
    "--model.heads=2",
    "--method.decoder.heads=2",
    ...flags,
    "--out",
    path("second"),
  );
  expect(begun.error).toBe("");
  expect(begun.out).toMatch(/model\.width +16 +as in .*run\.pth/);
  const { config } = JSON.parse(readFileSync(path("second/run.json"), "utf8"));
  expect(config).toMatchObject({
    init: path("run.pth"),
    initHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    model: { width: 16, depth: 1 },
    data: { imageSize: 32 },
  });
  expect((await lacuna("convert", path("second"), path("mae"))).code).toBe(0);
  const out = await lacuna("reconstruct", path("mae"), join(pictures, "a", "0.png"), "--out", path("x.png"));
  expect(out).toMatchObject({ code: 0, error: "" });
  expect((await lacuna("convert", path("second"), path("vit"), "--to", "hf-vit")).code).toBe(0);
  expect(await lacuna("embed", path("vit"), pictures, "--out", path("x.npy"))).toMatchObject({ code: 0 });
  expect(await lacuna("reconstruct", path("vit"), join(pictures, "a", "0.png"), "--out", path("y.png"))).toMatchObject({
    code: 1,
    error: expect.stringContaining("it holds an encoder alone"),
  });
});

test("gives a ResNet another one's norms, and says which changed the most", async () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const { tensors } = siameseCases.swav;
  writePth(path("swav.pth"), tensors, "state_dict");
  expect((await lacuna("convert", path("swav.pth"), path("one.safetensors"), "--image-size", "64")).code).toBe(0);
  const { code, out } = await lacuna(
    "convert",
    path("one.safetensors"),
    path("two.safetensors"),
    "--norms-of",
    path("one.safetensors"),
  );
  expect(code).toBe(0);
  expect(out).toContain("of which 17 weights have other norms");
  expect(out).toMatch(/Norms that changed the most:\n {2}\S+\s+[\d.]+ to [\d.]+ {2}× 1\.00/);
});
