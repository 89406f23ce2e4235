import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { checkDevice, defaultPrecision, libtorchVersion } from "../../engine/device.js";
import { machineLimits } from "../../engine/limits.js";
import { setThreads, threads } from "../../engine/modes.js";
import type { RunFile } from "../../runs/schema.js";
import type { LoopConfig, Precision } from "./task.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Version of this package. */
export function lacunaVersion(): string {
  return (JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string }).version;
}

/** Settles what a run takes from the machine. On resume `fixed` repeats what the run began with: other threads, other bits. */
export function settleMachine(
  config: Pick<LoopConfig, "device" | "precision">,
  fixed?: RunFile["machine"],
): RunFile["machine"] & { precision: Precision } {
  const device = checkDevice(config.device);
  const limits = machineLimits();
  setThreads(fixed?.threads ?? (Number(process.env["OMP_NUM_THREADS"]) || limits.cores)); // who sets the variable means it
  const wanted = config.precision === "auto" ? defaultPrecision(device) : config.precision;
  const precision = (fixed?.precision ?? wanted) as Precision;
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: limits.cores,
    threads: threads(),
    memoryBytes: limits.memoryBytes,
    device,
    precision,
  };
}

export function versions(): RunFile["versions"] {
  return { lacuna: lacunaVersion(), node: process.versions.node, libtorch: libtorchVersion() };
}

/** The repository's commit, with `+` where files differ from it; null outside a repository. */
export function commit(): string | null {
  if (!existsSync(`${root}.git`)) return null; // installed as a package: the folder around it is somebody else's
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return `${git("rev-parse", "HEAD")}${git("status", "--porcelain", "-uno") === "" ? "" : "+"}`;
  } catch {
    return null;
  }
}

/** A short name for a run: time and a hash. */
export function runId(createdAt: string, config: unknown): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([createdAt, config, process.pid]))
    .digest("hex");
  return `${createdAt.slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}-${hash.slice(0, 6)}`;
}
