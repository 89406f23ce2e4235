/** Plain little-endian TIFFs (TIFF 6.0): uncompressed, one strip a page, several samples a pixel, 8 to 64 bits. */

export interface Page {
  readonly height: number;
  readonly width: number;
  readonly samples: number;
  /** Interleaved, little-endian. */
  readonly data: Uint8Array;
  readonly bits?: 8 | 16 | 32 | 64;
  /** 1 without a sign, 2 signed, 3 floats. */
  readonly format?: 1 | 2 | 3;
  /** Three samples are a colour, and not bands. */
  readonly rgb?: boolean;
}

const SHORT = 3;
const LONG = 4;

export function tiff(pages: readonly Page[]): Uint8Array {
  const parts: Buffer[] = [header()];
  let length = 8;
  pages.forEach((page, i) => {
    const directory = directoryOf(page, length, i === pages.length - 1);
    parts.push(directory);
    length += directory.length;
  });
  return Buffer.concat(parts);
}

function header(): Buffer {
  const bytes = Buffer.from("II*\0\0\0\0\0", "latin1");
  bytes.writeUInt32LE(8, 4);
  return bytes;
}

/** A directory at `start`, the values that do not fit into it, the pixels. */
function directoryOf(
  { height, width, samples, data, bits = 8, format, rgb = false }: Page,
  start: number,
  isLast: boolean,
): Buffer {
  const tags: [tag: number, type: number, values: number[]][] = [
    [256, LONG, [width]],
    [257, LONG, [height]],
    [258, SHORT, Array<number>(samples).fill(bits)],
    [259, SHORT, [1]],
    [262, SHORT, [rgb ? 2 : 1]], // 0 is black
    [273, LONG, [0]],
    [277, SHORT, [samples]],
    [278, LONG, [height]],
    [279, LONG, [data.length]],
    ...(samples > 1 && !rgb ? [[338, SHORT, Array<number>(samples - 1).fill(0)] as [number, number, number[]]] : []),
    ...(format === undefined ? [] : [[339, SHORT, Array<number>(samples).fill(format)] as [number, number, number[]]]),
  ];
  const outside: Buffer[] = [];
  const after = start + 2 + 12 * tags.length + 4;
  let end = after;
  const place = (bytes: Buffer): number => {
    const padded = Buffer.concat([bytes], bytes.length + (bytes.length % 2));
    outside.push(padded);
    end += padded.length;
    return end - padded.length;
  };
  const directory = Buffer.alloc(after - start);
  directory.writeUInt16LE(tags.length, 0);
  tags.forEach(([tag, type, values], i) => {
    const at = 2 + 12 * i;
    const bytes = Buffer.alloc(values.length * (type === SHORT ? 2 : 4));
    for (const [j, value] of values.entries())
      type === SHORT ? bytes.writeUInt16LE(value, 2 * j) : bytes.writeUInt32LE(value, 4 * j);
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(values.length, at + 4);
    if (bytes.length > 4) directory.writeUInt32LE(place(bytes), at + 8);
    else bytes.copy(directory, at + 8);
  });
  directory.writeUInt32LE(place(Buffer.from(data)), 2 + 12 * 5 + 8); // the strip, tag 273
  directory.writeUInt32LE(isLast ? 0 : end, directory.length - 4);
  return Buffer.concat([directory, ...outside]);
}
