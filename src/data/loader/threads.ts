/** A crew of worker threads: starts them, notices those that hang or crash, and replaces them. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { type Crew, type CrewOptions, hangLimitMs, hungReason, messageOf } from "./crew.js";
import { threadEntry } from "./entry.js";
import { type Activity, Pulse } from "./pulse.js";
import type { Place, Ring } from "./ring.js";
import type { Why } from "./work.js";
import type { Instruction, WorkerData, WorkerReport } from "./worker.js";

interface Member {
  readonly index: number;
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly pulse: Pulse;
  ready: boolean;
  /** Not to be replaced any more: it was ended on purpose or has been replaced already. */
  dismissed: boolean;
  /** What its thread ended with. */
  reason: string | undefined;
  /** The picture it was at when last looked at, and since when: the time limit counts from there. */
  begun: number;
  since: number;
}

/** A thread that is inside native code cannot be ended; after this it is left alone, unable to run JavaScript again. */
const END_GRACE_MS = 2000;
/** A worker's own objects are small, pixels do not lie in its heap: a decoder that runs wild shall not take the machine. */
const LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 };
/** Workers that end without a picture to blame: more than this means that something else is wrong. */
const MOST_BLAMELESS_ENDS = 3;

export class ThreadCrew implements Crew {
  readonly #options: CrewOptions;
  readonly #members: Member[];
  #ring: Ring | undefined;
  #closed = false;
  #blamelessEnds = 0;

  constructor(options: CrewOptions, count: number) {
    this.#options = options;
    this.#members = Array.from({ length: count }, (_, index) => this.#start(index));
  }

  #start(index: number): Member {
    const { setup, noteFolder } = this.#options;
    const { port1, port2 } = new MessageChannel();
    const pulse = new Pulse();
    const data: WorkerData = { setup, index, noteFolder, pulse: pulse.memory, port: port2 };
    const worker = startWorker(data, port2);
    const member: Member = {
      ...{ index, worker, port: port1, pulse },
      ...{ ready: false, dismissed: false, reason: undefined, begun: -1, since: performance.now() },
    };
    port1.on("message", (report: WorkerReport) => this.#receive(member, report));
    worker.on("error", (error) => {
      member.reason = messageOf(error);
    });
    worker.on("exit", () => this.#ended(member));
    // Waiting keeps the process alive (the loader's timer does), idle workers must not.
    port1.unref();
    worker.unref();
    return member;
  }

  #receive(member: Member, report: WorkerReport): void {
    if (report.type === "ready") member.ready = true;
    else this.#options.onReport(report);
  }

  use(ring: Ring): void {
    this.#ring = ring;
    for (const member of this.#members) this.#assign(member, []);
  }

  #assign(member: Member, first: readonly Place[]): void {
    if (this.#ring !== undefined) post(member, { type: "ring", memory: this.#ring.memory, first });
  }

  wake(): void {
    for (const member of this.#members) post(member, { type: "wake" });
  }

  drain(): void {
    for (const member of this.#members) this.#drainOne(member);
  }

  #drainOne(member: Member): void {
    for (;;) {
      const received = receiveMessageOnPort(member.port) as { message: WorkerReport } | undefined;
      if (received === undefined) return;
      this.#receive(member, received.message);
    }
  }

  watch(): void {
    const limitMs = hangLimitMs(this.#options.setup.decode.timeoutMs);
    const now = performance.now();
    for (const member of this.#members) {
      const activity = member.pulse.read();
      if (activity === undefined || activity.begun !== member.begun) {
        member.begun = activity?.begun ?? -1;
        member.since = now;
      } else if (now - member.since > limitMs && !member.dismissed && this.#revoke(member, activity)) {
        this.#blame(activity, { code: "timeout", reason: hungReason(limitMs) });
        member.dismissed = true;
        void endThread(member.worker).then(() => this.#succeed(member));
      }
    }
  }

  /** False when the picture was finished after all. On an earlier ring nobody waits for its place. */
  #revoke(member: Member, activity: Activity): boolean {
    return activity.ring !== this.#ring?.memory.id || this.#ring.revoke(activity, member.index);
  }

  #blame(activity: Activity, why: Why): void {
    const { ring, sample, ordinal, position } = activity;
    this.#options.onReport({ type: "met", ring, place: { ordinal, position }, sample, why });
    Atomics.store(this.#options.setup.known, sample, 1);
  }

  #ended(member: Member): void {
    if (this.#closed || member.dismissed) return;
    member.dismissed = true;
    this.#drainOne(member);
    const reason = member.reason ?? "its worker thread ended without an error";
    const activity = member.pulse.read();
    if (member.ready && activity !== undefined) {
      this.#blame(activity, { code: "crashed", reason });
    } else if (!member.ready || ++this.#blamelessEnds > MOST_BLAMELESS_ENDS) {
      const what = member.ready ? "data workers end again and again" : "a data worker did not start";
      this.#options.onReport({ type: "failed", reason: `${what}: ${reason}` });
      return;
    }
    this.#succeed(member);
  }

  /** Puts another worker in the place of one whose thread can write no more, and gives it what that one held. */
  #succeed(member: Member): void {
    this.#drainOne(member);
    member.port.close();
    if (this.#closed) return;
    const successor = this.#start(member.index);
    this.#members[member.index] = successor;
    this.#assign(successor, this.#ring?.release(member.index) ?? []);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(
      this.#members.map(async (member) => {
        await endThread(member.worker);
        member.port.close();
      }),
    );
  }
}

function post(member: Member, instruction: Instruction): void {
  member.port.postMessage(instruction);
}

function ignore(): void {}

/** Ends a thread, or gives up waiting for one that sits in native code. */
async function endThread(worker: Worker): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, END_GRACE_MS);
  });
  await Promise.race([worker.terminate().then(ignore, ignore), grace]);
  clearTimeout(timer);
}

function startWorker(data: WorkerData, port: MessagePort): Worker {
  const { file, options } = threadEntry(import.meta.url, "./worker");
  return new Worker(file, { ...options, workerData: data, transferList: [port], resourceLimits: LIMITS });
}
