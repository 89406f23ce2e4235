/** The folder for what was fetched once, and a way to fill it that no interruption can spoil. */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FileError } from "../../runs/errors.js";
import { checkWritable, makeFolder } from "../../runs/write-atomic.js";

/** `$LACUNA_CACHE`, else `$XDG_CACHE_HOME/lacuna`, else `~/.cache/lacuna`; absolute. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["LACUNA_CACHE"];
  if (own) return resolve(own);
  return resolve(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lacuna");
}

export interface WritableCache {
  readonly folder: string;
  /** Why it is not the cache itself: a line for people. */
  readonly note?: string;
}

/** The cache, or a folder of this user's among the temporary ones where it cannot be written. @throws FileError where neither can */
export function writableCache(): WritableCache {
  const folder = cacheFolder();
  try {
    makeFolder(folder);
    checkWritable(join(folder, "a"));
    return { folder };
  } catch (error) {
    const instead = temporaryCache();
    if (!(error instanceof FileError) || instead === folder) throw error;
    makeFolder(instead);
    if (statSync(instead).uid !== process.getuid?.()) throw error; // another user's: what lies there is not to be trusted
    return { folder: instead, note: `The cache ${folder} cannot be written (${error.actual}): ${instead} is used.` };
  }
}

function temporaryCache(): string {
  return join(tmpdir(), `lacuna-cache-${process.getuid?.() ?? "user"}`);
}

/** Where `name` stands in the cache, or in what is used instead of it. */
export function cached(name: string): string | undefined {
  return [cacheFolder(), temporaryCache()].map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * The folder `name` in the cache, filled by `fill` if it is not there. It is filled under another name and renamed when
 * complete, so that whoever finds it finds all of it. Two processes may fill at once: the first to finish wins.
 * @param tell gets a line where the cache cannot be written
 */
export async function filledOnce(
  name: string,
  fill: (folder: string) => Promise<void>,
  tell: (note: string) => void = () => undefined,
): Promise<string> {
  const there = cached(name);
  if (there !== undefined) return there;
  const cache = writableCache();
  if (cache.note !== undefined) tell(cache.note);
  const folder = join(cache.folder, name);
  await removeAbandoned(cache.folder, name);
  const partial = `${folder}${PARTIAL}${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial);
  try {
    await fill(partial);
    await rename(partial, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

const PARTIAL = ".partial-";

/** Removes what processes left that were killed while filling; those still alive are at work. */
async function removeAbandoned(cache: string, name: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(name + PARTIAL)) continue;
    const owner = Number(entry.slice(name.length + PARTIAL.length));
    if (!isAlive(owner)) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Why something could not be fetched, in one line; whoever wanted it says so in a DataError. */
export class FetchFailure extends Error {}

/** Long enough for 140 MB over a slow line; a program that hangs without an end must not hang us. */
const PROGRAM_TIMEOUT_MS = 30 * 60_000;

/**
 * Runs a program of the system to its end and gives its standard output.
 * @throws FetchFailure whose message is one line: why it could not start, or the last thing it complained about
 */
export function runProgram(command: string, parameters: readonly string[], folder: string): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, parameters, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    // Not spawn's own timeout: its timer outlives a program that could not be started, and keeps the process waiting.
    const timer = setTimeout(() => child.kill(), PROGRAM_TIMEOUT_MS);
    let output = "";
    let complaint = "";
    child.stdout.on("data", (chunk) => {
      output += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      complaint = (complaint + String(chunk)).slice(-4000);
    });
    child.on("error", (cause) => {
      clearTimeout(timer);
      fail(new FetchFailure(`${command} could not be started (${cause.message})`, { cause }));
    });
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      if (status === 0) done(output);
      else fail(new FetchFailure(`${command} ended with ${signal ?? `status ${status}`}: ${essence(complaint)}`));
    });
  });
}

/** The first line that speaks of an error: what follows it, in npm and apt, is advice and log files. */
function essence(complaint: string): string {
  const lines = complaint.split("\n").map((line) => line.trim());
  const telling =
    lines.find((line) => /^(npm error (?!code|errno)|E:)/.test(line)) ?? lines.findLast((line) => line !== "");
  return (telling ?? "no message").slice(0, 300);
}
