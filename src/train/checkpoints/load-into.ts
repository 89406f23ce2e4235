/** Weights of a file put into a model that stands, whoever wrote them. */
import { CheckpointError } from "../../engine/errors.js";
import { noGrad } from "../../engine/modes.js";
import { scope } from "../../engine/scope.js";
import type { Encoder } from "../../models/encoder.js";
import { models } from "../../models/index.js";
import type { Published } from "../../models/published/open.js";
import { type Tensors, tensorSource } from "../../models/published/tensors.js";
import { loadState, tensorOf } from "../../models/weights.js";
import type { Size } from "../../nn/patches.js";
import { resizePositions, resizeRelative, sinCosPositions } from "../../nn/positions.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";

/** What `loadInto` did with a state. */
export interface LoadedParts {
  /** Whether the file has the parts of the method, in the state's sizes. */
  readonly method: boolean;
  /** How the positions came to fit, where the grids differ. */
  readonly positions: "as they are" | "resized" | "computed anew";
}

export interface LoadIntoOptions {
  /**
   * For a grid that is not the file's: `resize` as the official fine-tuning does with any table, `recompute` for tables that
   * are sine and cosine, as the official pre-training builds its own (others are resized).
   */
  readonly positions: "resize" | "recompute";
  /** Load the head of a classifier too (default false). */
  readonly classifier?: boolean;
}

type State = ReadonlyMap<string, Tensor>;

/**
 * Copies a file's encoder into the encoder of a method or classifier, and the method's parts where the state has the same; what
 * the file lacks stays as it is. Types are converted.
 * @param state of all that the encoder belongs to: what of it is not there is not wanted
 * @throws CheckpointError naming the sizes in which the encoders differ, before anything is changed
 */
export function loadInto(
  state: State,
  encoder: Encoder,
  published: Published,
  { positions, classifier = false }: LoadIntoOptions,
): LoadedParts {
  checkEncoder(published, encoder);
  const wanted = new Set(state.values());
  const own = new Set<Tensor>(encoder.state().values());
  const optional = new Set(published.optional);
  const isGiven = (name: string): boolean => published.tensors.has(name) || !optional.has(name);
  const encoderState = new Map([...encoder.state()].filter(([name, value]) => wanted.has(value) && isGiven(name)));
  const outside = new Map([...state].filter(([, value]) => !own.has(value)));
  const head = new Map([...outside].filter(([name]) => classifier && isClassifier(name)));
  // A method may call a part of its own what a classifier is called: the file's other parts tell.
  const isMethods = (name: string): boolean => !isClassifier(name) || (!classifier && published.rest.has(name));
  const parts = new Map([...outside].filter(([name]) => isMethods(name)));
  const isSame = sameParts(parts, published.rest);
  const from = [
    { state: new Map([...encoderState, ...head]), tensors: published.tensors },
    ...(isSame ? [{ state: parts, tensors: published.rest }] : []),
  ];
  const move: Move = {
    from: cells(published.image.imageSize, encoder.stride),
    to: cells(encoder.imageSize, encoder.stride),
    recompute: positions === "recompute",
  };
  const moved = from.flatMap((one) => load(one.state, one.tensors, published.path, move));
  if (moved.length === 0) return { method: isSame, positions: "as they are" };
  return { method: isSame, positions: moved.every(Boolean) ? "computed anew" : "resized" };
}

function isClassifier(name: string): boolean {
  return /^(?:fc_norm|head)\./.test(name);
}

/** A table of positions has a row for each patch. */
function isTable(name: string): boolean {
  return /(?:^|[._])pos_embed$/.test(name);
}

function cells(size: Size, stride: Size): Size {
  return [size[0] / stride[0], size[1] / stride[1]];
}

interface Move {
  readonly from: Size;
  readonly to: Size;
  readonly recompute: boolean;
}

/** @returns of each table that had to be moved to another grid whether it was computed anew */
function load(state: State, tensors: Tensors, path: string, move: Move): boolean[] {
  const isSameGrid = move.from[0] === move.to[0] && move.from[1] === move.to[1];
  const isMoved = (name: string): boolean => !isSameGrid && isTable(name);
  const plain = new Map([...state].filter(([name]) => !isMoved(name)));
  const relative = [...plain].filter(([name, table]) => isRelative(name) && rowsOf(tensors, name) !== table.side(0));
  for (const [name] of relative) plain.delete(name);
  loadState(
    plain,
    tensorSource(tensors, path, (name) => plain.has(name)),
  );
  const source = tensorSource(tensors, path);
  for (const [name, table] of relative) {
    noGrad(() => scope(() => void table.copy_(resizeRelative(tensorOf(source.read(name)).float(), table.side(0)))));
  }
  const moved = [...state]
    .filter(([name]) => isMoved(name))
    .map(([name, table]) => moveTable(table, () => tensorOf(source.read(name)), move));
  return [...moved, ...relative.map(() => false)];
}

/** A table of relative positions has a row for each two positions that can lie apart in a window. */
function isRelative(name: string): boolean {
  return name.endsWith(".relative_position_bias_table");
}

function rowsOf(tensors: Tensors, name: string): number | undefined {
  return tensors.get(name)?.shape[0];
}

/** @returns whether the table was computed anew */
function moveTable(table: Tensor, read: () => Tensor, { from, to, recompute }: Move): boolean {
  return noGrad(() =>
    scope(() => {
      const given = read().float(); // [1 1+N D]
      const isSinCos = recompute && matches(given, sinCosPositions(given.side(-1), from));
      table.copy_(
        isSinCos ? tensor(sinCosPositions(given.side(-1), to), table.shape) : resizePositions(given, from, to),
      );
      return isSinCos;
    }),
  );
}

function matches(given: Tensor, table: Float32Array): boolean {
  const values = given.toArray() as Float32Array;
  return values.length === table.length && values.every((value, i) => Math.abs(value - (table[i] as number)) < 1e-6);
}

/** The same names and sides; a table's length is the grid's. */
function sameParts(state: State, rest: Tensors): boolean {
  const isSame = ([name, own]: [string, Tensor]): boolean => {
    const theirs = rest.get(name)?.shape ?? [];
    return own.rank === theirs.length && own.shape.every((side, i) => side === theirs[i] || (isTable(name) && i === 1));
  };
  return state.size > 0 && [...state].every(isSame) && [...rest.keys()].every((name) => state.has(name));
}

/** Every size that differs is named at once, the file's beside the model's. */
function checkEncoder({ model, guessed, image, path }: Published, { sizes = {}, channels }: Encoder): void {
  const theirs: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(sizes)) {
    if (guessed.includes(key)) continue;
    own[`model.${key}`] = value;
    theirs[`model.${key}`] = model[key];
  }
  own["data.channels"] = channels;
  theirs["data.channels"] = image.channels;
  const differing = Object.keys(own).filter((key) => said(own[key]) !== said(theirs[key]));
  if (differing.length === 0) return;
  const lines = differing.map(
    (key) => `${key} is ${said(theirs[key])} in the file, ${said(own[key])} in the configuration`,
  );
  const known = new Set([...Object.keys(model), ...models.keysOf(model.name)]);
  const isOther = Object.keys(sizes).some((key) => !known.has(key));
  const [set, absent] = [
    differing.filter((key) => theirs[key] !== undefined),
    differing.filter((key) => theirs[key] === undefined),
  ];
  const changes = [
    ...(set.length > 0 ? [`set ${set.map((key) => `--${key}=${said(theirs[key])}`).join(" ")}`] : []),
    ...(absent.length > 0 ? [`leave ${absent.join(", ")} as by default`] : []),
  ].join(", ");
  throw new CheckpointError({
    problem: isOther ? `it holds a ${model.name}.` : `${lines.join("; ")}.`,
    code: "architecture",
    path,
    expected: theirs,
    actual: own,
    remedy: isOther
      ? `Set --model.name=${model.name}.`
      : `${changes.charAt(0).toUpperCase()}${changes.slice(1)}; pictures may have any size.`,
  });
}

function said(value: unknown): string {
  if (value === undefined) return "the default";
  return Array.isArray(value) ? `[${value.join(",")}]` : String(value);
}
