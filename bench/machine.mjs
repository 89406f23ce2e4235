// What the machine is and does, read from /proc.
import { readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { machineLimits } from "../dist/engine/limits.js";

/** Bytes of a field such as VmHWM in the text of /proc/<pid>/status; undefined where it is absent. */
export function statusBytes(text, field) {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Clock ticks of a process, user and system, from the text of /proc/<pid>/stat (its name may hold spaces and brackets). */
export function cpuTicks(text) {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Busy and all ticks of the whole machine, from the text of /proc/stat; waiting for a disk counts as idle. */
export function machineTicks(text) {
  const fields = (/^cpu +(.*)$/m.exec(text)?.[1] ?? "").split(" ").map(Number);
  const all = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0); // the rest is contained in the first two
  return { busy: all - fields[3] - fields[4], all };
}

const read = (path) => readFileSync(path, "utf8");

/** The largest resident memory that a process has had, in bytes. */
export const peakBytes = (pid) => statusBytes(read(`/proc/${pid}/status`), "VmHWM");

/** Seconds of CPU that a process has used. USER_HZ is 100 on every Linux (man 7 time). */
export const cpuSeconds = (pid) => cpuTicks(read(`/proc/${pid}/stat`)) / 100;

/** Mean of runnable processes over the last minute. */
export const loadAverage = () => Number(read("/proc/loadavg").split(" ")[0]);

/** Cores that are at work over the next `ms`, whoever uses them. */
export async function busyCores(ms) {
  const before = machineTicks(read("/proc/stat"));
  await wait(ms);
  const after = machineTicks(read("/proc/stat"));
  return ((after.busy - before.busy) / Math.max(1, after.all - before.all)) * cpus().length;
}

/** What a record says of the machine. */
export function describeMachine() {
  const { cores, memoryBytes } = machineLimits();
  return { cpu: cpus()[0]?.model ?? "unknown", cores, memoryBytes, linux: release() };
}

/** Settings of the environment that change how fast threads or memory are; both sides of a pair get the same. */
export function speedSettings(environment = process.env) {
  const relevant =
    /^(OMP_|GOMP_|KMP_|MKL_|DNNL_|ONEDNN_|ATEN_|TORCH|MALLOC_|GLIBC_TUNABLES$|LD_PRELOAD$|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => relevant.test(name)));
}
