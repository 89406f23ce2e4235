import { describe, expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { ConfigError } from "../../../src/errors.js";
import { FormatError } from "../../../src/formats/errors.js";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { recordedIn } from "../../../src/train/reference/recorded.js";
import { type Change, changed, referencePath } from "./changed.js";

test("a file of any method: its configuration, its tensors, its tolerances", () => {
  using file = SafetensorsFile.open(referencePath("supmae-class"));
  const [recorded, ...more] = recordedIn(file);
  expect(more).toEqual([]);
  expect(recorded?.config).toMatchObject({
    method: { name: "supmae", pool: "class", hidden: 0, temperature: 2 },
    model: { name: "vit", width: 24, patchSize: 5 },
    image: { imageSize: [30, 30], channels: 3 },
    optim: { name: "adamw", betas: [0.9, 0.95], weightDecay: 0.05 },
    rates: [0.002, 0.005, 0.003],
    progress: [0, 0.3, 0.6],
  });
  expect(recorded?.below("view/").sort()).toEqual(["image", "label"]);
  expect(scope(() => recorded?.read("view/label").toNumbers().slice(0, 2))).toEqual([-1, -1]);
  expect(recorded?.tolerances()).toMatchObject({ loss: 1e-5, gradients: 1e-4 });
});

test("the older layout is two records under the names of the other", () => {
  using file = SafetensorsFile.open(referencePath("mae-small"));
  const [plain, normalised, ...more] = recordedIn(file);
  expect(more).toEqual([]);
  expect(plain?.config.method).toMatchObject({ name: "mae", normalizeTargets: false, maskRatio: 0.75 });
  expect(normalised?.config.method).toMatchObject({ normalizeTargets: true });
  expect(plain?.config.rates).toEqual([1e-3, 1e-3, 1e-3, 1e-3, 1e-3]);
  expect(plain?.below("draw/")).toEqual(["mask"]);
  for (const [recorded, tag] of [
    [plain, 0],
    [normalised, 1],
  ] as const) {
    for (const [name, own] of [
      ["loss", `loss.${tag}`],
      ["grad/cls_token", `grad.${tag}/cls_token`],
      ["out/pred", `pred.${tag}`],
      ["steps.loss", "steps.loss"],
    ] as const)
      expect(scope(() => recorded?.read(name).toBytes())).toEqual(Uint8Array.from(file.read(own).data));
  }
});

describe("is refused", () => {
  const open = (name: string, change: Change): void => {
    using file = SafetensorsFile.open(changed(name, change));
    recordedIn(file);
  };

  test("a file without a configuration", () => {
    expect(() => open("supmae-class", { without: "config" })).toThrow(FormatError);
    expect(() => open("supmae-class", { without: "config" })).toThrow(
      /expected numbers of an official repository, with a config in the metadata, got config\.imageSize: /,
    );
  });

  test("a method that is not in the list", () => {
    const other: Change = { config: ['"name": "supmae"', '"name": "supermae"'] };
    expect(() => open("supmae-class", other)).toThrow(ConfigError);
    expect(() => open("supmae-class", other)).toThrow("there is no method called supermae");
  });

  test("a key that the method does not have", () => {
    const other: Change = { config: ['"classWeight"', '"weightOfClasses"'] };
    expect(() => open("supmae-class", other)).toThrow(/there is no key weightOfClasses.*make it again/);
  });

  test("tolerances that are no numbers", () => {
    using file = SafetensorsFile.open(referencePath("supmae-class"));
    const [recorded] = recordedIn(file);
    Object.assign(file, { metadata: { tolerance: '{"loss": "small"}' } });
    expect(() => recorded?.tolerances()).toThrow(/tolerance\.loss: /);
  });
});
