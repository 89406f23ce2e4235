// The large sizes of what test/train/checkpoints checks for Ti and S: node bench/pytorch/published.mjs PYTHON NUMBERS FOLDER size …
// PYTHON has torch, transformers and timm; NUMBERS is what test/reference/make_published.py wrote for these sizes (its word
// `numbers`). Lacuna's outputs are compared with them, and its written files with the originals. Huge takes 25 GB of disk.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { Classifier } from "../../dist/finetune/classifier.js";
import { convert, loadModel, noGrad, scope, tensor } from "../../dist/index.js";
import { keptPatches, maskFromNoise } from "../../dist/methods/parts/masks.js";
import { Vit } from "../../dist/public/models.js";
import { loadInto, openModelFile } from "../../dist/train/checkpoints/from-checkpoint.js";

const [python, numbers, folder, ...sizes] = process.argv.slice(2);
const published = JSON.parse(readFileSync(numbers, "utf8"));
const script = fileURLToPath(new URL("../../test/reference/make_published.py", import.meta.url));
const side = 224;

/** make_published.py's numbers in [-1, 1) from a name. */
function uniform(name, count, factor = 1) {
  const [values, seed] = [new Float32Array(count), crc32(name)];
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    values[i] = factor * (((x ^ (x >>> 16)) >>> 8) / 2 ** 23 - 1);
  }
  return values;
}

const image = () => tensor(uniform("image", 2 * 3 * side * side, 1.5), [2, 3, side, side]);

/** Largest difference over the stored values, relative to the tensor's largest value; 1e-5 is the bar. */
function compare(ours, key, outputs) {
  const { shape, step, values, largest } = outputs[key];
  if (String(ours.shape) !== String(shape)) throw new Error(`${key}: ${ours.shape} against ${shape}`);
  const flat = ours.float().toArray();
  const apart = Math.max(...values.map((value, i) => Math.abs(flat[i * step] - value))) / largest;
  process.stdout.write(`  ${key.padEnd(15)} lacuna's forward against theirs: ${apart.toExponential(1)}\n`);
  if (!(apart <= 1e-5)) process.exitCode = 1;
}

const calm = (body) => noGrad(() => scope(body));

function pretraining(path, patches, outputs) {
  const model = loadModel(path);
  calm(() => {
    const mask = maskFromNoise(tensor(uniform("noise", 2 * patches), [2, patches]), keptPatches(patches, 0.75));
    const latent = model.method.encodeVisible(image(), mask);
    compare(latent, "mae.latent", outputs);
    compare(model.method.decode(latent, mask), "mae.logits", outputs);
    compare(model.method.loss(image(), mask), "mae.loss", outputs);
  });
  model.close();
}

function encoder(path, outputs) {
  const model = loadModel(path);
  calm(() => {
    const tokens = model.encoder.call(image());
    for (const key of ["vit.tokens", "timm.features"]) compare(tokens, key, outputs);
  });
  model.close();
}

function classifier(path, pool, keys, outputs) {
  const file = openModelFile(path);
  const { width, depth, heads, mlpRatio, patchSize } = file.shape;
  const config = { name: "vit", width, depth, heads, mlpRatio, patchSize, dropPath: 0 };
  const model = new Classifier(new Vit(config, { imageSize: [side, side], channels: 3 }), {
    classes: 10,
    pool,
    trainBlocks: "all",
  });
  loadInto(model.state(), model.encoder, file, { positions: "resize", classifier: true });
  file[Symbol.dispose]();
  model.setTraining(false);
  calm(() => {
    const logits = model.call(image());
    for (const key of keys) compare(logits, key, outputs);
  });
  model.close();
}

function conversions(at, decoderHeads) {
  convert(at("full.pth"), at("first.safetensors"), { decoderHeads });
  convert(at("first.safetensors"), at("mae"));
  convert(at("mae"), at("second.safetensors"));
  convert(at("second.safetensors"), at("back.pth"));
  convert(at("encoder.pth"), at("vit"));
  convert(at("token.pth"), at("classifier"));
  convert(at("token.pth"), at("timm-token.safetensors"), { to: "timm" });
  convert(at("finetuned.pth"), at("timm-mean.safetensors"), { to: "timm" });
}

for (const size of sizes) {
  const { outputs, patchSize, decoder } = published.sizes[size];
  const place = join(folder, size);
  const at = (name) => join(place, name);
  const run = (word) => execFileSync(python, [script, word, place, size], { stdio: "inherit" });
  mkdirSync(place, { recursive: true });
  try {
    run("write");
    conversions(at, decoder.heads);
    run("check");
    pretraining(at("first.safetensors"), (side / patchSize) ** 2, outputs);
    encoder(at("encoder.pth"), outputs);
    classifier(at("token.pth"), "class", ["vit.classifier", "timm.token"], outputs);
    classifier(at("finetuned.pth"), "mean", ["timm.mean"], outputs);
  } finally {
    rmSync(place, { recursive: true });
  }
}
