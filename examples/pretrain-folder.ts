/**
 * Pre-trains a small masked autoencoder on a folder of pictures and prints the loss.
 * Run: npx jiti examples/pretrain-folder.ts photos runs/example
 */
import { pretrain } from "lacuna";

const [photos = "photos", out = "runs/example", epochs = "400"] = process.argv.slice(2);

const run = pretrain(
  {
    seed: 0,
    epochs: Number(epochs),
    model: { name: "vit", size: "tiny", patchSize: 8 },
    method: { name: "mae", maskRatio: 0.75, decoder: { width: 96, depth: 1, heads: 3 } },
    data: { source: { kind: "folder", path: photos }, imageSize: 64, batchSize: 16 },
    optim: { name: "adamw", baseLearningRate: 1.5e-4, weightDecay: 0.05 },
  },
  { out },
);
for await (const event of run) {
  if (event.type === "step" && event.step % 10 === 0)
    process.stdout.write(`step ${event.step} loss ${event.loss.toFixed(4)}\n`);
  if (event.type === "preview") process.stdout.write(`picture ${event.path}\n`);
}
await run.close();
