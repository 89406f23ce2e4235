import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join, relative } from "node:path";

/** What this process may use of the machine. */
export interface MachineLimits {
  /** Cores: the affinity of the process and the CPU quota of its control groups, whichever is less; at least 1. */
  readonly cores: number;
  /** Bytes: the machine's memory and the limit of its control groups, whichever is less. */
  readonly memoryBytes: number;
}

export interface MachineLimitsOptions {
  /** Where /proc and /sys are read; tests hand in a made-up tree. Default "/". */
  readonly root?: string;
  /** Cores of the affinity mask; default what the operating system says. */
  readonly cores?: number;
  /** Memory of the machine in bytes; default what the operating system says. */
  readonly memoryBytes?: number;
}

interface Mount {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  /** The control group that is visible at the mount point: not "/" inside a container without its own namespace. */
  readonly top: string;
  readonly point: string;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // not there, or not ours to read: no limit known
  }
}

// proc(5), mountinfo: "31 24 0:28 <top> <point> <options> <optional fields> - <type> <source> <super options>"
function mounts(root: string): Mount[] {
  const found: Mount[] = [];
  for (const line of readText(join(root, "proc/self/mountinfo")).split("\n")) {
    const [left, right] = line.split(" - ");
    const [type, , options] = right?.split(" ") ?? [];
    const [, , , top, point] = left?.split(" ") ?? [];
    if (top === undefined || point === undefined) continue;
    if (type === "cgroup2") found.push({ version: 2, controllers: [], top, point });
    if (type === "cgroup") found.push({ version: 1, controllers: options?.split(",") ?? [], top, point });
  }
  return found;
}

// cgroups(7), /proc/self/cgroup: "4:memory:/path" for a controller of version 1, "0::/path" for version 2
function groupOf(root: string, mount: Mount, controller: string): string | undefined {
  for (const line of readText(join(root, "proc/self/cgroup")).split("\n")) {
    const [, number, controllers, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (mount.version === 2 ? number === "0" && controllers === "" : controllers?.split(",").includes(controller)) {
      return path;
    }
  }
  return undefined;
}

// The group of this process and those around it, innermost first: each of them limits.
function foldersOf(root: string, controller: "cpu" | "memory"): { version: 1 | 2; folder: string }[] {
  const folders: { version: 1 | 2; folder: string }[] = [];
  for (const mount of mounts(root)) {
    if (mount.version === 1 && !mount.controllers.includes(controller)) continue;
    const group = groupOf(root, mount, controller);
    if (group === undefined) continue;
    const below = relative(mount.top, group);
    // Docker with version 1 names the host's path, which is not below what it mounts: only the mount point is ours.
    let inside = below.startsWith("..") ? "." : join(".", below);
    for (; ; inside = dirname(inside)) {
      const folder = join(root, mount.point, inside);
      if (existsSync(folder)) folders.push({ version: mount.version, folder });
      if (inside === ".") break;
    }
  }
  return folders;
}

function quotaOf(version: 1 | 2, folder: string): number {
  const [quota, period] =
    version === 2
      ? readText(join(folder, "cpu.max")).trim().split(" ")
      : [readText(join(folder, "cpu.cfs_quota_us")), readText(join(folder, "cpu.cfs_period_us"))];
  const cores = Number.parseInt(quota ?? "", 10) / Number.parseInt(period ?? "", 10);
  return cores > 0 ? cores : Number.POSITIVE_INFINITY; // "max", -1 or no file: no quota
}

function memoryOf(version: 1 | 2, folder: string): number {
  const bytes = Number.parseInt(readText(join(folder, version === 2 ? "memory.max" : "memory.limit_in_bytes")), 10);
  return bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
}

/**
 * Cores and memory that this process may use. Inside a container `os.cpus()` and `os.totalmem()` speak of the whole
 * machine, and threads beyond the quota make everything slower; so the control groups (version 1 and 2, every level
 * from the process's own group to the top) are read too. A quota of 1.5 cores counts as 2: rounding down would leave
 * a third of it unused.
 */
export function machineLimits(options: MachineLimitsOptions = {}): MachineLimits {
  const root = options.root ?? "/";
  const quotas = foldersOf(root, "cpu").map(({ version, folder }) => quotaOf(version, folder));
  const limits = foldersOf(root, "memory").map(({ version, folder }) => memoryOf(version, folder));
  const cores = Math.min(options.cores ?? availableParallelism(), Math.ceil(Math.min(...quotas)));
  return { cores: Math.max(1, cores), memoryBytes: Math.min(options.memoryBytes ?? totalmem(), ...limits) };
}
