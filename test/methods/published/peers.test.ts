import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openModelFile } from "../../../src/train/checkpoints/from-checkpoint.js";
import { made } from "../../models/convnet-formula.js";
import { siameseCases, writePth } from "../../models/published/recorded.js";
import { workFolder } from "../../train/example.js";

const work = workFolder("peers-layout");
afterAll(work.remove);
const hints = { imageSize: [64, 64] } as const;

/** A ResNet under some names, and a projector beside each. */
function written(name: string, ...parts: readonly string[]): string {
  const encoder = siameseCases.swav.tensors.flatMap(([full, shape]) => {
    const own = full.replace(/^module\./, "");
    return /^(?:conv1|bn1|layer\d)\b/.test(own) ? [[own, shape] as const] : [];
  });
  const names = parts.flatMap((part) => encoder.map(([own, shape]) => [part + own, shape] as const));
  return writePth(join(work.path, name), [...names, ["projector.0.weight", [8, 64]]], "state_dict");
}

test.each([
  ["solo-learn", "momentum_backbone."],
  ["lightly", "teacher_backbone."],
])("%s: the student's encoder, or the target's where that is asked for, to the bit", (layout, target) => {
  const path = written(`${layout}.pth`, "backbone.", target);
  for (const [teacher, part] of [
    [false, "backbone."],
    [true, target],
  ] as const) {
    using published = openModelFile(path, { ...hints, teacher });
    expect(published).toMatchObject({ layout, model: { name: "resnet", block: "bottleneck", width: 8 } });
    expect(published.method).toBeUndefined();
    expect(published.assumed.join()).toContain(teacher ? "is the target" : "is the student");
    expect(published.dropped.join()).toContain("heads, 1 tensors");
    const { data, shape } = published.tensors.get("layer3.0.conv2.weight")?.read() ?? { data: [], shape: [] };
    expect(Buffer.from(data).equals(Buffer.from(made(`${part}layer3.0.conv2.weight`, shape).buffer))).toBe(true);
  }
});

test("with one encoder in it, a file of theirs is that encoder below a prefix", () => {
  using published = openModelFile(written("simclr.pth", "backbone."), hints);
  expect(published.layout).toBe("torchvision");
  expect(published.assumed).toContain("the model is what stands under backbone. in the file");
});
