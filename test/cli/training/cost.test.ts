import { expect, test } from "vitest";
import { costOf } from "../../../src/cli/training/cost.js";
import { parseConfig } from "../../../src/index.js";

test("ViT-B/16: the published parameters and multiply-adds", async () => {
  const cost = await costOf(
    parseConfig({ model: { name: "vit", size: "base" }, data: { source: { kind: "folder", path: "none" } } }),
  );
  // mae.md section 5: counted by timm and by public reproductions
  expect(cost.parameters).toBe(111_907_840);
  expect(cost.trainable).toBe(111_655_680);
  expect(cost.encoder.parameters).toBe(85_798_656);
  expect(cost.decoder.parameters).toBe(26_109_184);
  expect(cost.encoder.multiplyAdds / 1e9).toBeCloseTo(17.56, 2);
  expect(cost.encoderVisible / 1e9).toBeCloseTo(4.3, 1); // 49 of 196 patches and the class token
  expect(cost.decoder.multiplyAdds / 1e9).toBeCloseTo(5.35, 1);
});
