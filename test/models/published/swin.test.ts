import { afterAll, describe, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { loadClassifier } from "../../../src/finetune/load.js";
import { openPublished } from "../../../src/models/published/open.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { readJson } from "../../numbers.js";
import { workFolder } from "../../train/example.js";
import { expectSome, made, pictures, type Some } from "../convnet-formula.js";
import { writePth, writeWeights } from "./recorded.js";

interface Case {
  readonly tensors: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly features: Some;
  readonly logits: Some;
}
const { layouts } = readJson("swin.json") as { readonly layouts: Readonly<Record<"timm" | "official", Case>> };

const work = workFolder("swin-layouts");
afterAll(work.remove);
const place = (name: string): string => `${work.path}/${name}`;

/** timm's stages begin with what merges maps, whose numbers are those of its official name. */
const officialName = (name: string): string =>
  name
    .replace(/^layers\.(\d)\.downsample/, (_, stage: string) => `layers.${Number(stage) - 1}.downsample`)
    .replace("head.fc.", "head.");
const files = {
  official: (under = "model") => writePth(place("official.pth"), layouts.official.tensors, under),
  timm: () =>
    writeWeights(place("timm.safetensors"), layouts.timm.tensors, (name, shape) => made(officialName(name), shape)),
};
const outs = { official: "back.pth", timm: "back.safetensors" } as const;

describe.each(["official", "timm"] as const)("%s", (layout) => {
  test("computes what the other program computes", () => {
    const path = files[layout]();
    const { features, logits } = layouts[layout];
    using model = loadModel(path);
    expect(model.config.model).toMatchObject({
      ...{ name: "swin", width: 16, depths: [2, 2, 2, 2], heads: [1, 2, 4, 8], patchSize: 1, window: 4 },
    });
    expect(model.assumed).toContain("pictures of 32 × 32 (--image-size says otherwise)");
    noGrad(() => scope(() => expectSome(model.features(pictures(2, 32)), features, 1e-5, "features")));
    using classifier = loadClassifier(path);
    expect(classifier.classes).toHaveLength(3);
    noGrad(() => scope(() => expectSome(classifier.model.call(pictures(2, 32)), logits, 1e-5, "logits")));
  });

  test("goes to ours and back, to the bit", () => {
    const path = files[layout]();
    convert(path, place(`${layout} ours.safetensors`));
    const out = place(`${layout} ${outs[layout]}`);
    expect(convert(place(`${layout} ours.safetensors`), out, { to: layout })).toMatchObject({ to: layout });
    expect(bytes(out)).toEqual(bytes(path));
  });
});

/** Every tensor under our names. */
function bytes(path: string): Record<string, string> {
  using published = openPublished(path);
  return Object.fromEntries(
    [...published.tensors].map(([name, tensor]) => [name, Buffer.from(tensor.read().data).toString("base64")]),
  );
}

test("what follows from the windows is left out, and said", () => {
  using published = openPublished(files.official());
  const derived = layouts.official.tensors.filter(([name]) => /relative_position_index|attn_mask/.test(name)).length;
  expect(published.dropped).toEqual([
    `relative_position_index, attn_mask, ${derived} tensors: they follow from the windows`,
  ]);
});

test("a table that no square window has, and a tensor of another version, are refused", () => {
  const changed = layouts.timm.tensors.map(([name, shape]) =>
    name === "layers.3.blocks.0.attn.relative_position_bias_table"
      ? ([name, [48, 8]] as const)
      : ([name, shape] as const),
  );
  const path = writeWeights(place("oblong.safetensors"), changed);
  expect(() => openPublished(path)).toThrow("has 48 rows, which no square window has.");
  const second = ["layers.0.blocks.0.attn.logit_scale", [1, 1, 1]] as const;
  const other = writeWeights(place("v2.safetensors"), [...layouts.timm.tensors, second]);
  expect(() => openPublished(other)).toThrow(/a tensor layers\.0\.blocks\.0\.attn\.logit_scale is not known/);
});
