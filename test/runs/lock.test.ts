import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { acquireLock, isLock, lockHolder } from "../../src/runs/lock.js";
import { writeAtomic } from "../../src/runs/write-atomic.js";
import { type Child, startChild } from "./child.js";
import { codeOf, temporaryFolders } from "./example.js";

vi.mock(import("../../src/runs/write-atomic.js"), async (original) => {
  const actual = await original();
  return { ...actual, writeAtomic: vi.fn(actual.writeAtomic) };
});

const newFolder = temporaryFolders();
const children: Child[] = [];

function folder(): string {
  const path = newFolder();
  mkdirSync(path);
  return path;
}

/** A process that takes the lock, says so, and holds it until it is killed. */
function holder(place: string, before = "", options = {}): Child {
  const body = `
    const { acquireLock } = await load("lock.ts");
    ${before}
    const lock = await acquireLock(${JSON.stringify(place)});
    say("held " + (lock.note ?? ""));
    setInterval(() => {}, 1000);`;
  const child = startChild(body, options);
  children.push(child);
  return child;
}

afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
});

test("a folder is held by one until he lets go", async () => {
  const place = folder();
  const lock = await acquireLock(place);
  expect(lock.note).toBeUndefined();
  expect(lockHolder(place)?.pid).toBe(process.pid);
  expect(await codeOf(() => acquireLock(place))).toBe("run-locked");
  lock.release();
  lock.release();
  expect(lockHolder(place)).toBeUndefined();
  expect(readdirSync(place)).toEqual([]);
  (await acquireLock(place)).release();
});

test("of many who begin at once exactly one holds it, again and again", async () => {
  const place = folder();
  for (let round = 0; round < 3; round++) {
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => acquireLock(place)));
    const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(won).toHaveLength(1);
    won[0]?.release();
    expect(readdirSync(place)).toEqual([]);
  }
});

test("of several processes exactly one holds it, and a dead one before them is in nobody's way", async () => {
  const place = folder();
  const first = holder(place);
  expect(await first.line()).toBe("held ");
  expect(await codeOf(() => acquireLock(place))).toBe("run-locked");
  await expect(acquireLock(place)).rejects.toThrow(
    new RegExp(
      `a lock held by process ${first.process.pid} on .* since .*Wait for it or stop it, or choose another folder`,
    ),
  );
  await first.kill();
  expect(lockHolder(place)).toBeUndefined();
  const at = Date.now() + 1500;
  const wait = `await new Promise((resolve) => setTimeout(resolve, ${at} - Date.now()));`;
  const answers = await Promise.all([1, 2, 3, 4].map(() => holder(place, wait).line()));
  const winners = answers.filter((answer) => answer.startsWith("held"));
  expect(winners).toHaveLength(1);
  expect(winners[0]).toContain(`cleared away (process ${first.process.pid},`);
  expect(answers.filter((answer) => answer === "error run-locked")).toHaveLength(3);
  expect(readdirSync(place).filter(isLock)).toHaveLength(1);
});

describe("a lock file from elsewhere", () => {
  async function withHolder(change: Record<string, unknown>): Promise<{ place: string; path: string }> {
    const place = folder();
    const lock = await acquireLock(place);
    const [name] = readdirSync(place);
    const own = JSON.parse(readFileSync(join(place, name as string), "utf8"));
    lock.release();
    const path = join(place, "lock-77-0123456789abcdef.json");
    writeFileSync(path, JSON.stringify({ ...own, since: "2026-01-02T03:04:05.000Z", ...change }));
    return { place, path };
  }

  test.each([
    ["of a number that another process has now", { startTicks: "1" }],
    ["of a process that is gone", { pid: 2 ** 22 + 1 }],
    ["of this machine before it was started anew", { boot: "another" }],
  ])("%s is taken over with a note", async (_, change) => {
    const { place } = await withHolder(change);
    expect(lockHolder(place)).toBeUndefined();
    const lock = await acquireLock(place);
    expect(lock.note).toMatch(/no longer runs was cleared away \(process \d+, since 2026-01-02/);
    expect(readdirSync(place)).toHaveLength(1);
    lock.release();
  });

  test.each([
    ["of another machine", { host: "elsewhere" }, /process \d+ on elsewhere/],
    ["of another container", { pidNamespace: "pid:[1]" }, /process \d+ on/],
    ["that cannot be read", { pid: "?" }, /a process it does not name/],
  ])("%s is respected, and the message says which file to delete", async (_, change, message) => {
    const { place, path } = await withHolder(change);
    await expect(acquireLock(place)).rejects.toThrow(message);
    await expect(acquireLock(place)).rejects.toThrow(`If it no longer runs, delete ${path}.`);
    expect(readdirSync(place)).toEqual(["lock-77-0123456789abcdef.json"]);
  });
});

test("a process that was killed and that nobody waited for counts as dead", async () => {
  const place = folder();
  const parent = holder(place, "", { unreaped: true });
  expect(await parent.line()).toBe("held ");
  const pid = lockHolder(place)?.pid as number;
  expect(pid).not.toBe(parent.process.pid);
  process.kill(pid, "SIGKILL");
  const state = (): string | undefined => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
  await vi.waitFor(() => expect(state()).toBe("Z"), { timeout: 60_000 });
  expect(lockHolder(place)).toBeUndefined();
  (await acquireLock(place)).release();
});

describe("another who puts down a lock between our look and our own", () => {
  /** Makes a living rival appear at the moment in which the next lock is written. */
  function rivalAppears(place: string, since: string): string {
    const path = join(place, "lock-1-ffffffffffffffff.json");
    const write = vi.mocked(writeAtomic).getMockImplementation() as typeof writeAtomic;
    vi.mocked(writeAtomic).mockImplementationOnce((own, content) => {
      writeFileSync(path, JSON.stringify({ ...JSON.parse(String(content)), since }));
      write(own, content);
    });
    return path;
  }

  test("is seen: we take ours back and say who holds it", async () => {
    const place = folder();
    const path = rivalAppears(place, "2026-01-02T03:04:05.000Z");
    expect(await codeOf(() => acquireLock(place))).toBe("run-locked");
    expect(readdirSync(place)).toEqual([basename(path)]);
  });

  test("and yields as we do: one of us gets it later", async () => {
    const place = folder();
    const path = rivalAppears(place, new Date().toISOString());
    setTimeout(() => rmSync(path), 100);
    const lock = await acquireLock(place);
    expect(readdirSync(place)).toHaveLength(1);
    lock.release();
  });
});

test("a folder that is not there is an error", async () => {
  expect(await codeOf(() => acquireLock(newFolder()))).toBe("system");
});
