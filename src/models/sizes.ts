/** The sizes that a model offers for pictures nobody has trained on yet. */

/** A key of the configuration, its value, and why. */
export interface DefaultChoice {
  /** `optim.weightDecay` */
  readonly key: string;
  readonly value: unknown;
  /** The value in words, where it is not shown as it is. */
  readonly shown?: string;
  readonly reason: string;
}

/** What a model is asked to fit. */
export interface SizeFacts {
  /** The side of the pictures, in pixels. */
  readonly side: number;
  readonly channels: number;
  /** Keys below `model.` that somebody has decided: `{ size: "base" }`. Every offer keeps them. */
  readonly given: Readonly<Record<string, unknown>>;
}

/** One size of a model for pictures of one side. */
export interface ModelSize {
  /** What it is called: `tiny`. */
  readonly name: string;
  /** Its size in words: `192 × 12, 3 heads`. */
  readonly shown: string;
  /** From how many pictures on it is worth its cost. */
  readonly pictures: number;
  /** Keys below `model.` that give it, without those that somebody has decided. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Keys that deserve a line of their own. */
  readonly choices: readonly DefaultChoice[];
  /** Numbers in a feature vector. */
  readonly width: number;
  readonly depth: number;
  /** Positions of the last layer. */
  readonly patches: number;
  /** Of a forward pass on one whole picture. */
  readonly multiplyAdds: number;
  /** What of that is computed for hidden cells too, where the model computes visible ones alone (`encodeMasked`); nothing if absent. */
  readonly windows?: number;
  /** Positions × channels, added up over the blocks: what memory grows with. */
  readonly activations: number;
}

/** Multiply-adds of a forward pass through Transformer blocks: their linear layers, and every token with every token. */
export function blockMultiplyAdds(tokens: number, width: number, depth: number): number {
  return depth * tokens * (12 * width * width + 2 * tokens * width);
}

/** From the largest size to the smallest; none where pictures of this side cannot be encoded. */
export type OffersSizes = (facts: SizeFacts) => readonly ModelSize[];

/** The number somebody has given for a key, or another. */
export function givenNumber(given: SizeFacts["given"], key: string): number | undefined {
  const value = given[key];
  return typeof value === "number" && value > 0 ? value : undefined;
}

/** The settings without those keys that somebody has decided. */
export function notGiven(settings: Record<string, unknown>, given: SizeFacts["given"]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => given[key] === undefined));
}

/**
 * The named sizes to offer, from the largest to the smallest, each with how many pictures it wants: the one that somebody has
 * asked for, whatever the pictures, or the usual ones.
 */
export function namedSizes<Name extends string>(
  usual: Readonly<Partial<Record<Name, number>>>,
  all: readonly Name[],
  given: SizeFacts["given"],
): readonly { readonly name: Name; readonly pictures: number }[] {
  const asked = all.find((name) => name === given["size"]);
  if (asked !== undefined) return [{ name: asked, pictures: 0 }];
  return (Object.entries(usual) as [Name, number][]).map(([name, pictures]) => ({ name, pictures }));
}

/** Of a hierarchy that halves sides three times: the largest first window, 4 or 2 pixels, which leaves four cells a side, or 1. */
export function chooseFirstWindow(side: number): number {
  return [4, 2].find((window) => side % (8 * window) === 0 && side >= 32 * window) ?? 1;
}
