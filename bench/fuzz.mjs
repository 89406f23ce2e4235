// Mutated files for the readers of other people's bytes: node bench/fuzz.mjs [count] [seed]. Each file must be read, or be
// refused by a FormatError, in bounded time and memory; anything else ends the program with the seed that shows it again.
import { readFileSync } from "node:fs";
import { bytesInMemory } from "../dist/formats/bytes.js";
import { FormatError } from "../dist/formats/errors.js";
import { SafetensorsFile } from "../dist/formats/safetensors.js";
import { Storage, TorchTensor } from "../dist/formats/torch/globals.js";
import { readPickle } from "../dist/formats/torch/pickle.js";
import { readZip } from "../dist/formats/torch/zip.js";
import { TorchFile } from "../dist/formats/torch-pickle.js";

const [count = 100_000, firstSeed = 1] = process.argv.slice(2).map(Number);
const reference = (name) => readFileSync(new URL(`../test/reference/${name}`, import.meta.url));

function generator(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) % below;
  };
}

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x28, 0x2e, 0x52, 0x5d, 0x62, 0x63, 0x74, 0x7d, 0x85];

/** Bits flipped, numbers made large, pieces cut, doubled or moved: one to eight changes of a good file. */
function mutate(good, random) {
  let bytes = Buffer.from(good);
  for (let changes = 1 + random(8); changes > 0 && bytes.length > 8; changes--) {
    const at = random(bytes.length);
    switch (random(7)) {
      case 0:
        bytes[at] ^= 1 << random(8);
        break;
      case 1:
        bytes[at] = interesting[random(interesting.length)];
        break;
      case 2:
        bytes.fill(0xff, at, Math.min(bytes.length, at + 1 + random(8)));
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(32))]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 64), bytes.subarray(at)]);
        break;
      default:
        bytes.copyWithin(at, random(bytes.length), random(bytes.length));
    }
  }
  return bytes;
}

function tensorsIn(value) {
  const [seen, found, waiting] = [new Set(), [], [value]];
  while (waiting.length > 0) {
    const item = waiting.pop();
    if (typeof item !== "object" || item === null || seen.has(item)) continue;
    seen.add(item);
    if (item instanceof TorchTensor) found.push(item);
    else if (item instanceof Map) waiting.push(...item.values());
    else if (Array.isArray(item)) waiting.push(...item);
  }
  return found;
}

const unchecked = reference("torch/no-checksum.pth");
const { start, end } = readZip(bytesInMemory(unchecked)).get("no-checksum/data.pkl");

const readers = {
  "descriptions (pickles) of torch.save": {
    good: [unchecked.subarray(start, end)],
    read: (bytes) => readPickle(bytes, "x", () => new Storage("0", "F32", 4096)),
  },
  "files of torch.save": {
    good: ["torch/all.pth", "torch/no-checksum.pth", "torch/protocol-4.pth"].map(reference),
    read: (bytes) => {
      const file = TorchFile.fromBytes(bytes);
      for (const tensor of tensorsIn(file.content)) file.read(tensor);
    },
  },
  safetensors: {
    good: ["formats/all.safetensors", "formats/plain.safetensors", "formats/half.safetensors"].map(reference),
    read: (bytes) => {
      const file = SafetensorsFile.fromBytes(bytes);
      for (const name of file.names) file.read(name);
    },
  },
};

for (const [name, { good, read }] of Object.entries(readers)) {
  const [codes, began] = [new Map(), performance.now()];
  let slowest = 0;
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = generator(Math.imul(seed, 2654435761));
    const bytes = mutate(good[random(good.length)], random);
    const start = performance.now();
    let code = "read";
    try {
      read(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) {
        process.stderr.write(`${name}, seed ${seed}: ${error?.stack ?? error}\n`);
        process.exit(1);
      }
      code = error.code;
    }
    const took = performance.now() - start;
    if (took > 5000) {
      process.stderr.write(`${name}, seed ${seed}: took ${took.toFixed(0)} ms\n`);
      process.exit(1);
    }
    codes.set(code, (codes.get(code) ?? 0) + 1);
    slowest = Math.max(slowest, took);
  }
  const outcomes = [...codes].sort((a, b) => b[1] - a[1]).map(([code, times]) => `${code} ${times}`);
  process.stdout.write(
    `${name}: ${count} files in ${((performance.now() - began) / 1000).toFixed(0)} s, no crash, no hang\n`,
  );
  process.stdout.write(
    `  slowest ${slowest.toFixed(0)} ms, largest resident memory so far ${(process.resourceUsage().maxRSS / 1e3).toFixed(0)} MB\n`,
  );
  process.stdout.write(`  ${outcomes.join(", ")}\n`);
}
