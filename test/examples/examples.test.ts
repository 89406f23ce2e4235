import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { workFolder, writePictures } from "../train/example.js";

const work = workFolder("examples");
afterAll(work.remove);

test("pretrain-folder.ts trains and leaves a picture", async () => {
  const photos = await writePictures(join(work.path, "photos"), 32);
  const out = join(work.path, "run");
  const jiti = "node_modules/jiti/lib/jiti-cli.mjs";
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [jiti, "examples/pretrain-folder.ts", photos, out, "5"],
    { encoding: "utf8" },
  );
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^step 10 loss \d\.\d{4}$/m);
  expect(readdirSync(join(out, "previews"))).toContain("step-00000010.png");
});

test("the README shows the example as it stands", () => {
  const readme = readFileSync("README.md", "utf8");
  const [, shown] = /<!-- example: (\S+) -->\n+```ts\n([\s\S]*?)```/.exec(readme)?.slice(0, 3) ?? [];
  expect(shown).toBe("examples/pretrain-folder.ts");
  const code = /<!-- example: \S+ -->\n+```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  expect(readFileSync("examples/pretrain-folder.ts", "utf8")).toContain(code.trim());
});

test("the README shows what quickstart printed, as recorded", () => {
  const readme = readFileSync("README.md", "utf8");
  const [, file = "", shown = ""] = /<!-- output: (\S+) -->\n+```text\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(readFileSync(file, "utf8")).toContain(shown.trimEnd());
  expect(shown).toContain("after training");
});

test("files and pictures that the documents link to exist", () => {
  for (const file of ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/guide/own-photos.md"]) {
    const text = readFileSync(file, "utf8");
    for (const [, link = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect([file, link, existsSync(join(file, "..", link))]).toEqual([file, link, true]);
  }
});
