import { expect, test } from "vitest";
import { boxes, diagram } from "../../src/graph/diagram.js";
import { recordRun } from "../../src/plan/predict.js";
import { parseConfig } from "../../src/train/config.js";

const config = parseConfig({
  model: { name: "vit", size: "base", patchSize: 16 },
  data: { source: { kind: "cifar10", split: "train" }, imageSize: 224, batchSize: 7 },
});

test("MAE ViT-B/16: its parts with their shapes, twelve blocks as one box, the paper's parameters", () => {
  const { steps, parameters } = recordRun(config, "float32", { inModules: true });
  const found = boxes(steps, { title: "mae", batch: 7, parameters });
  const encoder = found.find(({ name }) => name === "encoder.blocks");
  expect(encoder).toMatchObject({ input: "[B 50 768]", output: "[B 50 768]", parameters: 85_054_464 });
  expect(encoder?.children).toMatchObject([{ name: "0–11", times: 12, parameters: 7_087_872 }]);
  expect(encoder?.children[0]?.children.map(({ name }) => name)).toEqual(["norm1", "attn", "norm2", "mlp"]);
  const decoder = found.find(({ name }) => name === "decoder")?.children ?? [];
  expect(decoder.map(({ name }) => name)).toEqual(["decoder_embed", "decoder_blocks", "decoder_norm", "decoder_pred"]);
  expect(decoder[1]?.children[0]?.times).toBe(8);
});

test("an SVG with each box once, and nothing that a title could break", () => {
  const { steps, parameters } = recordRun(config, "float32", { inModules: true });
  const svg = diagram(steps, { title: `a <b> & "c"`, batch: 7, parameters });
  expect(svg).toContain(`aria-label="a &lt;b> &amp; &quot;c&quot;"`);
  expect(svg.match(/× 12/g)).toHaveLength(2); // the box and its tooltip
  expect(svg.match(/<rect/g)?.length).toBe(svg.match(/<g>/g)?.length);
});
