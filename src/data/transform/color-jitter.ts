/** torchvision's `ColorJitter` on Pillow pictures: brightness, contrast, saturation and hue, in a drawn order. */
import type { KeyedRandom } from "../random.js";
import type { Picture } from "../resample.js";
import type { TransformStep } from "../views.js";
import { brightness, contrast, hue, saturation } from "./enhance.js";

type ColorJitter = Extract<TransformStep, { type: "colorJitter" }>;

/** What a jitter does to a picture: each change and its amount, in order. */
export type Changes = readonly { readonly property: keyof typeof properties; readonly amount: number }[];

const properties = { brightness, contrast, saturation, hue };
const names = Object.keys(properties) as (keyof typeof properties)[];

/**
 * Draws the order of the four, then an amount for each: a factor uniform in 1 ± strength, not below 0, or a turn of the hue
 * uniform in ± strength. What has strength 0 draws too, and is left out.
 */
export function drawJitter(step: ColorJitter, random: KeyedRandom): Changes {
  const order = [...names];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [order[i], order[j]] = [order[j] as "hue", order[i] as "hue"];
  }
  const amounts = names.map((name) => {
    const strength = step[name];
    const [low, high] = name === "hue" ? [-strength, strength] : [Math.max(0, 1 - strength), 1 + strength];
    return [name, low + (high - low) * random.uniform()] as const;
  });
  const amountOf = new Map(amounts);
  return order.flatMap((property) =>
    step[property] === 0 ? [] : [{ property, amount: amountOf.get(property) as number }],
  );
}

/** uint8 [H W C] -> uint8 [H W C], 1 or 3 channels; of grey pictures, saturation and hue change nothing. */
export function jitter(picture: Picture, changes: Changes): Picture {
  return changes.reduce((current, { property, amount }) => properties[property](current, amount), picture);
}
