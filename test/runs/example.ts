import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { RunEvent, RunFile, StepEvent } from "../../src/runs/schema.js";

/** A run.json with everything in it. */
export function exampleRun(change: Partial<RunFile> = {}): RunFile {
  return {
    formatVersion: 1,
    id: "2026-01-02-mae",
    createdAt: "2026-01-02T03:04:05.678Z",
    command: "lacuna pretrain photos",
    config: { seed: 0, method: { name: "mae", maskRatio: 0.75 } },
    derived: { steps: 585, warmupSteps: 58, baseline: 47 / 48 },
    versions: { lacuna: "0.1.0", node: "20.20.2", libtorch: "2.15.0" },
    commit: null,
    machine: { cpu: "x", cores: 2, threads: 2, memoryBytes: 8e9, device: "cpu", precision: "bfloat16" },
    data: { fingerprint: "ab12", size: 50000 },
    status: "running",
    ...change,
  };
}

export function stepEvent(step: number, change: Partial<StepEvent> = {}): StepEvent {
  return {
    type: "step",
    step,
    epoch: step / 195,
    loss: 1 / (1 + step),
    learningRate: 1e-3,
    gradNorm: 0.5,
    samples: step * 256,
    seconds: 0.5,
    waitSeconds: 0.05,
    ...change,
  };
}

export function startEvent(step = 0, change: Partial<Extract<RunEvent, { type: "start" }>> = {}): RunEvent {
  return { type: "start", time: "2026-01-02T03:04:06.000Z", step, pid: process.pid, ...change };
}

export function checkpointEvent(step: number): RunEvent {
  return { type: "checkpoint", step, path: `checkpoints/${step}.safetensors`, bytes: 1000, seconds: 0.1 };
}

/** A folder of the test file's own, removed at its end; each call gives a new path in it that does not exist yet. */
export function temporaryFolders(): () => string {
  const root = mkdtempSync(join(tmpdir(), "lacuna-runs-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let next = 0;
  return () => join(root, `run-${next++}`);
}

/** The code of the error that `act` throws or rejects with; "none" where it does not. */
export async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return (error as { code?: string }).code ?? `another error: ${error}`;
  }
  return "none";
}
