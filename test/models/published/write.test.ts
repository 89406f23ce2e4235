import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SafetensorsFile } from "../../../src/formats/safetensors.js";
import { modelLayouts, openPublished } from "../../../src/models/published/open.js";
import { planWriting } from "../../../src/models/published/write.js";
import { workFolder } from "../../train/example.js";
import { micro, writeOfficial } from "./formula.js";

const work = workFolder("write");
afterAll(work.remove);
const place = (name: string): string => join(work.path, name);

test("the first layout of a name or a form that holds the model; files as its form has them", () => {
  using published = openPublished(writeOfficial(place("encoder.pth"), micro), { heads: 2 });
  const layouts = modelLayouts();
  expect(planWriting(published, layouts, "pth").layout.name).toBe("official");
  expect(planWriting(published, layouts, "folder").layout.name).toBe("hf-vit");
  const plan = planWriting(published, layouts, "timm");
  expect(plan).toMatchObject({ tensors: 30, dropped: [] });
  for (const { write } of plan.files) write(place("timm.safetensors"));
  using file = SafetensorsFile.open(place("timm.safetensors"));
  expect([file.metadata, file.names.length]).toEqual([{ format: "pt" }, 30]);
});

test("a layout that does not hold it: the error lists those that do", () => {
  using published = openPublished(writeOfficial(place("some.pth"), micro), { heads: 2 });
  expect(() => planWriting(published, modelLayouts(), "torchvision")).toThrow(
    /a vit cannot be written as torchvision\. Choose one of official, timm, hf-vit, lacuna\./,
  );
});
