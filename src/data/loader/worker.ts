/**
 * The entry of a worker thread. It loads nothing outside this folder and its parent, above all not libtorch, which every
 * thread that loads it would initialise again.
 */
import { constants, setPriority } from "node:os";
import { type MessagePort, workerData } from "node:worker_threads";
import { messageOf } from "./crew.js";
import { Note } from "./notes.js";
import { Pulse } from "./pulse.js";
import { type Place, Ring, type RingMemory } from "./ring.js";
import { type Report, Work, type WorkSetup } from "./work.js";

export interface WorkerData {
  readonly setup: WorkSetup;
  readonly index: number;
  readonly noteFolder: string | undefined;
  readonly pulse: SharedArrayBuffer;
  readonly port: MessagePort;
}

/** From the main thread. `ring`: work on this one from now on, and on these places of it first. `wake`: there is more. */
export type Instruction =
  | { readonly type: "ring"; readonly memory: RingMemory; readonly first: readonly Place[] }
  | { readonly type: "wake" };

export type WorkerReport = Report | { readonly type: "ready" };

class WorkerLoop {
  readonly #work: Work;
  readonly #index: number;
  #ring: Ring | undefined;
  #first: Place[] = [];
  #running = false;

  constructor(work: Work, index: number) {
    this.#work = work;
    this.#index = index;
  }

  async follow(instruction: Instruction): Promise<void> {
    if (instruction.type === "ring") {
      this.#ring = new Ring(instruction.memory, this.#index);
      this.#first = [...instruction.first];
    }
    if (this.#running) return;
    this.#running = true;
    try {
      // A new ring may arrive while a picture of the old one is being decoded: ask for the current one each time. An
      // instruction that comes after the last `take` finds `#running` false again, since nothing is awaited in between.
      for (let place = this.#next(); place !== undefined; place = this.#next()) {
        await this.#work.fill(this.#ring as Ring, place);
      }
    } finally {
      this.#running = false;
    }
  }

  #next(): Place | undefined {
    for (let place = this.#first.shift(); place !== undefined; place = this.#first.shift()) {
      if (this.#ring?.claim(place)) return place;
    }
    return this.#ring?.take();
  }
}

async function main(): Promise<void> {
  // Of this thread alone (Linux). A step's threads wait for one another at every operation, so that a moment taken from one is
  // taken from all; a batch is wanted once a step, and a trainer that waits for one leaves the cores free (LOG.md, 2026-11-26).
  setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
  const { setup, index, noteFolder, pulse, port } = workerData as WorkerData;
  const tell = (report: WorkerReport): void => port.postMessage(report);
  const note = noteFolder === undefined ? undefined : new Note(noteFolder, index);
  const work = new Work(setup, new Pulse(pulse), note, tell);
  await work.prepare();
  const loop = new WorkerLoop(work, index);
  port.on("message", (instruction: Instruction) => {
    loop.follow(instruction).catch((error: unknown) => {
      tell({ type: "failed", reason: messageOf(error) });
    });
  });
  tell({ type: "ready" });
}

await main();
