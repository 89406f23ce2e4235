import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { inspectFile, isBad } from "../../../src/data/doctor/inspect.js";
import { referencePath } from "../pictures.js";

const options = { maxPixels: 1e6, timeoutMs: 10_000, channels: 3 };

describe("inspectFile", () => {
  it("measures a good file, in plain data", async () => {
    const inspection = await inspectFile(referencePath("orientation-6.jpg"), options);
    if (isBad(inspection)) throw new Error(inspection.reason);
    const bytes = readFileSync(referencePath("orientation-6.jpg"));
    expect(inspection).toMatchObject({
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      width: 26,
      height: 18,
      facts: { format: "jpeg", orientation: 6, colour: "rgb" },
    });
    expect(Buffer.from(inspection.thumbnail, "base64").length).toBe(9 * 8 * 3);
    expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection);
  });

  it("answers with code and reason for a bad one", async () => {
    const inspection = await inspectFile("nowhere.jpg", options);
    expect(isBad(inspection)).toBe(true);
    expect(inspection).toMatchObject({ code: "missing", reason: expect.stringContaining("ENOENT") });
    expect(await inspectFile(referencePath("rgb.png"), { ...options, maxPixels: 10 })).toMatchObject({
      code: "too-large",
    });
  });
});
