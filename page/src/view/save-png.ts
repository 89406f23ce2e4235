import type { Picture } from "../../../src/data/resample.js";
import { hiddenCount } from "../mask/grid.js";
import type { Answered, State } from "../session/state.js";
import { imageOf } from "./canvas.js";
import { explanation, rebuiltPicture } from "./rebuilt-picture.js";

const gap = 12;
const header = 30;
const footer = 44;
/** Small pictures are enlarged to about this side, without smoothing. */
const smallest = 256;

/** Saves original, masked and filled in side by side, with a line that says what is shown. */
export async function savePng(state: State): Promise<void> {
  const { answer } = state;
  if (answer === undefined) return;
  const canvas = drawn(state, answer);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${state.pictureName.replace(/\.\w+$/, "").replaceAll(/[^\w-]+/g, "-") || "picture"}-filled-in.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function drawn(state: State, answer: Answered): HTMLCanvasElement {
  const { picture } = answer;
  const zoom = Math.max(1, Math.round(smallest / Math.max(picture.height, picture.width)));
  const [height, width] = [picture.height * zoom, picture.width * zoom];
  const columns = [
    ["original", picture],
    ["masked", masked(state, answer)],
    ["filled in", rebuiltPicture({ ...state, answer })],
  ] as const;
  const canvas = document.createElement("canvas");
  canvas.width = columns.length * (width + gap) + gap;
  canvas.height = header + height + footer;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#222";
  context.textAlign = "center";
  context.font = "15px system-ui, sans-serif";
  for (const [i, [title, one]] of columns.entries()) {
    const left = gap + i * (width + gap);
    context.fillText(title, left + width / 2, 20);
    context.drawImage(surface(one), left, header, width, height);
  }
  context.textAlign = "left";
  context.font = "12px system-ui, sans-serif";
  const hidden = Math.round((100 * hiddenCount(answer.mask)) / answer.mask.length);
  context.fillText(`${state.description.title}: ${hidden} % hidden`, gap, header + height + 18, canvas.width - 2 * gap);
  context.fillText(explanation(state), gap, header + height + 34, canvas.width - 2 * gap);
  return canvas;
}

function surface(picture: Picture): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d")?.putImageData(imageOf(picture), 0, 0);
  return canvas;
}

/** Hidden patches in grey. */
function masked({ grid, description }: State, { picture, mask }: Answered): Picture {
  const [p, q] = description.patch;
  const grey = 127;
  const data = picture.data.slice();
  for (let i = 0; i < data.length; i++) {
    const [y, x] = [
      Math.floor(i / (picture.width * picture.channels)),
      Math.floor(i / picture.channels) % picture.width,
    ];
    if (mask[Math.floor(y / p) * grid.columns + Math.floor(x / q)] === 1) data[i] = grey;
  }
  return { ...picture, data };
}
