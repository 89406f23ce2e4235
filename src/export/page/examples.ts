/** The pictures that a page brings along, as the model sees them. */
import { basename } from "node:path";
import { DataError } from "../../data/errors.js";
import type { Batch } from "../../data/loader.js";
import { openSource, type Source, type SourceInput } from "../../data/source.js";
import { drawn, subsetOf } from "../../data/sources/subset.js";
import { CheckpointError } from "../../engine/errors.js";
import type { LoadedModel } from "../../train/checkpoints/load.js";
import { plainLoader } from "../../train/watch/held-out.js";

export interface Examples {
  /** uint8 [E H W C] */
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly names: readonly string[];
}

/**
 * Pictures drawn by lot, always the same: of the source that is named, else of the run's held-out ones, else of those it was
 * trained on. Those that cannot be read are left out. @throws DataError "examples" where none is left
 */
export async function readExamples(
  model: LoadedModel,
  examples: SourceInput | undefined,
  count: number,
): Promise<Examples> {
  const { config } = model;
  const channels = channelsOf(model);
  const whole = await openSource(examples ?? config.data.heldOut ?? config.data.source);
  const source = subsetOf(whole, drawn(whole.size, count));
  const lenient = { ...config, data: { ...config.data, workers: 0, maxBadShare: 1 } };
  await using loader = plainLoader(lenient, source, source.size);
  const { value: batch } = await loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 }).next();
  const view = batch?.views["image"];
  const good = batch === undefined ? [] : ownRows(batch);
  if (view === undefined || good.length === 0) {
    throw new DataError({
      code: "examples",
      path: "examples",
      expected: "a picture that can be read",
      actual: "none",
    });
  }
  const { height, width } = view;
  const length = height * width * channels;
  const data = new Uint8Array(good.length * length);
  for (const [to, row] of good.entries()) data.set(view.data.subarray(row * length, (row + 1) * length), to * length);
  return { data, height, width, channels, names: good.map((row) => nameOf(source, row)) };
}

/** Rows whose picture is the one in turn: another one stands in for what cannot be read. */
function ownRows({ samples }: Batch): number[] {
  return Array.from(samples.keys()).filter((row) => samples[row] === row);
}

/** What a person calls it: its class where there are classes, and no folder of this machine. */
function nameOf(source: Source, row: number): string {
  const name = basename(source.name(row));
  const label = source.labels?.[row];
  const kind = label === undefined || label < 0 ? undefined : source.classes?.[label];
  return kind === undefined || name.startsWith(kind) ? name : `${kind} ${name}`;
}

function channelsOf({ config, path }: LoadedModel): 1 | 3 {
  const { channels } = config.data;
  if (channels === 1 || channels === 3) return channels;
  throw new CheckpointError({
    code: "channels",
    path,
    expected: "a model of grey or colour pictures",
    actual: `${channels} channels`,
  });
}
