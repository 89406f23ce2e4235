import { expect, test } from "vitest";
import { withSettings } from "../../src/keys.js";
import { cae } from "../../src/methods/masked/cae.js";
import { fcmae } from "../../src/methods/masked/fcmae.js";
import { mp3 } from "../../src/methods/masked/mp3.js";
import { simmim } from "../../src/methods/masked/simmim.js";
import { siameseMim } from "../../src/methods/mixed/siamese-mim.js";
import { esvit } from "../../src/methods/siamese/esvit.js";
import { convnextV2 } from "../../src/models/convnext-v2.js";
import { blockMultiplyAdds, type ModelSize } from "../../src/models/sizes.js";
import { swin } from "../../src/models/swin/swin.js";
import { vitSizes } from "../../src/models/vit.js";
import { classifierCost, costOf } from "../../src/plan/cost.js";
import { parseConfig, parseFinetune } from "../../src/public/train.js";

test("ViT-B/16: the published parameters and multiply-adds", () => {
  const cost = costOf(
    parseConfig({ model: { name: "vit", size: "base" }, data: { source: { kind: "folder", path: "none" } } }),
  );
  // Counted by timm and by public reproductions
  expect(cost.parameters).toBe(111_907_840);
  expect(cost.trainable).toBe(111_655_680);
  expect(cost.encoder.parameters).toBe(85_798_656);
  expect(cost.decoder.parameters).toBe(26_109_184);
  expect(cost.encoder.multiplyAdds / 1e9).toBeCloseTo(17.56, 2);
  expect(cost.encoderVisible / 1e9).toBeCloseTo(4.3, 1); // 49 of 196 patches and the class token
  expect(cost.decoder.multiplyAdds / 1e9).toBeCloseTo(5.35, 1);
});

test("MoCo v3 ViT-B/16: two views through student and teacher, backward through the student alone", () => {
  const cost = costOf(
    parseConfig({
      model: { name: "vit", size: "base" },
      method: { name: "mocoV3" },
      data: { source: { kind: "folder", path: "none" } },
    }),
  );
  const [projector, predictor] = [20_987_904 - 2 * 8192, 2_105_344 - 8192]; // weights of linear layers
  const passes = (times: number): number => times * (17_563_000_000 + projector);
  expect(cost.multiplyAdds / (passes(4) + 2 * predictor)).toBeCloseTo(1, 3);
  const patches = 196 * 768 ** 2; // frozen: forward only
  expect(cost.step / (3 * passes(2) + passes(2) + 6 * predictor - 4 * patches)).toBeCloseTo(1, 3);
  const encoder = 85_798_656;
  expect(cost.parameters).toBe(2 * (encoder + 20_987_904) + 2_105_344 + buffers(2, 3) + buffers(1, 2));
  expect(cost.trainable).toBe(encoder - 197 * 768 - (768 * 768 + 768) + 20_987_904 + 2_105_344);
});

/** Running means and variances of so many heads: layers of 4096, the last one of 256. */
const buffers = (heads: number, layers: number): number => heads * 2 * ((layers - 1) * 4096 + 256);

test.each([
  ["atto", 32],
  ["atto", 224],
  ["pico", 64],
  ["tiny", 224],
] as const)("FCMAE with ConvNeXt V2 %s at %d px costs what its defaults say", (size, side) => {
  const [offer] = convnextV2.offers({ side, channels: 3, given: { size } }) as [ModelSize];
  const { stem } = offer.settings as { stem: number };
  const { step, encoder } = costOf(
    parseConfig({
      model: { name: "convnextV2", size, stem },
      method: { name: "fcmae" },
      data: { source: { kind: "folder", path: "none" }, imageSize: side },
    }),
  );
  const said = fcmae.defaults?.({
    ...offer,
    pictures: 1000,
    shorterSide: side,
    side,
    channels: 3,
    device: "cpu",
    cores: 2,
  });
  expect((said?.cost ?? 0) / (step / 3 / encoder.multiplyAdds)).toBeCloseTo(1, 1);
});

/** EsViT's small crops are padded to whole windows, which its defaults do not count. */
test.each([
  ["simmim", 32, 0.01],
  ["simmim", 192, 0.01],
  ["esvit", 64, 0.12],
  ["esvit", 224, 0.12],
] as const)("%s with a Swin Transformer at %d px costs what its defaults say", (name, side, apart) => {
  const offers = swin.offers({ side, channels: 3, given: {} });
  const offer = (side > 100 ? offers[0] : offers.at(-1)) as ModelSize;
  const facts = { ...offer, pictures: 200_000, shorterSide: side, side, channels: 3, device: "cpu", cores: 2 } as const;
  const said = { simmim, esvit }[name].defaults?.(facts);
  const settings = said?.choices.filter(({ key }) => key.startsWith("method.")) ?? [];
  const { step, encoder } = costOf(
    parseConfig(
      withSettings(
        {
          model: { name: "swin", ...offer.settings },
          method: { name },
          data: { source: { kind: "folder", path: "none" }, imageSize: side },
        },
        settings.map(({ key, value }) => ({ path: key, value })),
      ),
    ),
  );
  expect(Math.abs((said?.cost ?? 0) / (step / 3 / encoder.multiplyAdds) - 1)).toBeLessThan(apart);
});

/** With three of four patches outside the context: 0.85 of a ViT-B/16 that sees all of them. */
test.each([
  ["base", 16, 224, 0.85],
  ["tiny", 4, 32, 0.85],
] as const)(
  "MP3 with ViT %s/%d at %d px costs what its defaults say, %d of a whole pass",
  (size, patchSize, side, share) => {
    const { width, depth, heads } = vitSizes[size];
    const patches = (side / patchSize) ** 2;
    const { step, encoder } = costOf(
      parseConfig({
        model: { name: "vit", width, depth, heads, patchSize, positions: "none" },
        method: { name: "mp3" },
        data: { source: { kind: "folder", path: "none" }, imageSize: side },
      }),
    );
    const facts = { pictures: 50_000, shorterSide: side, side, channels: 3, device: "cpu", cores: 2 } as const;
    const multiplyAdds = blockMultiplyAdds(1 + patches, width, depth);
    const said = mp3.defaults?.({ ...facts, width, depth, patches, multiplyAdds });
    const counted = step / 3 / encoder.multiplyAdds;
    expect(counted).toBeCloseTo(share, 2);
    expect(Math.abs((said?.cost ?? 0) / counted - 1)).toBeLessThan(0.01);
  },
);

test.each([
  ["base", 16, 224],
  ["tiny", 4, 32],
] as const)("siamese masked modelling with ViT %s/%d at %d px costs what its defaults say", (size, patchSize, side) => {
  const { width, depth, heads } = vitSizes[size];
  const patches = (side / patchSize) ** 2;
  const facts = { pictures: 50_000, shorterSide: side, side, channels: 3, device: "cpu", cores: 2 } as const;
  const multiplyAdds = blockMultiplyAdds(1 + patches, width, depth);
  const said = siameseMim.defaults?.({ ...facts, width, depth, patches, multiplyAdds });
  const decoder = said?.choices.find(({ key }) => key === "method.decoder")?.value;
  const { step, encoder } = costOf(
    parseConfig(
      withSettings(
        {
          model: { name: "vit", width, depth, heads, patchSize },
          method: { name: "siameseMim" },
          data: { source: { kind: "folder", path: "none" }, imageSize: side },
        },
        [{ path: "method.decoder", value: decoder }],
      ),
    ),
  );
  expect(Math.abs((said?.cost ?? 0) / (step / 3 / encoder.multiplyAdds) - 1)).toBeLessThan(0.02);
});

/** Half of the patches encoded with a gradient, half without, and of each as many as the other behind the encoder. */
test.each([
  ["base", 16, 224],
  ["tiny", 4, 32],
] as const)("CAE with ViT %s/%d at %d px costs what its defaults say", (size, patchSize, side) => {
  const { width, depth, heads } = vitSizes[size];
  const patches = (side / patchSize) ** 2;
  const facts = { pictures: 50_000, shorterSide: side, side, channels: 3, device: "cpu", cores: 2 } as const;
  const multiplyAdds = blockMultiplyAdds(1 + patches, width, depth);
  const said = cae.defaults?.({ ...facts, width, depth, patches, multiplyAdds });
  const advice = Object.fromEntries(said?.choices.map(({ key, value }) => [key.replace("method.", ""), value]) ?? []);
  const { tokenizer, regressor, decoder } = advice;
  const { step, encoder } = costOf(
    parseConfig({
      model: { name: "vit", width, depth, heads, patchSize },
      method: { name: "cae", tokenizer, regressor, decoder },
      data: { source: { kind: "folder", path: "none" }, imageSize: side },
    } as Parameters<typeof parseConfig>[0]),
  );
  expect(Math.abs((said?.cost ?? 0) / (step / 3 / encoder.multiplyAdds) - 1)).toBeLessThan(0.02);
});

test("a classifier: timm's count of parameters for ViT-B/16, and of those a probe trains its head alone", () => {
  const config = (changes: object) =>
    parseFinetune({
      model: { name: "vit", size: "base" },
      classes: Array.from({ length: 1000 }, (_, i) => String(i)),
      data: { source: { kind: "folder", path: "none" } },
      pool: "class",
      ...changes,
    });
  const whole = classifierCost(config({}));
  expect(whole).toMatchObject({ parameters: 86_567_656, trainable: 86_567_656 }); // timm: vit_base_patch16_224
  const probe = classifierCost(config({ trainBlocks: 0 }));
  expect(probe.trainable).toBe(768 * 1000 + 1000);
  expect(probe.multiplyAdds / 1e9).toBeCloseTo(17.6, 1); // DeiT, table 5: 17.6 G
});
