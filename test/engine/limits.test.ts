import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { machineLimits } from "../../src/engine/limits.js";

const machine = { cores: 16, memoryBytes: 64e9 };
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lacuna-limits-"));
});
afterEach(() => rmSync(root, { recursive: true }));

function tree(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), `${text}\n`);
  }
}

const limits = () => machineLimits({ root, ...machine });
const version2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
const version1 = (top: string) =>
  [
    `34 31 0:29 ${top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct`,
    `35 31 0:32 ${top} /sys/fs/cgroup/memory rw master:9 - cgroup cgroup rw,memory`,
    `36 31 0:33 ${top} /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices`,
  ].join("\n");

describe("control groups, version 2", () => {
  test("a container with its own namespace: the limits lie at the top", () => {
    tree({
      "proc/self/mountinfo": version2,
      "proc/self/cgroup": "0::/",
      "sys/fs/cgroup/cpu.max": "200000 100000",
      "sys/fs/cgroup/memory.max": "4294967296",
    });
    expect(limits()).toEqual({ cores: 2, memoryBytes: 4294967296 });
  });

  test("the tightest of the groups around the process counts", () => {
    tree({
      "proc/self/mountinfo": version2,
      "proc/self/cgroup": "0::/user.slice/job.scope",
      "sys/fs/cgroup/cgroup.procs": "",
      "sys/fs/cgroup/user.slice/cpu.max": "300000 100000",
      "sys/fs/cgroup/user.slice/memory.max": "max",
      "sys/fs/cgroup/user.slice/job.scope/cpu.max": "max 100000",
      "sys/fs/cgroup/user.slice/job.scope/memory.max": "1000000000",
    });
    expect(limits()).toEqual({ cores: 3, memoryBytes: 1e9 });
  });

  test.each([
    ["150000 100000", 2],
    ["50000 100000", 1],
    ["10000 50000", 1],
    ["3200000 100000", 16],
    ["max 100000", 16],
  ])("cpu.max %s of 16 cores is %i", (quota, cores) => {
    tree({
      "proc/self/mountinfo": version2,
      "proc/self/cgroup": "0::/",
      "sys/fs/cgroup/cpu.max": quota,
    });
    expect(limits()).toEqual({ cores, memoryBytes: machine.memoryBytes });
  });
});

describe("control groups, version 1", () => {
  test("Docker: the group's path is the host's, the limits lie at the mount points", () => {
    tree({
      "proc/self/mountinfo": version1("/docker/4f2a"),
      "proc/self/cgroup": "5:cpu,cpuacct:/docker/4f2a\n4:memory:/docker/4f2a\n1:name=systemd:/docker/4f2a",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "2147483648",
    });
    expect(limits()).toEqual({ cores: 3, memoryBytes: 2147483648 });
  });

  test("a path that is not below the mount falls back to the mount point", () => {
    tree({
      "proc/self/mountinfo": version1("/docker/4f2a"),
      "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    });
    expect(limits()).toEqual({ cores: 1, memoryBytes: machine.memoryBytes });
  });

  test("on the host: nested groups, a quota of -1 is none", () => {
    tree({
      "proc/self/mountinfo": version1("/"),
      "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/jobs/seven",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
      "sys/fs/cgroup/memory/jobs/memory.limit_in_bytes": "5000000000",
      "sys/fs/cgroup/memory/jobs/seven/memory.limit_in_bytes": "6000000000",
    });
    expect(limits()).toEqual({ cores: 16, memoryBytes: 5e9 });
  });
});

test("no control groups, or files with nonsense: the machine's own numbers", () => {
  expect(limits()).toEqual(machine);
  tree({ "proc/self/mountinfo": version2, "proc/self/cgroup": "nonsense", "sys/fs/cgroup/cpu.max": "1 2 3" });
  expect(limits()).toEqual(machine);
});

test("this machine: no more cores than nproc says, no more memory than there is", () => {
  const { cores, memoryBytes } = machineLimits();
  const affinity = Number(execFileSync("nproc", { encoding: "utf8", env: { PATH: process.env["PATH"] } }));
  expect(cores).toBeGreaterThanOrEqual(1);
  expect(cores).toBeLessThanOrEqual(affinity);
  expect(memoryBytes).toBeGreaterThan(0);
  expect(memoryBytes).toBeLessThanOrEqual(totalmem());
});
