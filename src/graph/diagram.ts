import type { OpName } from "../engine/dispatch.js";
import type { RecordedStep, RecordedTensor } from "../engine/record.js";
import { operations } from "./operations.js";

/** A module as a box: what goes in and out, and what it costs. */
export interface Box {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly children: readonly Box[];
  /** How many alike stand one after the other: the blocks of a Transformer are one box. */
  readonly times: number;
}

/** What a diagram has to know beside the recording. */
export interface DiagramOptions {
  readonly title: string;
  /** The batch at which the graph was recorded; written as B. */
  readonly batch: number;
  /** Ids of parameters and buffers. */
  readonly parameters: ReadonlyMap<number, unknown>;
}

/** The modules of a recording as nested boxes; equal neighbours are folded into one. */
export function boxes(steps: readonly RecordedStep[], options: DiagramOptions): Box[] {
  return fold(childrenOf(steps, 1, options));
}

function childrenOf(steps: readonly RecordedStep[], depth: number, options: DiagramOptions): Box[] {
  const runs: { key: string; steps: RecordedStep[] }[] = [];
  for (const step of steps) {
    const key = step.module[depth];
    if (key === undefined) continue;
    const last = runs.at(-1);
    if (last?.key === key) last.steps.push(step);
    else runs.push({ key, steps: [step] });
  }
  return runs.map(({ key, steps: own }) => boxOf(key, own, depth, options));
}

function boxOf(name: string, steps: readonly RecordedStep[], depth: number, options: DiagramOptions): Box {
  const made = new Set(steps.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const taken = steps.flatMap(({ inputs }) => inputs);
  const given = taken.find(({ id }) => !made.has(id) && !options.parameters.has(id));
  const weights = new Map(
    taken.filter(({ id }) => options.parameters.has(id)).map(({ id, shape }) => [id, product(shape)]),
  );
  const text = (tensor: RecordedTensor | undefined): string =>
    tensor === undefined
      ? ""
      : `[${tensor.shape.map((side, i) => (i === 0 && side === options.batch ? "B" : side)).join(" ")}]`;
  return {
    name,
    input: text(given),
    output: text(steps.at(-1)?.outputs[0]),
    parameters: [...weights.values()].reduce((sum, size) => sum + size, 0),
    multiplyAdds:
      steps.reduce((sum, step) => sum + (operations[step.op as OpName].multiplyAdds?.(step) ?? 0), 0) / options.batch,
    children: fold(childrenOf(steps, depth + 1, options)),
    times: 1,
  };
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);

/** `0`, `1`, … of equal build become one box. */
function fold(list: readonly Box[]): Box[] {
  const folded: Box[] = [];
  for (const box of list) {
    const last = folded.at(-1);
    if (last !== undefined && /^\d+/.test(box.name) && build(last) === build(box))
      folded[folded.length - 1] = { ...last, name: `${last.name.split("–")[0]}–${box.name}`, times: last.times + 1 };
    else folded.push(box);
  }
  return folded;
}

function build({ name: _, times: __, ...rest }: Box): string {
  return JSON.stringify(rest);
}

const [rowHeight, gap, indent, width] = [26, 6, 14, 760];

/** An SVG picture of a recording: nested boxes with the shapes that pass through them, parameters and multiply-adds. */
export function diagram(steps: readonly RecordedStep[], options: DiagramOptions): string {
  const parts: string[] = [];
  let y = 44;
  for (const box of boxes(steps, options)) y = draw(box, indent, y, 0, parts) + gap;
  const style = `text{font:13px ui-sans-serif,system-ui,sans-serif;fill:#1b2733}.s{fill:#516173}rect{stroke:#8aa0b4;rx:5}
.d0{fill:#eef3f8}.d1{fill:#e1eaf3}.d2{fill:#d3e0ed}.d3{fill:#c6d7e8}@media (prefers-color-scheme:dark){svg{background:#10161c}text{fill:#e6edf3}.s{fill:#a3b3c2}
rect{stroke:#4a6075}.d0{fill:#17212b}.d1{fill:#1e2b38}.d2{fill:#263645}.d3{fill:#2e4153}}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + indent}" width="${width}" height="${y + indent}" role="img" aria-label="${escaped(options.title)}">
<style>${style}</style>
<text x="${indent}" y="26" font-weight="600">${escaped(options.title)}</text>
${parts.join("\n")}
</svg>
`;
}

/** @returns where the box ends */
function draw(box: Box, x: number, y: number, depth: number, parts: string[]): number {
  const at = parts.length;
  let end = y + rowHeight;
  for (const child of box.children) end = draw(child, x + indent, end, depth + 1, parts) + gap;
  if (box.children.length > 0) end += 2;
  const right = width - x - 10;
  const name = box.times > 1 ? `${box.name}  × ${box.times}` : box.name;
  const shapes = box.input === box.output ? box.output : `${box.input} → ${box.output}`;
  const sizes = `${short(box.times * box.parameters)} parameters · ${short(box.times * box.multiplyAdds)} multiply-adds`;
  parts.splice(
    at,
    0,
    `<g><title>${escaped(`${name}: ${shapes}, ${sizes}`)}</title><rect class="d${Math.min(depth, 3)}" x="${x}" y="${y}" width="${width - 2 * x}" height="${end - y}"/>` +
      `<text x="${x + 10}" y="${y + 18}">${escaped(name)}</text><text class="s" x="${width / 2 - 60}" y="${y + 18}" text-anchor="middle">${escaped(shapes)}</text>` +
      `<text class="s" x="${right}" y="${y + 18}" text-anchor="end">${sizes}</text></g>`,
  );
  return end;
}

function short(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  const power = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  return power === 0 ? String(Math.round(value)) : `${(value / 1000 ** power).toPrecision(3)}${units[power]}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
