import { join } from "node:path";
import { expect, test } from "vitest";
import { lacuna, makePictures, temporaryFolder } from "../terminal.js";

test("pack says what it made and how to use it; the folder is a source; mistakes are told", async () => {
  const folder = temporaryFolder();
  const pictures = await makePictures(join(folder, "pictures"), 3);
  const out = join(folder, "packed");
  const made = await lacuna("data", "pack", pictures, "--out", out, "--workers", "0", "--size", "any");
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining(`${out}: 6 pictures in 1 file`) });
  expect(made.out).toContain(`lacuna pretrain packed:${out}`);
  const { code, out: text } = await lacuna(
    "data",
    "pack",
    out,
    "--out",
    join(folder, "b"),
    "--format",
    "jpeg",
    "--json",
  );
  expect(code).toBe(0);
  expect(JSON.parse(text)).toMatchObject({ pictures: 6, format: "jpeg", size: 256, classes: ["a", "b"] });
  expect(await lacuna("doctor", `packed:${out}`)).toMatchObject({
    code: 3,
    out: expect.stringContaining("only 6 pictures"),
  });
  for (const wrong of [
    ["--size", "big"],
    ["--quality", "0"],
    ["--format", "png"],
  ])
    expect((await lacuna("data", "pack", pictures, "--out", out, ...wrong)).code, wrong.join(" ")).toBe(2);
  expect(await lacuna("data", "pack", pictures, "--out", out)).toMatchObject({
    code: 1,
    error: expect.stringContaining("a set of other pictures or settings"),
  });
});
