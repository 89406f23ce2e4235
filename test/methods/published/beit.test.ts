import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { openTensors } from "../../../src/models/published/files.js";
import { Rng } from "../../../src/tensor/random.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { loadModel, withMethod } from "../../../src/train/checkpoints/load.js";
import { pretrain } from "../../../src/train/pretrain.js";
import { collect, tinyRun, workFolder, writePictures } from "../../train/example.js";

const work = workFolder("beit-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const sizes = { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 4 } as const;
const parts = { positions: "none", relativePositions: "shared", layerScale: 0.1, keyBias: false } as const;
const model = { ...sizes, ...parts };
const tokenizer = { name: "kMeans", vocabulary: 16 } as const;

test.each(["beit", "beitv2"] as const)(
  "a run of %s is written as the official code saves it, tokenizer apart; its encoder is read back to the bit",
  async (name) => {
    await writePictures(place("photos"), 8);
    const run = tinyRun(place("photos"), { epochs: 1, model, method: { name, tokenizer } });
    await collect(pretrain(run, { out: place(name) }));
    const { dropped } = convert(place(name), place(`${name}.pth`), { to: "beit" });
    expect(dropped.join()).toContain("target.tokenizer, 2 tensors");
    using own = withMethod(loadModel(place(name)));
    using file = openTensors(place(`${name}.pth`));
    const theirs = (key: string): string => key.replace(/^encoder\./, "").replace(/^head\./, "lm_head.");
    const state = [...own.method.state()].filter(([key]) => !key.startsWith("target."));
    const tables = [["rel_pos_bias.relative_position_index"]];
    expect([...file.names].sort()).toEqual([...state.map(([key]) => theirs(key)), ...tables.flat()].sort());
    for (const [key, value] of state)
      expect(Buffer.from(file.read(theirs(key)).data).equals(value.toBytes()), key).toBe(true);
    const found = convert(place(`${name}.pth`), place(`${name} again.safetensors`), { heads: 2 });
    expect(found.dropped.join()).toContain("tokens of a tokenizer that is not in the file");
    using again = loadModel(place(`${name} again.safetensors`));
    noGrad(() =>
      scope(() => {
        const image = new Rng(1, "x", 0, [0, 1]).normal([3, 16, 16]);
        expect(again.encoder.features(image).toArray()).toEqual(own.method.encoder.features(image).toArray());
      }),
    );
  },
);
