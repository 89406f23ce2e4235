/** Structured pictures made from numbers, in the files of Fashion-MNIST (grey) or as PNGs in folders (colour). */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { KeyedRandom } from "../../src/data/random.js";

const side = 24;
const patch = 4;

export type PictureKind = "shapes" | "shuffled" | "constant";

/** A grey picture [side side]: waves or a ramp behind two shapes of class 0 disc, 1 square, 2 ring, 3 bars. */
function shapes(n: number, shift: number): Uint8Array {
  const random = new KeyedRandom({ seed: 5, purpose: "shapes", epoch: 0, sample: n });
  const draw = (low: number, high: number): number => low + (high - low) * random.uniform();
  const [a, b, base] = [draw(-4, 4), draw(-4, 4), draw(60, 140)];
  const parts = [0, 1].map(() => ({ x: draw(4, 20), y: draw(4, 20), r: draw(3, 8), tone: draw(0, 255) }));
  return Uint8Array.from({ length: side * side }, (_, i) => {
    const [y, x] = [Math.floor(i / side), i % side];
    let tone = base + a * (x - side / 2) + b * (y - side / 2) + shift * (x + y - side);
    for (const part of parts) if (covers(n % 4, x - part.x, y - part.y, part.r)) tone = part.tone;
    return Math.max(0, Math.min(255, tone + 6 * Math.sin(12.9898 * i + n)));
  });
}

function covers(kind: number, dx: number, dy: number, r: number): boolean {
  const far = Math.hypot(dx, dy);
  if (kind === 0) return far < r;
  if (kind === 1) return Math.max(Math.abs(dx), Math.abs(dy)) < r;
  if (kind === 2) return far < r && far > r / 2;
  return Math.abs(dx) < r && Math.floor((dy + 40) / 2) % 2 === 0 && Math.abs(dy) < r;
}

/** The patches of each picture in an order of its own. */
function shuffled(picture: Uint8Array, n: number): Uint8Array {
  const random = new KeyedRandom({ seed: 6, purpose: "order", epoch: 0, sample: n });
  const across = side / patch;
  const order = Array.from({ length: across ** 2 }, (_, i) => ({ i, key: random.uniform() })).sort(
    (one, other) => one.key - other.key,
  );
  return picture.map((_, at) => {
    const [y, x] = [Math.floor(at / side), at % side];
    const from = order[Math.floor(y / patch) * across + Math.floor(x / patch)]?.i ?? 0;
    return (
      picture[(Math.floor(from / across) * patch + (y % patch)) * side + (from % across) * patch + (x % patch)] ?? 0
    );
  });
}

function picture(kind: PictureKind, n: number, shift = 0): Uint8Array {
  if (kind === "constant") return new Uint8Array(side * side).fill(Math.floor((n * 37) % 256));
  const plain = shapes(n, shift);
  return kind === "shuffled" ? shuffled(plain, n) : plain;
}

function idx(dimensions: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x0800 + dimensions.length, 0);
  for (const [i, size] of dimensions.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, data]);
}

/** Classes that have nothing to do with what is seen. */
const wrongClass = (n: number): number =>
  Math.floor(4 * new KeyedRandom({ seed: 7, purpose: "class", epoch: 0, sample: n }).uniform());

/** The four files of Fashion-MNIST: `count` pictures to train on, a quarter as many to test. */
export function writeGrey(folder: string, kind: PictureKind, count: number, labels: "right" | "wrong" = "right"): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, from, size] of [
    ["train", 0, count],
    ["t10k", count, count / 4],
  ] as const) {
    const numbers = Array.from({ length: size }, (_, i) => from + i);
    const pixels = Buffer.concat(numbers.map((n) => picture(kind, n)));
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`), idx([size, side, side], pixels));
    writeFileSync(
      join(folder, `${name}-labels-idx1-ubyte`),
      idx(
        [size],
        Uint8Array.from(numbers, (n) => (labels === "right" ? n % 4 : wrongClass(n))),
      ),
    );
  }
}

/** A folder for each class with PNGs of three tones. */
export async function writeColour(folder: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const tones = [-1, 0, 2].map((shift) => picture("shapes", n, shift));
    const pixels = Uint8Array.from({ length: 3 * side * side }, (_, i) => tones[i % 3]?.[Math.floor(i / 3)] ?? 0);
    const inside = join(folder, `class-${n % 4}`);
    mkdirSync(inside, { recursive: true });
    const png = sharp(pixels, { raw: { width: side, height: side, channels: 3 } }).png({ compressionLevel: 1 });
    await png.toFile(join(inside, `${n}.png`));
  }
}
