import { join } from "node:path";
import { expect, test } from "vitest";
import { openPictures } from "../../../src/cli/measure/pictures.js";
import { makePictures, temporaryFolder } from "../terminal.js";

test("files keep their names as they were typed; a folder is itself", async () => {
  const folder = await makePictures(temporaryFolder(), 2);
  const files = ["a/1.png", "b/0.png"].map((name) => join(folder, name));
  const source = await openPictures(files);
  expect(files.map((_, i) => source.name(i))).toEqual(files);
  expect(await openPictures([folder])).toMatchObject({ size: 4, spec: { kind: "folder", path: folder } });
});

test("what is no file is named", async () => {
  const folder = temporaryFolder();
  await expect(openPictures(["a.png", "b.png"])).rejects.toThrow(
    "in a.png: expected picture files, or a single folder or list",
  );
  await expect(openPictures([folder, folder])).rejects.toThrow("a folder among files");
  await expect(openPictures(["0.tar", "1.tar"])).rejects.toThrow("expected one name for all archives, got 0.tar 1.tar");
});
