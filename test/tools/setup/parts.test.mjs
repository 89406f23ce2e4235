import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flagsFor, readDependencies } from "../../../tools/setup/addon.mjs";
import { keepAddons, keptAddons } from "../../../tools/setup/addon-cache.mjs";
import { keptWheel, sha256, wheels } from "../../../tools/setup/download.mjs";
import {
  cacheFolder,
  fetchedLibraries,
  fetchedVersion,
  findLibtorch,
  inspect,
} from "../../../tools/setup/libtorch.mjs";
import { innerEnvironment, matchesLock } from "../../../tools/setup/packages.mjs";
import { checkPlatform, compareVersions, parseVersion } from "../../../tools/setup/platform.mjs";
import { inParallel, run } from "../../../tools/setup/process.mjs";

let root;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lacuna-setup-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function write(name, text = "") {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text);
  return join(root, name);
}

describe("platform", () => {
  const machine = (platform, arch, node) => ({ platform, arch, versions: { node } });

  test.each([
    ["darwin", "arm64", "22.1.0", "Lacuna runs on Linux x86-64; this is darwin arm64."],
    ["win32", "x64", "22.1.0", "Lacuna runs on Linux x86-64; this is win32 x64."],
    ["linux", "arm64", "22.1.0", "Lacuna runs on Linux x86-64; this is linux arm64."],
    ["linux", "x64", "20.14.1", "Lacuna needs Node 20.15 or newer; this is 20.14.1."],
    ["linux", "x64", "18.20.0", "Lacuna needs Node 20.15 or newer; this is 18.20.0."],
  ])("%s %s %s is refused in words", (platform, arch, node, sentence) => {
    expect(() => checkPlatform(machine(platform, arch, node))).toThrow(sentence);
  });

  test.each(["20.15.0", "20.20.2", "24.0.0"])("Linux x86-64 with Node %s is taken", (node) => {
    expect(() => checkPlatform(machine("linux", "x64", node))).not.toThrow();
  });

  test("versions are compared as numbers", () => {
    expect(parseVersion("2.15.0+cpu")).toEqual([2, 15, 0]);
    expect(parseVersion("2.9")).toEqual([2, 9]);
    expect(parseVersion("none")).toBeUndefined();
    expect(compareVersions([2, 9], [2, 11])).toBeLessThan(0);
    expect(compareVersions([2, 11, 0], [2, 11])).toBe(0);
  });
});

describe("libtorch", () => {
  /** A folder that looks like libtorch of this version. */
  function libtorch(name, version, libraries = fetchedLibraries) {
    for (const library of libraries) write(`${name}/lib/${library}`);
    write(`${name}/include/ATen/core/dispatch/Dispatcher.h`);
    write(`${name}/include/torch/headeronly/version.h`, `#define TORCH_VERSION \\\n  "${version}"\n`);
    return join(root, name);
  }

  test("a folder is described, or its fault is", () => {
    const good = libtorch("good", "2.11.0+cu128", [...fetchedLibraries, "libtorch_cuda.so"]);
    expect(inspect(good)).toEqual({ folder: good, version: "2.11.0+cu128", cuda: true });
    expect(inspect(libtorch("old", "2.9.1")).problem).toBe("version 2.9.1, but 2.11 or newer is needed");
    expect(inspect(libtorch("part", "2.15.0", ["libc10.so"])).problem).toBe("lib/libtorch_cpu.so missing");
    expect(inspect(join(root, "nothing")).problem).toBe("no such folder");
  });

  test("LACUNA_LIBTORCH wins over the cache, and a wrong one is an error and not passed over", () => {
    vi.stubEnv("LACUNA_CACHE", root);
    libtorch(`libtorch-${fetchedVersion}`, fetchedVersion);
    const given = libtorch("given", "2.12.0");
    vi.stubEnv("LACUNA_LIBTORCH", given);
    expect(findLibtorch(undefined)).toMatchObject({ folder: given, from: "LACUNA_LIBTORCH", version: "2.12.0" });
    vi.stubEnv("LACUNA_LIBTORCH", join(root, "gone"));
    expect(() => findLibtorch(undefined)).toThrow(/LACUNA_LIBTORCH is .*gone: no such folder/);
  });

  test("the cache is taken when it is whole; what an earlier LACUNA_LIBTORCH named is not remembered", () => {
    vi.stubEnv("LACUNA_CACHE", root);
    vi.stubEnv("LACUNA_LIBTORCH", "");
    vi.stubEnv("PATH", ""); // no python3, no nvidia-smi
    const given = libtorch("given", "2.12.0");
    const stamp = { folder: given, version: "2.12.0", cuda: false, from: "LACUNA_LIBTORCH", gpu: false };
    const place = libtorch(`libtorch-${fetchedVersion}`, fetchedVersion, fetchedLibraries.slice(1));
    expect(findLibtorch(stamp)?.folder).not.toBe(given);
    expect(findLibtorch(stamp)?.folder).not.toBe(place);
    write(`libtorch-${fetchedVersion}/lib/${fetchedLibraries[0]}`);
    expect(findLibtorch(stamp)).toMatchObject({ folder: place, from: "the cache" });
  });

  test("an installed torch is found without running it", () => {
    const version = '#define TORCH_VERSION "2.13.0"';
    write("site/torch/__init__.py", "raise SystemExit('torch was imported')");
    write("site/torch/lib/libtorch_cpu.so");
    write("site/torch/lib/libc10.so");
    write("site/torch/include/ATen/core/dispatch/Dispatcher.h");
    write("site/torch/include/torch/headeronly/version.h", version);
    vi.stubEnv("LACUNA_CACHE", join(root, "empty"));
    vi.stubEnv("LACUNA_LIBTORCH", "");
    vi.stubEnv("PYTHONPATH", join(root, "site"));
    expect(findLibtorch(undefined)).toMatchObject({
      folder: join(root, "site/torch"),
      version: "2.13.0",
      from: "the torch installed for python3",
    });
  });

  test("the cache folder: LACUNA_CACHE, XDG_CACHE_HOME, ~/.cache", () => {
    expect(cacheFolder({ LACUNA_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
    expect(cacheFolder({ XDG_CACHE_HOME: "/b" })).toBe("/b/lacuna");
    expect(cacheFolder({})).toBe(join(homedir(), ".cache", "lacuna"));
  });

  test("a download that is whole is kept, a torn one is removed", async () => {
    const path = write("nvidia_cuda_cupti-1.whl", "whole");
    const wheel = { ...wheels[1], sha256: await sha256(path) };
    expect(wheel.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await keptWheel(root, wheel)).toBe(path);
    expect(await keptWheel(root, wheels[1])).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  test("unpacking takes the named parts only, and stays in its folder", async () => {
    const wheel = join(root, "a.whl");
    const program = `import zipfile, sys
z = zipfile.ZipFile(sys.argv[1], "w")
for n in ["t/lib/a.so", "t/lib/b.so", "t/include/x/y.h", "t/evil/../../../out.h"]: z.writestr(n, n)
z.close()`;
    expect((await run("python3", ["-c", program, wheel])).ok).toBe(true);
    const script = join(process.cwd(), "tools/setup/unpack.py");
    const unpack = (...parts) => run("python3", [script, wheel, join(root, "to"), ...parts]);
    expect(await unpack("t/lib/a.so=lib/a.so", "t/include/=include/")).toEqual({ ok: true, output: "2\n" });
    expect(readFileSync(join(root, "to/include/x/y.h"), "utf8")).toBe("t/include/x/y.h");
    expect(existsSync(join(root, "to/lib/b.so"))).toBe(false);
    expect((await unpack("t/none=x")).output).toContain("t/none is not in");
    expect((await unpack("t/evil/=e/")).output).toContain("points outside of its folder");
  });
});

describe("addon", () => {
  test("flags: RPATH, and CUDA only where it is", () => {
    const cpu = flagsFor({ folder: "/t", version: "2.15.0", cuda: false }, "/n");
    expect(cpu.compile).toEqual(expect.arrayContaining(["-std=c++20", "-DNAPI_VERSION=8", "/t/include", "/n"]));
    expect(cpu.link).toContain("-Wl,--disable-new-dtags,-rpath,/t/lib");
    expect(cpu.link).not.toContain("-ltorch_cuda");
    expect(flagsFor({ folder: "/t", version: "2.15.0", cuda: true }, "/n").link).toContain("-ltorch_cuda");
  });

  test("dependencies as the compiler writes them", () => {
    expect(readDependencies("a.o: /x/a.cc \\\n /x/b.h \\\n  /with\\ space/c.h\n")).toEqual([
      "/x/a.cc",
      "/x/b.h",
      "/with space/c.h",
    ]);
  });
});

describe("packages", () => {
  const entry = (version, more = {}) => ({ version, integrity: `sha-${version}`, ...more });
  const lock = { packages: { "": {}, a: entry("1.0.0"), "b-darwin": entry("1.0.0", { optional: true }) } };

  test.each([
    ["the same", { a: entry("1.0.0") }, true],
    ["with the optional one", { a: entry("1.0.0"), "b-darwin": entry("1.0.0") }, true],
    ["another version", { a: entry("1.0.1") }, false],
    ["another content", { a: { ...entry("1.0.0"), integrity: "sha-x" } }, false],
    ["one missing", {}, false],
    ["one too many", { a: entry("1.0.0"), c: entry("1.0.0") }, false],
  ])("installed: %s", (_, packages, matches) => expect(matchesLock(lock, { packages })).toBe(matches));

  test("nothing installed", () => expect(matchesLock(lock, undefined)).toBe(false));

  test("the inner npm does not inherit what describes the outer", () => {
    const kept = { npm_config_cache: "/c", npm_config_registry: "https://example.org", PATH: "/bin" };
    const outer = {
      npm_lifecycle_event: "pretest",
      npm_package_json: "x",
      npm_config_omit: "dev",
      NODE_ENV: "production",
    };
    expect(innerEnvironment({ ...kept, ...outer })).toEqual(kept);
  });
});

describe("processes", () => {
  test("a failing command gives its output, a missing one its name", async () => {
    expect(await run("sh", ["-c", "echo out; echo err >&2; exit 3"])).toEqual({ ok: false, output: "out\nerr\n" });
    expect((await run("no-such-command-here", [])).output).toContain("no-such-command-here");
  });

  test("at most `width` at a time, and the first error stops the rest", async () => {
    let running = 0;
    let most = 0;
    let ran = 0;
    const task = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (++ran === 4) throw new Error("the fourth");
    };
    await expect(inParallel(Array(20).fill(task), 2)).rejects.toThrow("the fourth");
    expect(most).toBe(2);
    expect(ran).toBeLessThanOrEqual(5);
  });

  test("the lock: one waits for the other, and a killed owner leaves nothing behind", async () => {
    const lock = new URL("../../../tools/setup/lock.mjs", import.meta.url).href;
    const holder = (work) =>
      spawn(process.execPath, [
        "--input-type=module",
        "-e",
        `import { withLock } from ${JSON.stringify(lock)};
         await withLock(${JSON.stringify(root)}, "this folder", async () => { console.log("inside"); ${work} });`,
      ]);
    const first = holder("await new Promise(() => setInterval(() => {}, 1000));");
    await once(first.stdout, "data");
    const second = holder("");
    let output = "";
    second.stdout.on("data", (text) => {
      output += text;
    });
    await once(second.stdout, "data");
    expect(output).toContain("another set-up is busy with this folder; waiting for it");
    expect(output).not.toContain("inside");
    first.kill("SIGKILL");
    expect(await once(second, "close")).toEqual([0, null]);
    expect(output).toContain("inside");
  });
});

describe("compiled addons in the cache", () => {
  beforeEach(() => vi.stubEnv("LACUNA_CACHE", root));

  test("are found again under their key, whole, and only there", () => {
    const file = write("built/lacuna.node", "bytes");
    keepAddons({ lacuna: file, pixels: file }, "key");
    const kept = keptAddons(["lacuna", "pixels"], "key");
    expect(readFileSync(kept.lacuna, "utf8")).toBe("bytes");
    expect(keptAddons(["lacuna", "pixels"], "other")).toBeUndefined();
    rmSync(kept.pixels);
    expect(keptAddons(["lacuna", "pixels"], "key")).toBeUndefined();
  });

  test("the eight used last are kept", () => {
    const file = write("built/lacuna.node");
    const has = (n) => keptAddons(["lacuna"], `key-${n}`) !== undefined;
    for (let n = 0; n < 8; n++) {
      keepAddons({ lacuna: file }, `key-${n}`);
      utimesSync(join(root, "addons", `key-${n}`), n, n);
    }
    expect(has(0)).toBe(true); // and by that it was used last
    keepAddons({ lacuna: file }, "key-8");
    expect([0, 1, 2, 8].map(has)).toEqual([true, false, true, true]);
  });

  test("a cache that cannot be written to is no error", () => {
    const file = write("built/lacuna.node");
    write("addons"); // a file where the folder should be
    keepAddons({ lacuna: file }, "key");
    expect(keptAddons(["lacuna"], "key")).toBeUndefined();
  });
});
