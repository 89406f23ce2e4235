import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSource, sourceSchema } from "../../src/data/source.js";
import { temporaryFolder, writeTree } from "./pictures.js";

const root = temporaryFolder();

describe("openSource", () => {
  it("opens what a description says, with defaults filled in", async () => {
    writeTree(root, { "photos/a.png": "x", "list.txt": "photos/a.png\n" });
    const folder = await openSource({ kind: "folder", path: join(root, "photos") });
    const list = await openSource({ kind: "list", path: join(root, "list.txt") });
    expect([folder.name(0), list.name(0)]).toEqual(["a.png", "photos/a.png"]);
    expect(folder.spec).toEqual(sourceSchema.parse({ kind: "folder", path: join(root, "photos") }));
  });

  it("opens again from what was written down, with the same fingerprint", async () => {
    const source = await openSource({ kind: "folder", path: join(root, "photos") });
    const again = await openSource(JSON.parse(JSON.stringify(source.spec)));
    expect(again.fingerprint).toBe(source.fingerprint);
    writeTree(root, { "photos/b.png": "x" });
    expect((await openSource(source.spec)).fingerprint).not.toBe(source.fingerprint);
  });

  it("refuses a description that is none", async () => {
    await expect(openSource({ kind: "folder", path: "" })).rejects.toThrow(/path/);
  });
});
