/** A batch that has the shapes of a run's, for what only asks about shapes or time. */
import { resolveViews, type ViewSpec } from "../data/views.js";
import { StateError } from "../engine/errors.js";
import type { Batch } from "../methods/method.js";
import type { Size } from "../nn/patches.js";
import { empty } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import { imageShape } from "../train/loop/task.js";
import type { Training } from "../train/trainer.js";

/** Height and width of each view. @throws StateError for a view whose size depends on the picture */
export function viewSizes(views: Readonly<Record<string, ViewSpec>>): Readonly<Record<string, Size>> {
  const sizes = resolveViews(views, undefined).map(({ name, size }) => {
    if (size !== undefined) return [name, [size.height, size.width] as const] as const;
    throw new StateError({
      problem: `the view ${name} has no size of its own.`,
      code: "view-size",
      path: `method.views.${name}`,
      expected: "a crop or a resize to [height, width]",
      actual: "a size that depends on the picture",
    });
  });
  return Object.fromEntries(sizes);
}

/** Views [B C H W] and columns [B] or [B T] on the `meta` device: nothing is allocated. */
export function emptyBatch(
  { views, columns, readText }: Pick<Training, "views" | "columns" | "readText">,
  config: Parameters<typeof imageShape>[0],
  B: number,
): Batch {
  const { channels } = imageShape(config);
  const on = { device: "meta" } as const;
  const images = Object.entries(viewSizes(views)).map(([name, size]): [string, Tensor] => [
    name,
    empty([B, channels, ...size], on),
  ]);
  const sides = { label: [B], text: [B, readText?.("").length ?? 0] };
  const others = columns.map((column): [string, Tensor] => [column, empty(sides[column], { ...on, dtype: "int64" })]);
  return Object.fromEntries([...images, ...others]);
}
