// Lacuna's process of a comparison: loads what was prepared, then does one thing for each line on stdin; answers are JSON
// lines. pytorch/worker.py is its twin, command for command.
// usage: node main.mjs '{"settings": a case, "precision": …, "threads": …, …}'
import { createInterface } from "node:readline";

const steps = ["pretrain", "fcmae", "mocoV3", "simsiam", "dino", "finetune"];
const workers = {
  ...Object.fromEntries(steps.map((kind) => [kind, () => import("./training.mjs")])),
  embed: () => import("./embed.mjs"),
  crops: () => import("./crops.mjs"),
  loop: () => import("./loop.mjs"),
  knn: () => import("./knn.mjs"),
  start: () => import("./start.mjs"),
  door: () => import("./door.mjs"),
};

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const options = JSON.parse(process.argv[2]);
const { open } = await workers[options.settings.kind]();
const { worker, about } = await open(options);
say({ ready: true, ...about });
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.do === "end") break;
  say(await worker[message.do](message));
}
await worker.close?.();
process.stdin.destroy();
