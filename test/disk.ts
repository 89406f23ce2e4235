/** Disks that refuse: what a test mounts for itself, where it may. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

function mount(...parameters: string[]): boolean {
  try {
    execFileSync("mount", parameters, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function unmount(folder: string): void {
  execFileSync("umount", [folder]);
}

/** Whether this process may mount anything: root outside of most containers. */
export const mayMount = ((): boolean => {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-mount-"));
  const may = mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", folder);
  if (may) unmount(folder);
  rmSync(folder, { recursive: true });
  return may;
})();

/** A folder on a disk of its own; it goes with the test. */
export function smallDisk(kilobytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), "lacuna-disk-"));
  mount("-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder);
  onTestFinished(() => {
    unmount(folder);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** Uses up what is left of a small disk. @returns gives it back */
export function fill(disk: string): () => void {
  const file = join(disk, "filling");
  try {
    for (;;) writeFileSync(file, Buffer.alloc(4096), { flag: "a" });
  } catch {
    // full
  }
  return () => rmSync(file);
}

/** The same folder seen through a mount that cannot be written to. */
export function readOnly(folder: string): string {
  const view = mkdtempSync(join(tmpdir(), "lacuna-read-only-"));
  mkdirSync(folder, { recursive: true });
  mount("--bind", folder, view);
  mount("-o", "remount,bind,ro", view);
  onTestFinished(() => {
    unmount(view);
    rmSync(view, { recursive: true });
  });
  return view;
}
