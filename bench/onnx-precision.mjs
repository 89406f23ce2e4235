// What fp16 and int8 weights cost in accuracy: 20-NN and an exact linear probe on CIFAR-10 with the features of each ONNX file.
// usage: node bench/onnx-precision.mjs <run> [--out records/<date>-onnx-precision]
// Bank and queries are the first 10,000 pictures of the training and of the test set; onnxruntime computes on the CPU.
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { encoderOnnx, extractFeatures, knn, linearProbe, loadModel, openSource, tensor } from "../dist/index.js";
import { plainLoader } from "../dist/public/train.js";

const today = new Date().toISOString().slice(0, 10);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: join(import.meta.dirname, "../records", `${today}-onnx-precision`) } },
});
const work = mkdtempSync(join(tmpdir(), "lacuna-onnx-"));
const model = loadModel(positionals[0], { device: "cpu" });
const { data } = model.config;
const bank = await pictures({ kind: "cifar10", split: "train", limit: 10_000 });
const queries = await pictures({ kind: "cifar10", split: "test" });
const rows = [];
for (const precision of ["fp32", "fp16", "int8"]) {
  const path = join(work, `${precision}.onnx`);
  encoderOnnx(model, { precision }).write(path);
  const session = await InferenceSession.create(path);
  const [train, test] = [await featuresOf(session, bank), await featuresOf(session, queries)];
  const [nearest] = knn(train, test, { k: [20] });
  const row = {
    precision,
    bytes: statSync(path).size,
    knn: nearest.accuracy,
    linear: linearProbe(train, test).accuracy,
  };
  rows.push(row);
  process.stdout.write(`${JSON.stringify(row)}\n`);
}
rmSync(work, { recursive: true });
write();

/** Normalised pictures [N C·H·W] and their labels. */
async function pictures(spec) {
  const loader = plainLoader(model.config, await openSource(spec), 250);
  const batches = loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 });
  const found = await extractFeatures((images) => images.flatten(1), batches, data);
  await loader.close();
  return found;
}

async function featuresOf(session, { features, labels }) {
  const [count, size] = features.shape;
  const pixels = features.toArray();
  const { channels, imageSize } = model.encoder;
  const parts = [];
  for (let at = 0; at < count; at += 250) {
    const shape = [Math.min(250, count - at), channels, ...imageSize];
    const feed = new OrtTensor("float32", pixels.subarray(at * size, (at + shape[0]) * size), shape);
    const { pooler_output: pooled } = await session.run({ pixel_values: feed }, ["pooler_output"]);
    parts.push(pooled.data);
  }
  const all = Float32Array.from(parts.flatMap((part) => [...part]));
  return { features: tensor(all, [count, all.length / count]), labels };
}

function write() {
  const percent = (share) => (100 * share).toFixed(2);
  const lines = rows.map(
    ({ precision, bytes, ...row }) =>
      `| ${precision} | ${(bytes / 1e6).toFixed(2)} | ${percent(row.knn)} | ${percent(row.linear)} |`,
  );
  const { width, depth } = model.config.model;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, "rows.json"), `${JSON.stringify({ step: model.step, rows }, null, 1)}\n`);
  writeFileSync(
    join(values.out, "README.md"),
    `# What the precision of an ONNX file costs

Made by \`node bench/onnx-precision.mjs\`: features of a ViT (width ${width}, depth ${depth}) after ${model.step} steps on CIFAR-10, computed by onnxruntime
from the exported file; 10,000 labelled pictures to learn from, 10,000 test pictures to judge by.

| \`--precision\` | MB | 20-NN % | linear probe % |
|---|---|---|---|
${lines.join("\n")}
`,
  );
}
