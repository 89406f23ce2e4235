import { afterAll, expect, test } from "vitest";
import type { TensorToWrite } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { loadModel, withMethod } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { withReference } from "../../numbers.js";
import { collect, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("cae-layout");
afterAll(work.remove);
const place = (name: string): string => `${work.path}/${name}`;

/** A file as the official code saves it, of the weights that its reference file holds. */
function written(): string {
  return withReference("cae-more.safetensors", (_, file) => {
    const official = new Map<string, TensorToWrite>();
    for (const full of file.names.filter((own) => own.startsWith("weight/") && !own.includes("tokenizer"))) {
      const { dtype, shape, data } = file.read(full);
      const own = full.slice("weight/".length);
      const tensor = { dtype, shape, data: Uint8Array.from(data) };
      official.set(own, tensor);
      if (own.startsWith("encoder.")) official.set(`alignment_${own}`, tensor);
    }
    writeTorch(place("official.pth"), new Map([["model", official]]));
    return place("official.pth");
  });
}

test("of the official file the encoder is read, to the bit, and what is left out is said", () => {
  const path = written();
  const { dropped } = convert(path, place("ours.safetensors"), { heads: 3, imageSize: [15, 15] });
  expect(dropped).toEqual([
    "alignment_encoder, 51 tensors: the same as the encoder",
    "regressor and decoder, 86 tensors: what they tell are tokens of a tokenizer that is not in the file",
  ]);
  withReference("cae-more.safetensors", (_, file) => {
    using model = loadModel(path, { heads: 3, imageSize: [15, 15] });
    expect(model.config.model).toMatchObject({ positions: "sinCos", keyBias: false, width: 12, depth: 3 });
    for (const [name, value] of model.encoder.state())
      expect(Buffer.from(value.toBytes()), name).toEqual(Buffer.from(file.read(`weight/encoder.${name}`).data));
  });
});

test("a run is written with the official names, to the bit, without its tokenizer", async () => {
  await writePictures(place("photos"), 8);
  const method = {
    name: "cae" as const,
    tokenizer: { name: "kMeans" as const, vocabulary: 8 },
    regressor: { depth: 1 },
    decoder: { depth: 1 },
  };
  const model = { name: "vit", width: 16, depth: 1, heads: 2, patchSize: 4, layerScale: 0.1, keyBias: false } as const;
  await collect(pretrain(tinyRun(place("photos"), { epochs: 1, model, method }), { out: place("run") }));
  const { dropped } = convert(place("run"), place("run.pth"), { to: "cae" });
  expect(dropped).toContain("tokenizer, 2 tensors: the official layout keeps it in a file of its own");
  using file = openTensors(place("run.pth"));
  using loaded = withMethod(loadModel(place("run")));
  const state = [...loaded.method.state()].filter(([name]) => !name.startsWith("target."));
  const officialNames = withReference("cae-more.safetensors", (_, { names }) =>
    names.filter((own) => own.startsWith("weight/") && !own.includes("tokenizer")).map((own) => own.slice(7)),
  ).filter((own) => !/blocks\.[12]\./.test(own)); // here each stack has one block
  expect(state.map(([name]) => name).sort()).toEqual(officialNames.sort());
  const copies = state.filter(([name]) => name.startsWith("encoder."));
  const all = [...state, ...copies.map(([name, value]) => [`alignment_${name}`, value] as const)];
  expect([...file.names].sort()).toEqual(all.map(([name]) => name).sort());
  for (const [name, value] of all)
    expect(Buffer.from(file.read(name).data), name).toEqual(Buffer.from(value.toBytes()));
});
