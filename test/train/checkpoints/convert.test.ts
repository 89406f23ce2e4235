import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { finetune } from "../../../src/finetune/finetune.js";
import { checkpointFiles } from "../../../src/train/checkpoint.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { tinyFinetune, writeClasses } from "../../finetune/example.js";
import { micro, microDecoder, writeOfficial } from "../../models/published/formula.js";
import { collect, tinyRun, workFolder, writePictures } from "../example.js";

const work = workFolder("convert");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);

/** Every tensor's type, shape and bytes, under the official names. */
function contents(path: string): Record<string, string> {
  using published = openModelFile(path);
  return Object.fromEntries(
    [...published.tensors, ...published.rest].map(([name, tensor]) => {
      const { dtype, shape, data } = tensor.read();
      return [name, `${dtype} ${shape.join(" ")} ${Buffer.from(data).toString("base64")}`];
    }),
  );
}

test("official -> lacuna -> Hugging Face -> lacuna -> official: every tensor and the file itself to the bit", () => {
  const official = writeOfficial(place("full.pth"), { ...micro, decoder: microDecoder });
  const first = convert(official, place("first.safetensors"), { heads: 2, decoderHeads: 2 });
  expect(first).toMatchObject({ from: "official", to: "lacuna", tensors: 50, dropped: [] });
  const folder = convert(place("first.safetensors"), place("mae"));
  expect(folder).toMatchObject({ from: "lacuna", to: "hf-vitmae", assumed: [] });
  expect(convert(place("mae"), place("second.safetensors"))).toMatchObject({ from: "hf-vitmae", model: first.model });
  expect(convert(place("second.safetensors"), place("back.pth"))).toMatchObject({ to: "official", model: first.model });
  expect(contents(place("back.pth"))).toEqual(contents(official));
  expect(readFileSync(place("back.pth")).equals(readFileSync(official))).toBe(true);
});

test.each([
  ["an encoder", micro, "hf-vit"],
  ["a classifier of the class token", { ...micro, head: { classes: 3, pooling: "token" } }, "hf-vit"],
  ["a classifier of the mean", { ...micro, head: { classes: 3, pooling: "mean" } }, "timm"],
  [
    "one channel, patches and pictures that are not square",
    { ...micro, channels: 1, patchSize: [2, 4], grid: [3, 5] },
    "hf-vit",
  ],
] as const)("%s goes out and comes back", (name, shape, to) => {
  const hints = {
    heads: 2,
    imageSize: [shape.grid[0] * shape.patchSize[0], shape.grid[1] * shape.patchSize[1]],
  } as const;
  const official = writeOfficial(place(`${name}.pth`), shape);
  const out = place(to === "timm" ? `${name}.safetensors` : `${name} folder`);
  expect(convert(official, out, { ...hints, to }).to).toBe(to);
  convert(out, place(`${name} back.pth`), { ...hints, to: "official" });
  expect(readFileSync(place(`${name} back.pth`)).equals(readFileSync(official))).toBe(true);
});

test("a run goes to official and back, and its model is the same", async () => {
  const out = place("run");
  await collect(pretrain(tinyRun(await writePictures(place("photos"), 8), { epochs: 1 }), { out }));
  const gone = convert(out, place("run.pth"));
  expect(gone.dropped).toEqual(["optimizer: not the model", "configuration: the layout has no place for a run's"]);
  convert(place("run.pth"), place("again.safetensors"), { heads: 2, decoderHeads: 2 });
  expect(contents(place("again.safetensors"))).toEqual(contents(checkpointFiles(out)[0]?.path ?? ""));
  using model = loadModel(place("again.safetensors"));
  expect(model).toMatchObject({ step: 0, config: { data: { source: { kind: "unknown" } } } });
});

test.each([
  ["class", "fine-tuned", "hf-vit"],
  ["mean", "fine-tuned.safetensors", "timm"],
] as const)(
  "a fine-tuned classifier (%s token) goes out as %s and keeps every bit, and its classes where they have a place",
  async (pool, name, to) => {
    const photos = await writeClasses(place("classes"));
    const out = place(`run-${pool}`);
    await collect(finetune(tinyFinetune(photos, { epochs: 1, pool }), { out }));
    const classifier = { classes: 3, pool };
    expect(convert(out, place(name), { to })).toMatchObject({ from: "lacuna", to, classifier, assumed: [] });
    expect(contents(place(name))).toEqual(contents(checkpointFiles(out)[0]?.path ?? ""));
    using published = openModelFile(place(name));
    expect(published.classes).toEqual(to === "hf-vit" ? ["apple", "bee", "cat"] : undefined);
  },
);

test("nothing is replaced unasked, and names fit the layout", () => {
  const official = writeOfficial(place("names.pth"), micro);
  const go =
    (out: string, options = {}) =>
    () =>
      convert(official, place(out), { heads: 2, ...options });
  expect(go("a.safetensors")).not.toThrow();
  expect(go("a.safetensors")).toThrow(/there is a file already.*--overwrite/);
  expect(go("a.safetensors", { overwrite: true })).not.toThrow();
  expect(go("a.safetensors", { to: "official" })).toThrow(/official is written as a file that ends in \.pth/);
  expect(go("a.pth", { to: "hf-vit" })).toThrow(/hf-vit is written as a folder/);
  mkdirSync(place("some.folder"));
  expect(go("some.folder")).not.toThrow();
  expect(existsSync(place("some.folder/preprocessor_config.json"))).toBe(true);
});

test("an encoder alone stays one in our own layout: no method is made up for it", () => {
  const official = writeOfficial(place("alone.pth"), micro);
  convert(official, place("alone.safetensors"), { heads: 2 });
  using published = openModelFile(place("alone.safetensors"));
  expect(published).toMatchObject({ config: { task: "encoder" }, model: { name: "vit", heads: 2 } });
  expect(published.method).toBeUndefined();
  using model = loadModel(place("alone.safetensors"));
  expect(model).toMatchObject({ method: undefined, classifier: undefined, assumed: [] });
});
