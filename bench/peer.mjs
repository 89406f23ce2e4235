// One process of a comparison and the lines that it is asked with.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A failure that the reader can act on: printed as its message alone. */
export class BenchError extends Error {
  constructor(message, remedy) {
    super(remedy ? `${message}\n  ${remedy}` : message);
    this.name = "BenchError";
  }
}

const keptErrorText = 4000;

/** A worker process. It does nothing unless asked, and ends when its input does, so none outlives the driver. */
export class Peer {
  #child;
  #waiting;
  #ended;
  #errorText = "";

  /** @param {string} name @param {string} command @param {readonly string[]} args @param {NodeJS.ProcessEnv} env */
  constructor(name, command, args, env) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env });
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errorText = (this.#errorText + text).slice(-keptErrorText);
    });
    this.#child.stdin.on("error", () => {}); // a process that died is reported by its end
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#hear(line));
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve(error.message));
      this.#child.on("close", (status, signal) => resolve(signal ? `ended by ${signal}` : `exit status ${status}`));
    });
    this.#ended.then((how) => this.#waiting?.reject(this.#failure(how)));
  }

  get pid() {
    return this.#child.pid;
  }

  /** What it says once it has loaded everything. */
  ready() {
    return this.#answer();
  }

  /** @param {{ do: string }} message @returns the answer, an object */
  ask(message) {
    const answer = this.#answer();
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
    return answer;
  }

  async end() {
    this.#waiting = undefined;
    this.#child.stdin.end();
    await this.#ended;
  }

  #answer() {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        reject(this.#failure("it had ended before"));
    });
  }

  #hear(line) {
    if (!line.startsWith("{")) return; // a library that talks on standard output
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(JSON.parse(line));
  }

  #failure(how) {
    const remedy = how.includes("SIGKILL")
      ? "Was there enough memory? Try a smaller --batch, or one peer at a time."
      : "";
    return new BenchError(`${this.name} stopped (${how}).\n${this.#errorText.trim()}`, remedy);
  }
}
