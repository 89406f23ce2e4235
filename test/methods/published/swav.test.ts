import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noGrad } from "../../../src/engine/modes.js";
import { scope } from "../../../src/engine/scope.js";
import { openTensors } from "../../../src/models/published/files.js";
import { convert } from "../../../src/train/checkpoints/convert.js";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { loadModel } from "../../../src/train/checkpoints/load.js";
import { expectSome, pictures } from "../../models/convnet-formula.js";
import { siameseCases, writePth } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("swav-layout");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);
const hints = { imageSize: [64, 64] } as const;
const recorded = siameseCases.swav;

test.each([undefined, "state_dict"])(
  "features are the official code's, whether tensors stand at the top or in %s",
  (under) => {
    using loaded = loadModel(writePth(place(`${under}.pth`), recorded.tensors, under), hints);
    expect(loaded.config.model).toMatchObject({ name: "resnet", block: "bottleneck", width: 8 });
    noGrad(() => scope(() => expectSome(loaded.features(pictures(2, 64)), recorded.features, 1e-5, "features")));
  },
);

test("it is the method, head and prototypes included; to ours and back to the bit, but for counters", () => {
  const path = writePth(place("swav.pth"), recorded.tensors, "state_dict");
  using published = openModelFile(path, hints);
  const projector = { layers: 2, hidden: 24, output: 16 };
  expect(published).toMatchObject({ layout: "swav", method: { name: "swav", prototypes: 12, projector } });
  const { length } = recorded.tensors.filter(([own]) => !own.endsWith("num_batches_tracked"));
  convert(path, place("swav.safetensors"), hints);
  expect(convert(place("swav.safetensors"), place("back.pth"), { to: "swav" }).tensors).toBe(length);
  using before = openTensors(path);
  using after = openTensors(place("back.pth"));
  expect(after.names).toHaveLength(length);
  for (const own of after.names)
    expect(Buffer.from(after.read(own).data).equals(Buffer.from(before.read(own).data)), own).toBe(true);
});
