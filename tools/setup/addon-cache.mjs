// Compiled addons, kept in the cache folder: another project with the same sources, compiler and libtorch need not wait for a compiler.
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./libtorch.mjs";

const keptAtMost = 8; // of 1.2 MB each

const folderOf = (key) => join(cacheFolder(), "addons", key);

/** {name: file} of the addons kept under this key, or undefined. */
export function keptAddons(names, key) {
  const files = names.map((name) => [name, join(folderOf(key), `${name}.node`)]);
  if (!files.every(([, file]) => existsSync(file))) return undefined;
  const now = new Date();
  utimesSync(folderOf(key), now, now); // the ones not asked for the longest time go first
  return Object.fromEntries(files);
}

/** Keeps copies of the addons, {name: file}, whole or not at all; the oldest ones make room. */
export function keepAddons(files, key) {
  const folder = folderOf(key);
  const temporary = `${folder}.${process.pid}`;
  try {
    mkdirSync(temporary, { recursive: true });
    for (const [name, file] of Object.entries(files)) copyFileSync(file, join(temporary, `${name}.node`));
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    removeOldest(join(cacheFolder(), "addons"));
  } catch {
    if (existsSync(temporary)) rmSync(temporary, { recursive: true }); // a full or read-only cache costs the next project a compilation
  }
}

function removeOldest(folder) {
  const all = readdirSync(folder).map((name) => ({
    path: join(folder, name),
    time: statSync(join(folder, name)).mtimeMs,
  }));
  for (const { path } of all.sort((a, b) => b.time - a.time).slice(keptAtMost)) rmSync(path, { recursive: true });
}
