/**
 * Keeps a second process out of a run folder. Every process that wants the folder puts down a file of its own name, then
 * looks whether another's lies there; who sees one that is alive takes back his own and yields. Of two starters at least
 * the later sees the earlier, so never do both stay. Names are never used twice, so that clearing away the file of a
 * dead process cannot hit a living one, which is where schemes with one file name fail.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { onDisk, RunError, systemCode } from "./errors.js";
import { writeAtomic } from "./write-atomic.js";

const lockName = /^lock-\d+-[0-9a-f]{16}\.json$/;
const attempts = 60;
/** A lock younger than this may be that of a starter who will yield; one that is older is held. */
const settledMs = 1000;

const holderSchema = z.object({
  pid: z.int().min(1),
  /** Clock ticks from boot to the start of the process: tells it from a later one with the same number. */
  startTicks: z.string(),
  host: z.string(),
  boot: z.string(),
  /** In another container the same number is another process. */
  pidNamespace: z.string(),
  since: z.iso.datetime(),
});

/** Who holds a lock. */
export type LockHolder = z.output<typeof holderSchema>;

/** A lock that is held. */
export interface RunLock {
  /** What was found and cleared away: the lock of a process that no longer runs. */
  readonly note: string | undefined;
  /** Lets go; a second call does nothing. */
  release(): void;
}

interface Found {
  readonly path: string;
  readonly holder: LockHolder | undefined;
  /** unknown: written on another machine or in another container, which cannot be asked from here. */
  readonly state: "alive" | "dead" | "unknown";
}

/**
 * Takes the lock of an existing folder, over the lock of a dead process if need be.
 * @throws RunError "run-locked" naming the process that holds it and what to do
 */
export async function acquireLock(folder: string): Promise<RunLock> {
  for (let attempt = 0; ; attempt++) {
    const before = strongest(findLocks(folder));
    if (before === undefined) {
      const own = putDown(folder);
      const others = findLocks(folder).filter(({ path }) => path !== own);
      if (strongest(others) === undefined) return held(own, others);
      rmSync(own, { force: true });
    } else if (attempt >= attempts || !isFresh(before)) {
      throw locked(before);
    }
    await sleep(5 + Math.random() * 45);
  }
}

/** Who holds the folder now: undefined where nobody does, or only a process that is dead. */
export function lockHolder(folder: string): LockHolder | undefined {
  return strongest(findLocks(folder))?.holder;
}

export function isLock(name: string): boolean {
  return lockName.test(name);
}

function held(own: string, stale: readonly Found[]): RunLock {
  for (const { path } of stale) rmSync(path, { force: true });
  const [last] = stale;
  const since = last?.holder === undefined ? "" : ` (process ${last.holder.pid}, since ${last.holder.since})`;
  return {
    note: last === undefined ? undefined : `The lock of a process that no longer runs was cleared away${since}.`,
    release: () => rmSync(own, { force: true }),
  };
}

function putDown(folder: string): string {
  const path = join(folder, `lock-${process.pid}-${randomBytes(8).toString("hex")}.json`);
  const stat = processStat(process.pid);
  const holder: LockHolder = {
    pid: process.pid,
    startTicks: stat?.startTicks ?? "",
    ...here(),
    since: new Date().toISOString(),
  };
  writeAtomic(path, `${JSON.stringify(holder)}\n`);
  return path;
}

function strongest(locks: readonly Found[]): Found | undefined {
  return locks.find(({ state }) => state === "alive") ?? locks.find(({ state }) => state === "unknown");
}

function isFresh({ holder }: Found): boolean {
  const age = holder === undefined ? Number.POSITIVE_INFINITY : Date.now() - Date.parse(holder.since);
  return Math.abs(age) < settledMs;
}

function findLocks(folder: string): Found[] {
  const names = onDisk(folder, () => readdirSync(folder)).filter(isLock);
  return names.flatMap((name) => {
    const path = join(folder, name);
    const holder = readHolder(path);
    return holder === "gone" ? [] : [{ path, holder, state: stateOf(holder) }];
  });
}

function readHolder(path: string): LockHolder | undefined | "gone" {
  try {
    return holderSchema.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch (error) {
    return systemCode(error) === "ENOENT" ? "gone" : undefined;
  }
}

function stateOf(holder: LockHolder | undefined): Found["state"] {
  const me = here();
  if (holder === undefined || holder.host !== me.host) return "unknown";
  if (holder.boot !== me.boot) return "dead"; // this machine was started anew
  if (holder.pidNamespace !== me.pidNamespace) return "unknown";
  const stat = processStat(holder.pid);
  if (stat === undefined) return isHidden(holder.pid) ? "alive" : "dead";
  const isZombie = stat.state === "Z" || stat.state === "X";
  return isZombie || stat.startTicks !== holder.startTicks ? "dead" : "alive";
}

function here(): Pick<LockHolder, "host" | "boot" | "pidNamespace"> {
  return {
    host: hostname(),
    boot: readOr("", () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: readOr("", () => readlinkSync("/proc/self/ns/pid")),
  };
}

/** Fields 3 and 22 of proc(5)'s stat; the name in field 2 may hold spaces and parentheses. */
function processStat(pid: number): { state: string; startTicks: string } | undefined {
  const text = readOr("", () => readFileSync(`/proc/${pid}/stat`, "utf8"));
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

/** Whether a process is there although /proc does not show it (mounted with hidepid). */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

function readOr(otherwise: string, read: () => string): string {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

function locked({ path, holder, state }: Found): RunError {
  const who = holder === undefined ? "a process it does not name" : `process ${holder.pid} on ${holder.host}`;
  const since = holder === undefined ? "" : ` since ${holder.since}`;
  const wait = "Wait for it or stop it, or choose another folder.";
  const unknown = `It cannot be asked from here. If it no longer runs, delete ${path}.`;
  return new RunError({
    code: "run-locked",
    path,
    expected: "a run folder that no other process writes to",
    actual: `a lock held by ${who}${since}`,
    remedy: state === "alive" ? wait : unknown,
  });
}
