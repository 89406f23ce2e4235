/** Pixels from one set of channels to another, on bytes; rounded as Pillow rounds. */
import type { Picture } from "../resample.js";

/** a · b / 255, rounded, for bytes: Pillow's MULDIV255 (Blinn 1994, "Compositing, part 1"). */
function multiplyBytes(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/** CMYK without a profile, 0 = no ink, to RGB: paper minus ink, as browsers and Pillow show it. */
export function cmykToRgb(picture: Picture): Picture {
  const { data, width, height } = picture;
  const result = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const light = 255 - (data[from + 3] as number);
    for (let c = 0; c < 3; c++) result[to++] = multiplyBytes(255 - (data[from + c] as number), light);
  }
  return { data: result, width, height, channels: 3 };
}

/** RGBA on a white ground. */
function onWhite(picture: Picture): Picture {
  const { data, width, height } = picture;
  const result = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] as number;
    for (let c = 0; c < 3; c++) {
      const sum = (data[from + c] as number) * alpha + 255 * (255 - alpha) + 128;
      result[to++] = ((sum >> 8) + sum) >> 8;
    }
  }
  return { data: result, width, height, channels: 3 };
}

/** Rec. 601 luma in 16-bit fixed point, as Pillow's convert("L"). */
function toGrey(picture: Picture): Picture {
  const { data, width, height } = picture;
  const result = new Uint8Array(width * height);
  for (let from = 0, to = 0; from < data.length; from += 3) {
    const r = data[from] as number;
    const g = data[from + 1] as number;
    const b = data[from + 2] as number;
    result[to++] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
  }
  return { data: result, width, height, channels: 1 };
}

function withOpaqueAlpha(picture: Picture): Picture {
  const { data, width, height } = picture;
  const result = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    result[to] = data[from] as number;
    result[to + 1] = data[from + 1] as number;
    result[to + 2] = data[from + 2] as number;
  }
  return { data: result, width, height, channels: 4 };
}

/** RGB or RGBA to the channels asked for: 1 luma, 3 on white, 4 with alpha. */
export function toChannels(picture: Picture, channels: 1 | 3 | 4): Picture {
  if (channels === 4) return picture.channels === 4 ? picture : withOpaqueAlpha(picture);
  const rgb = picture.channels === 4 ? onWhite(picture) : picture;
  return channels === 1 ? toGrey(rgb) : rgb;
}
