import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fileInside } from "../../src/page/files.js";

const place = realpathSync(mkdtempSync(join(tmpdir(), "lacuna-inside-")));
afterAll(() => rmSync(place, { recursive: true }));
const root = join(place, "page");
mkdirSync(join(root, "examples"), { recursive: true });
for (const name of ["index.html", "examples/a b.png", ".hidden", "../secret.txt"]) writeFileSync(join(root, name), "x");

test("files inside, by their names or through links", async () => {
  symlinkSync("examples", join(root, "pictures"));
  expect(await fileInside(root, "/")).toEqual({ path: "index.html", size: 1 });
  expect(await fileInside(root, "/?m=1#part")).toEqual({ path: "index.html", size: 1 });
  expect(await fileInside(root, "/examples/a%20b.png?x=/..")).toEqual({ path: "examples/a b.png", size: 1 });
  expect(await fileInside(root, "/pictures/a%20b.png")).toEqual({ path: "examples/a b.png", size: 1 });
});

test("nothing that is outside, hidden, or no file", async () => {
  symlinkSync("../secret.txt", join(root, "out.txt"));
  symlinkSync("..", join(root, "up"));
  symlinkSync("nowhere", join(root, "dangling"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync(".hidden", join(root, "seen.txt"));
  execFileSync("mkfifo", [join(root, "pipe")]);
  const outside = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/up/secret.txt",
    "/out.txt",
    "/up/page/index.html/",
  ];
  const none = ["/.hidden", "/seen.txt", "/dangling", "/loop", "/pipe", "/examples", "/examples/", "/up", "/nothing"];
  const wrong = [
    "",
    "*",
    "index.html",
    "//index.html",
    "/%",
    "/%00",
    "/index.html%00",
    "/..\\secret.txt",
    `/${"a".repeat(2000)}`,
  ];
  for (const url of [...outside, ...none, ...wrong]) expect(await fileInside(root, url), url).toBeUndefined();
});
