import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import type { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { writeTorch } from "../../../src/formats/torch-pickle.js";
import type { SimMim } from "../../../src/methods/masked/simmim.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { withReference } from "../../numbers.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("simmim-layout");
afterAll(work.remove);
const place = (name: string): string => `${work.path}/${name}`;

/** A file as the official code saves it, of the weights that its reference file holds. */
function written(name: string): string {
  return withReference(`${name}.safetensors`, (_, file: SafetensorsFile) => {
    const weights = file.names.filter((own) => own.startsWith("weight/"));
    const official = new Map(
      weights.map((full) => {
        const { dtype, shape, data } = file.read(full);
        const own = full.slice("weight/".length);
        const theirs = own === "mask_token" ? "encoder.mask_token" : own.replace(/^decoder\./, "decoder.0.");
        const sides = theirs === "decoder.0.weight" ? [...shape, 1, 1] : shape;
        return [theirs, { dtype, shape: sides, data: Uint8Array.from(data) }] as const;
      }),
    );
    const path = place(`${name}.pth`);
    writeTorch(path, new Map([["model", official]]));
    return path;
  });
}

test.each([
  ["simmim-swin", 8, {}],
  ["simmim-vit", 4, { heads: 3 }],
])(
  "%s: a file of the official pre-training is read whole, and goes to ours and back, to the bit",
  (name, unit, hints) => {
    const path = written(name);
    withReference(`${name}.safetensors`, (read, { metadata }) => {
      const { model: wanted } = JSON.parse(metadata?.["config"] ?? "{}");
      using model = loadModel(path, hints);
      expect(model.config.model).toMatchObject({ name: wanted.name, width: wanted.width, patchSize: wanted.patchSize });
      const method = model.method as SimMim;
      expect(method.hiding().cell).toEqual([unit, unit]); // a place of the last map, since 32 pixels do not divide the picture
      noGrad(() =>
        scope(() => {
          for (const [key, value] of method.state())
            expect(value.toArray(), key).toEqual(read(`weight/${key}`).toArray());
        }),
      );
    });
    convert(path, place(`${name}.safetensors`), hints);
    convert(place(`${name}.safetensors`), place(`${name} back.pth`), { to: "simmim" });
    expect(bytesOf(place(`${name} back.pth`))).toEqual(bytesOf(path));
  },
);

function bytesOf(path: string): Record<string, string> {
  using file = openTensors(path);
  return Object.fromEntries(
    file.names.map((name) => [
      name,
      `${file.entry(name).shape.join()} ${Buffer.from(file.read(name).data).toString("base64")}`,
    ]),
  );
}
