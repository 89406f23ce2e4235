/** What can be done on the page, and what follows from it. Knows nothing of elements. */

import type { Picture } from "../../../src/data/resample.js";
import type { PageDescription } from "../../../src/page/description.js";
import { type Draw, drawMask } from "../mask/draw.js";
import { inverted, painted } from "../mask/edit.js";
import { cellCount, hiddenCount, type Mask } from "../mask/grid.js";
import { orderOf } from "../mask/order.js";
import { hashOf, type Shared, sharedFrom } from "../mask/share.js";
import type { Client } from "../model/client.js";
import { Latest } from "../model/latest.js";
import type { Filled } from "../model/messages.js";
import type { State, Tool } from "./state.js";

/** Strokes that can be taken back. */
const mostPast = 100;

interface Job {
  readonly picture: Picture;
  readonly mask: Mask;
}

export interface Surroundings {
  /** Of the page, ends in a slash. */
  readonly address: string;
  readonly hash: string;
  readonly wanted: "wasm" | undefined;
  fetchBytes(address: string): Promise<Blob>;
}

export class Session {
  #state: State;
  readonly #listeners = new Set<() => void>();
  readonly #fill: Latest<Job, Filled>;
  /** Counts the pictures asked for: a slow one must not replace a newer one. */
  #asked = 0;

  constructor(
    description: PageDescription,
    private readonly client: Pick<Client, "call">,
    private readonly around: Surroundings,
  ) {
    this.#state = initialState(description, around.hash);
    this.#fill = new Latest(
      ({ picture, mask }) => client.call("fill", { picture, ...orderOf(mask) }),
      (filled, job) => this.#filled(filled, job),
      (error) => this.#set({ isBusy: false, notice: `The model could not fill this in: ${textOf(error)}` }),
    );
  }

  get state(): State {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Loads the model, then the first picture. */
  async start(): Promise<void> {
    const { description, example } = this.#state;
    const { address, wanted } = this.around;
    try {
      const engine = await this.client.call("open", { description, address, wanted });
      this.#set({ engine, progress: 1, said: `The model is ready, ${engine.name}.` });
    } catch (error) {
      this.#set({ failure: `The model could not be loaded: ${textOf(error)}` });
      return;
    }
    await Promise.all([this.openExample(example ?? 0), this.#loadExampleFeatures()]);
  }

  progressed(share: number): void {
    this.#set({ progress: Math.min(0.99, share) });
  }

  async openExample(example: number): Promise<void> {
    const entry = this.#state.description.examples[example];
    if (entry === undefined) return;
    await this.#open(() => this.around.fetchBytes(this.around.address + entry.file), entry.name, example);
  }

  async openFile(file: Blob, name: string): Promise<void> {
    await this.#open(async () => file, name, undefined);
  }

  /** Hides or reveals cells: a part of a stroke, which `beginStroke` began. */
  paint(cells: readonly number[], hidden: boolean): void {
    this.#setMask(painted(this.#state.mask, cells, hidden));
  }

  /** What follows is taken back in one. */
  beginStroke(): void {
    const { past, mask } = this.#state;
    if (past.at(-1) !== mask) this.#set({ past: [...past, mask].slice(-mostPast) });
  }

  replaceMask(how: "hide" | "reveal" | "invert"): void {
    const { mask } = this.#state;
    this.beginStroke();
    this.#setMask(how === "invert" ? inverted(mask) : mask.map(() => (how === "hide" ? 1 : 0)));
  }

  undo(): void {
    const { past } = this.#state;
    const last = past.at(-1);
    if (last === undefined) return;
    this.#set({ past: past.slice(0, -1) });
    this.#setMask(last);
  }

  /** Draws a mask by chance. */
  drawAgain(change: Partial<Draw>): void {
    const draw = { ...this.#state.draw, ...change };
    this.beginStroke();
    this.#set({ draw });
    this.#setMask(drawMask(draw, this.#state.grid));
  }

  choose(change: Partial<Pick<State, "tool" | "brush" | "everywhere" | "statistics" | "attention" | "cell">>): void {
    this.#set(change);
  }

  /** Whether a stroke that begins at `cell` hides. */
  strokeHides(cell: number, tool: Tool = this.#state.tool): boolean {
    return tool === "switch" ? this.#state.mask[cell] === 0 : tool === "hide";
  }

  say(said: string): void {
    this.#set({ said });
  }

  dismiss(): void {
    this.#set({ notice: undefined });
  }

  /** The page as it is now, for an address. */
  hash(): string {
    return hashOf(this.#state, this.#state.grid);
  }

  /** An address came, by a link or by the back button. */
  async follow(hash: string): Promise<void> {
    const { grid, description, example } = this.#state;
    const shared = sharedFrom(hash, grid, description.examples.length);
    if (shared === undefined) return;
    this.beginStroke();
    this.#set({ everywhere: shared.everywhere, statistics: shared.statistics });
    this.#setMask(shared.mask);
    if (shared.example !== undefined && shared.example !== example) await this.openExample(shared.example);
  }

  async #open(bytes: () => Promise<Blob>, name: string, example: number | undefined): Promise<void> {
    const turn = ++this.#asked;
    try {
      const picture = await this.client.call("prepare", { file: await bytes() });
      if (turn !== this.#asked) return;
      const said = `Picture ${name} is open.`;
      this.#set({ picture, pictureName: name, example, features: undefined, notice: undefined, said });
      this.#ask();
    } catch (error) {
      if (turn === this.#asked) this.#set({ notice: `${name}: ${textOf(error)}.` });
    }
  }

  async #loadExampleFeatures(): Promise<void> {
    const { features } = this.#state.description;
    if (features === null) return;
    try {
      const blob = await this.around.fetchBytes(this.around.address + features.file);
      this.#set({ exampleFeatures: new Float32Array(await blob.arrayBuffer()) });
    } catch (error) {
      this.#set({ notice: `The features of the examples could not be loaded: ${textOf(error)}.` });
    }
  }

  #setMask(mask: Mask): void {
    if (mask === this.#state.mask) return;
    this.#set({ mask });
    this.#ask();
  }

  /** A model needs something to see: with all patches hidden nothing is asked. */
  #ask(): void {
    const { picture, mask } = this.#state;
    if (picture === undefined) return;
    if (hiddenCount(mask) === mask.length) {
      this.#set({ said: "All patches are hidden. The model needs at least one." });
      return;
    }
    this.#set({ isBusy: true });
    this.#fill.submit({ picture, mask });
  }

  #filled(filled: Filled, { picture, mask }: Job): void {
    const hidden = hiddenCount(mask);
    const seconds = (filled.milliseconds / 1000).toFixed(2);
    const said = `Filled in ${hidden} of ${mask.length} patches in ${seconds} seconds.`;
    const isBusy = this.#state.mask !== mask || this.#state.picture !== picture;
    this.#set({ answer: { ...filled, picture, mask }, isBusy, said });
    if (!isBusy && this.#state.features === undefined) void this.#askFeatures(picture);
  }

  async #askFeatures(picture: Picture): Promise<void> {
    if (!this.#state.description.model.outputs.includes("features")) return;
    try {
      const features = await this.client.call("features", { picture });
      if (this.#state.picture === picture) this.#set({ features });
    } catch (error) {
      this.#set({ notice: `The features could not be computed: ${textOf(error)}.` });
    }
  }

  #set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function initialState(description: PageDescription, hash: string): State {
  const { image, patch, mask, examples } = description;
  const grid = { rows: image.height / patch[0], columns: image.width / patch[1] };
  const draw: Draw = { ...mask, seed: 0 };
  const shared: Shared = sharedFrom(hash, grid, examples.length) ?? {
    mask: drawMask(draw, grid),
    example: 0,
    everywhere: false,
    statistics: "true",
  };
  return {
    ...nothingYet,
    description,
    grid,
    draw,
    ...shared,
    example: shared.example ?? 0,
    cell: Math.floor(cellCount(grid) / 2),
  };
}

const nothingYet = {
  progress: 0,
  engine: undefined,
  failure: undefined,
  notice: undefined,
  picture: undefined,
  pictureName: "",
  past: [],
  tool: "switch",
  brush: 1,
  answer: undefined,
  isBusy: false,
  attention: undefined,
  features: undefined,
  exampleFeatures: undefined,
  said: "",
} as const;

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
