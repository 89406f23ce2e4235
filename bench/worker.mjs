// Lacuna's process of a comparison: loads what the driver wrote, then does one thing for each line on stdin. The step
// is the one of src/train/trainer.ts for images already in memory. pytorch/worker.py is its twin, command for command.
// usage: node worker.mjs '{"inputs": path, "precision": …, "threads": …}'
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { libtorchVersion } from "../dist/engine/device.js";
import { autocast, noGrad, setThreads, threads } from "../dist/engine/modes.js";
import { outside, scope } from "../dist/engine/scope.js";
import { SafetensorsFile } from "../dist/formats/safetensors.js";
import { loadState, tensorOf } from "../dist/models/weights.js";
import { AdamW } from "../dist/optim/adamw.js";
import { gradientNorm } from "../dist/optim/clip.js";
import { weightDecayGroups } from "../dist/optim/groups.js";
import { backward } from "../dist/tensor/grad.js";
import { buildModel } from "./inputs.mjs";
import { statusBytes } from "./machine.mjs";

/** Hands the method the noise of the file where it would draw its own: `random` masks ask for nothing else. */
function givenNoise(noise) {
  const rng = { fork: () => rng, uniform: () => noise };
  return rng;
}

class Training {
  constructor({ inputs, precision, threads: count }) {
    setThreads(count);
    this.imported = statusBytes(readFileSync("/proc/self/status", "utf8"), "VmRSS");
    this.precision = precision;
    this.steps = 0;
    const file = SafetensorsFile.open(inputs);
    const settings = JSON.parse(file.metadata.case);
    this.method = buildModel(settings);
    this.method.setTraining(true);
    const weights = {
      path: inputs,
      names: file.names.filter((name) => name.startsWith("weight/")),
      entry: (name) => file.entry(name),
      read: (name) => file.read(name),
    };
    loadState(this.method.state(), weights, { prefix: "weight/" });
    this.image = outside(() => tensorOf(file.read("image"))); // [B 3 S S]
    this.noise = outside(() => tensorOf(file.read("noise")).unbind(0)); // [B N] for each of eight steps
    file.close();
    this.rate = settings.learningRate;
    const groups = weightDecayGroups(this.method.parameters(), settings.weightDecay);
    this.optimizer = new AdamW(groups, { betas: [0.9, 0.95], epsilon: 1e-8 });
  }

  forward(precision, index) {
    const rng = givenNoise(this.noise[index % this.noise.length]);
    const step = { index, epoch: 0, progress: 0, rng };
    return autocast(precision, () => this.method.call({ image: this.image }, step)).total;
  }

  loss({ precision }) {
    return { loss: noGrad(() => scope(() => this.forward(precision, 0).item())) };
  }

  step({ withNorm = false }) {
    const began = performance.now();
    const answer = scope(() => {
      const total = scope(() => {
        const loss = this.forward(this.precision, this.steps);
        backward(loss);
        return loss.item();
      });
      const normBegan = performance.now();
      if (withNorm) gradientNorm(this.method.parameters()).item();
      const normMilliseconds = performance.now() - normBegan;
      this.optimizer.step(this.rate);
      this.optimizer.zeroGrad();
      return { loss: total, normMilliseconds };
    });
    this.steps += 1;
    return { milliseconds: performance.now() - began, ...answer };
  }
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const training = new Training(JSON.parse(process.argv[2]));
say({ ready: true, threads: threads(), version: libtorchVersion(), imported: training.imported });
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.do === "end") break;
  say(training[message.do](message));
}
process.stdin.destroy();
