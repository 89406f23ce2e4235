// Start-up: how long a process takes from its call to its end. Spawned by this small process, for both sides alike.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { statusBytes } from "../machine.mjs";

const dist = join(import.meta.dirname, "..", "..", "dist");
const index = JSON.stringify(join(dist, "index.js"));
const node = (program) => [process.execPath, "--input-type=module", "--eval", program];

const commands = {
  lacuna: {
    help: () => [process.execPath, join(dist, "cli", "main.js"), "--help"],
    import: () => node(`await import(${index})`),
    tensor: () => node(`const { ones } = await import(${index}); console.log(ones([8, 8]).sum().item());`),
  },
  python: {
    help: (python) => [python, "-c", "import torch"],
    import: (python) => [python, "-c", "import torch"],
    tensor: (python) => [python, "-c", "import torch; print(int(torch.ones(8, 8).sum().item()))"],
  },
};

class Starting {
  #peak = 0;

  constructor({ side, settings, python }) {
    this.settings = settings;
    [this.command, ...this.args] = commands[side === "lacuna" ? "lacuna" : "python"][settings.what](python);
  }

  /** Runs it once. `watch` is called every few milliseconds meanwhile. */
  #run(watch) {
    return new Promise((resolve, reject) => {
      const began = performance.now();
      const child = spawn(this.command, this.args, { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
      const timer = watch && setInterval(() => watch(child.pid), 2);
      child.on("error", reject);
      child.on("close", (status) => {
        clearInterval(timer);
        if (status === 0) resolve({ milliseconds: performance.now() - began, output });
        else reject(new Error(`${this.command} ended with status ${status}`));
      });
    });
  }

  /** Untimed, and watched: its largest memory, to within two milliseconds. What `tensor` prints must be the same. */
  async check() {
    const { output } = await this.#run((pid) => {
      try {
        this.#peak = Math.max(this.#peak, statusBytes(readFileSync(`/proc/${pid}/status`, "utf8"), "VmHWM") ?? 0);
      } catch {
        // it has just ended
      }
    });
    return { values: [this.settings.what === "tensor" ? Number(output) : 1] };
  }

  async step() {
    const { milliseconds } = await this.#run();
    return { milliseconds, peakBytes: this.#peak };
  }
}

export function open(options) {
  return { worker: new Starting(options), about: { threads: options.threads, version: "" } };
}
