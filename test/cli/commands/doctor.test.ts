import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cacheFolder } from "../../../src/data/sources/cache.js";
import { lacuna, makePictures, temporaryFolder } from "../terminal.js";

test("the exit code tells: 3 where something wants a look, 4 where a run would stop", async () => {
  const pictures = await makePictures(join(temporaryFolder(), "pictures"), 10);
  const few = await lacuna("doctor", pictures); // twenty pictures: too few, and nothing else
  expect(few).toMatchObject({ code: 3, out: expect.stringContaining("only 20 pictures") });
  for (let i = 0; i < 5; i++) {
    const path = join(pictures, "a", `${i}.png`);
    writeFileSync(path, readFileSync(path).subarray(0, 100));
  }
  const { code, out } = await lacuna("doctor", pictures, "--json");
  expect(code).toBe(4);
  expect(JSON.parse(out)).toMatchObject({ status: "bad", pictures: 20, usable: 15 });
});

test("of the machine: cores, memory, libtorch and where it is, device, cache", async () => {
  const { code, out } = await lacuna("doctor", "--json");
  expect(code).toBe(0);
  const { machine, versions, engine, cache } = JSON.parse(out);
  expect(machine.cores).toBeGreaterThan(0);
  expect(versions.node).toBe(process.versions.node);
  expect(engine.version).toMatch(/^\d+\.\d+/);
  expect(engine.folder).toMatch(/^\//);
  expect(cache.folder).toBe(cacheFolder());
  expect((await lacuna("doctor")).out).toContain(engine.folder);
});
