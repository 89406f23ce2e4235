// Which part of which picture is cut out, and whether it is mirrored: what Lacuna's loader draws, written down for the peer.
// Of a packed set it draws the same numbers for smaller pictures: parts that differ by rounding. `resized` is their plan, for
// the check alone.
// usage: node crops-plan.mjs '<a case with pictures, a folder>' out.json
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJpegHeader } from "../../../dist/data/decode/jpeg.js";
import { KeyedRandom } from "../../../dist/data/random.js";
import { recordEntry, recordPath } from "../../../dist/data/sources/packed/records.js";
import { drawCrop } from "../../../dist/data/transform.js";
import { BenchError } from "../../peer.mjs";
import { pictureSource, view } from "../crops.mjs";

/** More than a comparison has steps, and each is of other crops. */
const epochs = 40;

const settings = JSON.parse(process.argv[2]);
const source = await pictureSource({ ...settings, from: "files" });
if (source.size < settings.batch)
  throw new BenchError(`${settings.pictures} has ${source.size} pictures; at least ${settings.batch} are needed.`);
const { root, paths } = source.content;
const names = paths.slice(0, settings.count);

function sizeOf(name) {
  const header = readJpegHeader(readFileSync(join(root, name)));
  if (header?.orientation === 1) return { width: header.width, height: header.height };
  throw new BenchError(`${join(settings.pictures, name)} is not a JPEG that is stored upright.`);
}

const [crop, mirror] = view(settings);
const drawn = (sizes, epoch) =>
  sizes.map((size, sample) => {
    const random = new KeyedRandom({ seed: settings.seed, purpose: "view:image", epoch, sample });
    const { top, left, height, width } = drawCrop(size, crop, random);
    return [top, left, height, width, random.uniform() < mirror.probability];
  });

/** The first batch of the packed set: the shorter side that its pictures were given, and their crops. */
async function resizedPlan() {
  const { content } = await pictureSource(settings);
  const files = content.paths.slice(0, settings.batch).map((path) => recordPath(join(content.root, path)));
  const sizes = files.map((file) => recordEntry(file));
  return { size: Math.min(...sizes.flatMap(({ width, height }) => [width, height])), crops: drawn(sizes, 0) };
}

const sizes = names.map(sizeOf);
const plan = Array.from({ length: epochs }, (_, epoch) => drawn(sizes, epoch));
const resized = settings.from === "packed" ? await resizedPlan() : undefined;
writeFileSync(process.argv[3], JSON.stringify({ root, names, plan, resized }));
