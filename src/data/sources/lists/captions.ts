/** Texts that go with pictures: those that a source has, or sentences about its classes. */
import type { Source } from "../spec.js";
import { subsetOf } from "../subset.js";

/** What is said of a class where nobody has written captions. */
const sentence = (name: string): string => `a photo of a ${name.replaceAll(/[_-]+/g, " ").trim()}.`;

/**
 * The pictures of a source that have a caption; where it has none at all, sentences about the classes of those that have one.
 * @returns undefined where there are neither captions nor classes
 */
export function withCaptions(source: Source): (Source & { readonly captions: readonly string[] }) | undefined {
  const { captions, classes, labels } = source;
  const texts = captions ?? (classes && labels && Array.from(labels, (label) => captionOf(classes[label])));
  if (texts === undefined) return undefined;
  if (texts.every((text) => text !== "")) return { ...source, captions: texts };
  const kept = [...texts.keys()].filter((sample) => texts[sample] !== "");
  return { ...subsetOf(source, kept), captions: kept.map((sample) => texts[sample] as string) };
}

/** What a source's captions are like, in words, and whether they were made of its classes. */
export function captionsText({
  captions = [],
  classes,
  labels,
}: Pick<Source, "captions" | "classes" | "labels">): string {
  const isMade = captions.every((text, i) => text === captionOf(classes?.[labels?.[i] ?? -1]));
  const example = `"${captions[0] ?? ""}"`;
  return isMade
    ? `made of the class names: ${example}`
    : `${new Set(captions).size} different ones, such as ${example}`;
}

function captionOf(name: string | undefined): string {
  return name === undefined ? "" : sentence(name);
}
