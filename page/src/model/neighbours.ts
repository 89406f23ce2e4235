export interface Neighbour {
  readonly example: number;
  /** Cosine of the angle between the features, −1 to 1. */
  readonly similarity: number;
}

/** features [D], examples [E D] -> the `count` examples whose features point the same way, nearest first */
export function nearest(
  features: Float32Array,
  examples: Float32Array,
  { count, except }: { count: number; except?: number | undefined },
): Neighbour[] {
  const width = features.length;
  const length = norm(features);
  const all = Array.from({ length: examples.length / width }, (_, example) => {
    const row = examples.subarray(example * width, (example + 1) * width);
    const product = row.reduce((sum, value, i) => sum + value * (features[i] as number), 0);
    return { example, similarity: product / (length * norm(row) || 1) };
  });
  return all
    .filter(({ example }) => example !== except)
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count);
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
