// Pictures on the way to a model: Lacuna's loader without threads, so that it decodes, crops, resizes and mirrors on one core
// while it is asked for a batch. It ends where training begins: uint8 pixels.
import { openLoader } from "../../dist/data/loader.js";
import { openSource } from "../../dist/data/source.js";
import { subsetOf } from "../../dist/data/sources/subset.js";
import { transformSchema } from "../../dist/data/views.js";

/** Where the pictures are read from. */
const sources = {
  files: ({ pictures }) => openSource({ kind: "folder", path: pictures }),
  packed: ({ packed }) => openSource({ kind: "packed", path: packed }),
};

export const pictureSource = (settings) => sources[settings.from](settings);

export function view({ size }) {
  return transformSchema.parse([{ type: "randomResizedCrop", size: [size, size], scale: [0.2, 1] }, { type: "flip" }]);
}

/** The means of blocks of 8 × 8 pixels of the first crops: decoders that round differently agree in these. */
export function blockMeans(data, size, count = 8, block = 8) {
  const across = size / block;
  const means = new Float64Array(count * across * across * 3);
  for (let at = 0; at < count * size * size * 3; at++) {
    const channel = at % 3;
    const pixel = (at - channel) / 3;
    const [x, row] = [pixel % size, Math.floor(pixel / size)]; // the row counts through all crops
    means[(Math.floor(row / block) * across + Math.floor(x / block)) * 3 + channel] += data[at] / block ** 2;
  }
  return [...means];
}

class Crops {
  constructor(settings, source) {
    this.settings = settings;
    const { batch: batchSize, seed } = settings;
    const options = { batchSize, seed, workers: 0, shuffle: false, dropLast: true };
    this.loader = openLoader(source, { ...options, views: { image: view(settings) } });
    this.batches = this.loader.batches({ epoch: 0, batch: 0 });
  }

  async #next() {
    const { value, done } = await this.batches.next();
    if (done || value.bad.length > 0) throw new Error(`a picture could not be used: ${JSON.stringify(value?.bad)}`);
    return value.views.image.data;
  }

  async check() {
    return { values: blockMeans(await this.#next(), this.settings.size) };
  }

  async step() {
    const began = performance.now();
    await this.#next();
    return { milliseconds: performance.now() - began };
  }

  close() {
    return this.loader.close();
  }
}

/** As many pictures of the source as the case says, the first ones. */
export async function openPictures({ settings, pictures, packed }) {
  const all = await pictureSource({ ...settings, pictures, packed });
  const samples = Array.from({ length: Math.min(all.size, settings.count) }, (_, sample) => sample);
  return subsetOf(all, samples);
}

/** The loader uses no libtorch: whatever its threads are, this is one. */
export async function open(options) {
  const worker = new Crops(options.settings, await openPictures(options));
  return { worker, about: { threads: 1, version: "" } };
}
