// Loads a folder of `lacuna export --hugging-face` with transformers.js, in each precision, and compares the features of pictures
// with those of `lacuna embed`. usage: node test/reference/check_hugging_face.mjs <run> [<folder of RGB pictures>]
// Default: pictures of noise that need no resizing, since resampling differs between libraries. It installs @huggingface/transformers from npm into a folder of its own.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";

const root = join(import.meta.dirname, "../..");
const [run, given] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), "lacuna-transformers-"));
const npm = process.env.LACUNA_TRANSFORMERS_JS ?? join(work, "npm");
if (!existsSync(join(npm, "node_modules/@huggingface/transformers"))) {
  mkdirSync(npm, { recursive: true });
  writeFileSync(join(npm, "package.json"), '{ "private": true }');
  execFileSync("npm", ["install", "--ignore-scripts", "@huggingface/transformers"], { cwd: npm, stdio: "inherit" });
}
const lacuna = (...words) => execFileSync("node", [join(root, "dist/cli/main.js"), ...words], { encoding: "utf8" });
const folder = join(work, "model");
lacuna("export", run, "--hugging-face", folder);
const pictures = given ?? (await noise(join(work, "pictures")));
lacuna("embed", run, pictures, "--out", join(work, "features.csv"));
const [, ...rows] = readFileSync(join(work, "features.csv"), "utf8").trim().split("\n");

const { AutoImageProcessor, AutoModel, env, RawImage } = await import(
  createRequire(join(npm, "package.json")).resolve("@huggingface/transformers")
);
env.allowRemoteModels = false;
env.localModelPath = work;
const processor = await AutoImageProcessor.from_pretrained("model");
for (const dtype of ["fp32", "fp16", "q8"]) {
  const model = await AutoModel.from_pretrained("model", { dtype });
  let worst = 0;
  for (const row of rows) {
    const [file, ...numbers] = row.split(",");
    const ours = numbers.slice(-model.config.hidden_size).map(Number);
    const { pooler_output: pooled } = await model(await processor(await RawImage.read(join(pictures, file))));
    const scale = Math.max(...ours.map(Math.abs));
    worst = Math.max(worst, ...ours.map((value, i) => Math.abs(value - pooled.data[i]) / scale));
  }
  process.stdout.write(`${dtype}: ${rows.length} pictures, features differ by at most ${worst.toExponential(1)} of the largest\n`);
}

async function noise(out) {
  const { height, width } = JSON.parse(readFileSync(join(folder, "preprocessor_config.json"), "utf8")).crop_size;
  mkdirSync(out);
  for (let i = 0; i < 8; i++) {
    const raw = Uint8Array.from({ length: 3 * height * width }, (_, at) => (Math.sin(at * (i + 1.7)) * 43_758.5453 * 256) & 255);
    await sharp(raw, { raw: { height, width, channels: 3 } }).png().toFile(join(out, `${i}.png`));
  }
  return out;
}
