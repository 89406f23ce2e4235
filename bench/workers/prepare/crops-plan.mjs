// Which part of which picture is cut out, and whether it is mirrored: what Lacuna's loader draws, written down for the peer.
// usage: node crops-plan.mjs '<a case with pictures, a folder>' out.json
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJpegHeader } from "../../../dist/data/decode/jpeg.js";
import { KeyedRandom } from "../../../dist/data/random.js";
import { drawCrop } from "../../../dist/data/transform.js";
import { BenchError } from "../../peer.mjs";
import { pictureSource, view } from "../crops.mjs";

/** More than a comparison has steps, and each is of other crops. */
const epochs = 40;

const settings = JSON.parse(process.argv[2]);
const source = await pictureSource(settings);
if (source.size < settings.batch)
  throw new BenchError(`${settings.pictures} has ${source.size} pictures; at least ${settings.batch} are needed.`);
const names = source.content.paths.slice(0, settings.count);
const sizes = names.map((name) => {
  const header = readJpegHeader(readFileSync(join(source.content.root, name)));
  if (header?.orientation === 1) return { width: header.width, height: header.height };
  throw new BenchError(`${join(settings.pictures, name)} is not a JPEG that is stored upright.`);
});
const [crop, mirror] = view(settings);
const plan = Array.from({ length: epochs }, (_, epoch) =>
  sizes.map((size, sample) => {
    const random = new KeyedRandom({ seed: settings.seed, purpose: "view:image", epoch, sample });
    const { top, left, height, width } = drawCrop(size, crop, random);
    return [top, left, height, width, random.uniform() < mirror.probability];
  }),
);
writeFileSync(process.argv[3], JSON.stringify({ root: source.content.root, names, plan }));
