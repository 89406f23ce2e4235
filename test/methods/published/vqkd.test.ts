import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { RawTensor } from "../../../src/formats/dtype.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import type { BeitV2 } from "../../../src/methods/masked/beit-v2.js";
import type { Vqkd } from "../../../src/methods/masked/vqkd.js";
import { openTensors } from "../../../src/models/published/files.js";
import { Rng } from "../../../src/tensor/random.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { loadModel, withMethod } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { withReference } from "../../numbers.js";
import { collect, stepOf, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("vqkd-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);

const plain = (values: readonly number[], shape: readonly number[]): RawTensor => ({
  dtype: "F32",
  shape,
  data: new Uint8Array(Float32Array.from(values).buffer),
});

/** A file as the official training saves it, of the weights that its reference file holds; its teacher may be in it. */
function official(name: string, teacher: boolean): string {
  return withReference(`${name}.safetensors`, (_, file) => {
    const own = file.names.flatMap((full): [string, RawTensor][] => {
      const key = /^weight\/(.*)$/.exec(full)?.[1];
      if (key === undefined || key === "quantize.patch_sums" || (!teacher && key.startsWith("teacher."))) return [];
      const theirs = key.replace(/^teacher\./, "teacher_model.").replace(/^((?:en|de)coder)\.norm\./, "$1.fc_norm.");
      const { dtype, shape, data } = file.read(full);
      return [[theirs, { dtype, shape, data: Uint8Array.from(data) }]];
    });
    const [V = 0, C = 0] = new Map(own).get("quantize.embedding.weight")?.shape ?? [];
    const idle: [string, RawTensor][] = [
      ["quantize.embedding.cluster_size", plain(Array(V).fill(0), [V])],
      ["quantize.embedding.embed_avg", plain(Array(V * C).fill(0), [V, C])],
      ["quantize.embedding.initted", plain([1], [1])],
    ];
    const path = place(`${name}${teacher ? " with its teacher" : ""}.pth`);
    writeTorch(path, new Map([["model", new Map([...own, ...idle])]]));
    return path;
  });
}

function bytesOf(path: string): Record<string, string> {
  using file = openTensors(path);
  const said = file.names.map((name): [string, string] => {
    const { dtype, shape, data } = file.read(name);
    return [name, `${dtype} ${shape.join()} ${Buffer.from(data).toString("base64")}`];
  });
  return Object.fromEntries(said.sort());
}

test.each([
  [
    "vqkd-small",
    { vocabulary: 12, codeWidth: 8, decoder: { depth: 2, width: 16 }, teacher: { name: "none", width: 16 } },
  ],
  ["vqkd-decoder", { vocabulary: 24, codeWidth: 4, decoder: { depth: 1, width: 24, heads: 2 } }],
])("%s: an official file is read whole, and goes to ours and back, to the bit", (name, method) => {
  const path = official(name, false);
  const hints = { heads: 2, ...(name === "vqkd-decoder" && { decoderHeads: 2 }) };
  withReference(`${name}.safetensors`, (read) => {
    using model = withMethod(loadModel(path, hints));
    const { method: made } = model;
    expect((made as Vqkd).config).toMatchObject(method);
    noGrad(() =>
      scope(() => {
        for (const [key, value] of made.state()) expect(value.toArray(), key).toEqual(read(`weight/${key}`).toArray());
      }),
    );
  });
  convert(path, place(`${name}.safetensors`), hints);
  const { dropped } = convert(place(`${name}.safetensors`), place(`${name} back.pth`), { to: "vqkd" });
  expect(dropped.join()).toContain("teacher and patch_sums, 1 tensors");
  expect(bytesOf(place(`${name} back.pth`))).toEqual(bytesOf(path));
});

test("a teacher in the file is left out, and said; a tokenizer without one cannot be trained on", () => {
  using model = withMethod(loadModel(official("vqkd-small", true), { heads: 2 }));
  expect([...model.method.state().keys()].filter((name) => name.startsWith("teacher"))).toEqual([]);
  const batch = () => ({ image: new Rng(1, "x", 0, [0]).normal([3, 16, 16]) });
  expect(() => scope(() => model.method.call(batch(), stepOf(new Rng(0, "s", 0, [0]))))).toThrow(
    "a tokenizer without a teacher is not trained on",
  );
});

test("an official tokenizer gives BEiT v2 its tokens, for pictures from -1 to 1 alone", async () => {
  const run = official("vqkd-small", false);
  await writePictures(place("photos"), 8);
  const config = tinyRun(place("photos"), { epochs: 1 });
  const vit = { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 4 } as const;
  const method = { name: "beitv2", tokenizer: { name: "vqkd", run } } as const;
  const data = { ...config.data, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  await collect(pretrain({ ...config, model: vit, method, data }, { out: place("beitv2") }));
  using loaded = withMethod(loadModel(place("beitv2")));
  using tokenizer = withMethod(loadModel(run));
  noGrad(() =>
    scope(() => {
      const image = new Rng(3, "x", 0, [0, 1]).uniform([3, 16, 16]).mul(2).sub(1);
      const tokens = (loaded.method as BeitV2).target.call(image).flatten(1);
      expect(tokens.toArray()).toEqual((tokenizer.method as Vqkd).tokens(image).toArray());
    }),
  );
  await expect(collect(pretrain({ ...config, model: vit, method }, { out: place("otherwise") }))).rejects.toThrow(
    "was trained on pictures with mean 0.5,0.5,0.5",
  );
});
