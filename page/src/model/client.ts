import type { Answer, CallName, Calls } from "./messages.js";

/** What of a worker is used, so that a test can stand in for it. */
export interface Port {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<Answer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** The worker as functions that return promises. */
export class Client {
  #next = 0;
  readonly #open = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();

  constructor(
    private readonly port: Port,
    private readonly progress: (share: number) => void,
  ) {
    port.onmessage = ({ data }) => this.#receive(data);
    port.onerror = (event) => this.#fail(event.message || "the worker could not be started");
  }

  call<N extends CallName>(name: N, input: Calls[N]["input"]): Promise<Calls[N]["output"]> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.port.postMessage({ id, name, input });
    });
  }

  #receive(answer: Answer): void {
    if ("progress" in answer) {
      this.progress(answer.progress);
      return;
    }
    const waiting = this.#open.get(answer.id);
    this.#open.delete(answer.id);
    if ("error" in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.output as never);
  }

  /** A worker that died answers nothing any more. */
  #fail(message: string): void {
    for (const { reject } of this.#open.values()) reject(new Error(message));
    this.#open.clear();
  }
}
