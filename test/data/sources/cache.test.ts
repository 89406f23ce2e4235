import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cached, cacheFolder, filledOnce, runProgram, writableCache } from "../../../src/data/sources/cache.js";
import { mayMount, readOnly } from "../../disk.js";
import { temporaryFolder } from "../pictures.js";

const root = temporaryFolder();
let number = 0;
let cache = "";

beforeEach(() => {
  cache = join(root, String(number++));
  vi.stubEnv("LACUNA_CACHE", cache);
});
afterEach(() => vi.unstubAllEnvs());

describe("cacheFolder", () => {
  it("is what the environment says, in the documented order", () => {
    expect(cacheFolder({ LACUNA_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
    expect(cacheFolder({ XDG_CACHE_HOME: "/b" })).toBe("/b/lacuna");
    expect(cacheFolder({ XDG_CACHE_HOME: "" })).toBe(join(homedir(), ".cache/lacuna"));
  });
});

describe.skipIf(!mayMount)("a cache that can only be read", () => {
  const view = (): string => {
    mkdirSync(cache);
    mkdirSync(join(cache, "old"));
    const path = readOnly(cache);
    vi.stubEnv("LACUNA_CACHE", path);
    vi.stubEnv("TMPDIR", join(root, "temporary"));
    mkdirSync(join(root, "temporary"), { recursive: true });
    return path;
  };

  it("gives what it has; the rest goes to a temporary folder, and that is said", async () => {
    const path = view();
    const instead = join(root, "temporary", `lacuna-cache-${process.getuid?.()}`);
    const told: string[] = [];
    const fill = async (folder: string) => writeFileSync(join(folder, "a"), "1");
    expect(await filledOnce("old", fill, (line) => told.push(line))).toBe(join(path, "old"));
    expect(told).toEqual([]);
    expect(await filledOnce("new", fill, (line) => told.push(line))).toBe(join(instead, "new"));
    expect(told).toEqual([`The cache ${path} cannot be written (a read-only disk (EROFS)): ${instead} is used.`]);
    expect([cached("new"), cached("none")]).toEqual([join(instead, "new"), undefined]);
  });

  it("another user's temporary folder is not used", () => {
    view();
    const instead = join(root, "temporary", `lacuna-cache-${process.getuid?.()}`);
    mkdirSync(instead, { recursive: true });
    chownSync(instead, 65_534, 65_534);
    expect(() => writableCache()).toThrow(/read-only disk/);
    rmSync(instead, { recursive: true });
  });
});

describe("filledOnce", () => {
  it("fills a folder once", async () => {
    const fill = vi.fn(async (folder: string) => writeFileSync(join(folder, "a"), "1"));
    const first = await filledOnce("set", fill);
    expect(await filledOnce("set", fill)).toBe(first);
    expect(fill).toHaveBeenCalledTimes(1);
    expect(readFileSync(join(first, "a"), "utf8")).toBe("1");
    expect(readdirSync(cache)).toEqual(["set"]);
  });

  it("keeps nothing of a failure, and the next attempt succeeds", async () => {
    const half = async (folder: string) => {
      writeFileSync(join(folder, "half"), "");
      throw new Error("the line broke");
    };
    await expect(filledOnce("set", half)).rejects.toThrow("the line broke");
    expect(readdirSync(cache)).toEqual([]);
    const folder = await filledOnce("set", async (partial) => writeFileSync(join(partial, "whole"), ""));
    expect(readdirSync(folder)).toEqual(["whole"]);
  });

  it("removes what a killed process left, and not what a living one is filling", async () => {
    // Process 2^22 + 1 cannot exist: Linux numbers end at 2^22. Process 1 always does.
    for (const owner of [2 ** 22 + 1, 1]) mkdirSync(join(cache, `set.partial-${owner}`), { recursive: true });
    await filledOnce("set", async () => {});
    expect(readdirSync(cache).sort()).toEqual(["set", "set.partial-1"]);
  });

  it("takes what another process finished meanwhile", async () => {
    const folder = await filledOnce("set", async (partial) => {
      mkdirSync(join(cache, "set"));
      writeFileSync(join(cache, "set", "theirs"), "");
      writeFileSync(join(partial, "ours"), "");
    });
    expect(readdirSync(folder)).toEqual(["theirs"]);
    expect(existsSync(join(folder, "ours"))).toBe(false);
  });
});

describe("runProgram", () => {
  it("gives the output", async () => {
    expect(await runProgram("printf", ["%s", "a b"], root)).toBe("a b");
    expect((await runProgram("pwd", [], root)).trim()).toMatch(new RegExp(`${root}$`));
  });

  it("says in one line what went wrong", async () => {
    await expect(runProgram("no-such-program", [], root)).rejects.toThrow(
      /^no-such-program could not be started \(.*ENOENT/,
    );
    const complain = "echo npm error code E404 >&2; echo npm error not there >&2; echo npm error log: x >&2; exit 3";
    await expect(runProgram("sh", ["-c", complain], root)).rejects.toThrow(
      /^sh ended with status 3: npm error not there$/,
    );
    await expect(runProgram("sh", ["-c", "echo first >&2; echo last >&2; exit 1"], root)).rejects.toThrow(/: last$/);
    await expect(runProgram("sh", ["-c", "kill -9 $$"], root)).rejects.toThrow(/SIGKILL: no message/);
  });
});
