/** Some pictures of a source, as a source. */
import { KeyedRandom } from "../random.js";
import type { Source } from "./spec.js";

/**
 * `count` different numbers below `size`, drawn by lot and always the same ones: the first few of a set that is sorted by
 * class would be of one class. Time and memory go with `count`, not with `size`.
 */
export function drawn(size: number, count: number): number[] {
  const random = new KeyedRandom({ seed: 0, purpose: "subset", epoch: 0, sample: 0 });
  const moved = new Map<number, number>(); // the beginning of a shuffle (Fisher and Yates), of which only changes are kept
  return Array.from({ length: Math.min(count, size) }, (_, i) => {
    const at = i + random.integer(size - i);
    const chosen = moved.get(at) ?? at;
    moved.set(at, moved.get(i) ?? i);
    return chosen;
  });
}

/** These pictures of a source, in this order; pixels are copied. Its fingerprint stays that of the whole. */
export function subsetOf(source: Source, indices: readonly number[]): Source {
  const { content, labels, captions } = source;
  return {
    ...source,
    size: indices.length,
    labels: labels && Int32Array.from(indices, (index) => labels[index] as number),
    ...(captions === undefined ? {} : { captions: indices.map((index) => captions[index] as string) }),
    name: (index) => source.name(indices[index] as number),
    content:
      content.kind === "files"
        ? { ...content, paths: indices.map((index) => content.paths[index] as string) }
        : { ...content, data: pixelsOf(content, indices) },
  };
}

/** The pictures of a source that have a label; itself where all have one, or none can. */
export function withLabels(source: Source): Source {
  const { labels } = source;
  if (labels === undefined || labels.every((label) => label >= 0)) return source;
  return subsetOf(
    source,
    Array.from(labels.keys()).filter((sample) => (labels[sample] as number) >= 0),
  );
}

function pixelsOf(content: Extract<Source["content"], { kind: "pixels" }>, indices: readonly number[]): Uint8Array {
  const length = content.height * content.width * content.channels;
  const data = new Uint8Array(new SharedArrayBuffer(indices.length * length));
  for (const [i, index] of indices.entries())
    data.set(content.data.subarray(index * length, (index + 1) * length), i * length);
  return data;
}
