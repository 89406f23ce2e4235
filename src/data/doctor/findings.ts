/** From what was gathered to findings: what each means, and what to do. */
import type { BadPictureCode } from "../errors.js";
import type { Unreachable } from "../sources/files.js";
import {
  type Collection,
  LARGE_PIXELS,
  LONG_ASPECT,
  type Noted,
  type Oddity,
  TINY_SIDE,
  WHITE_SHARE,
} from "./collection.js";
import type { Finding, Severity } from "./report.js";

interface Text {
  readonly severity: Severity;
  readonly title: string;
  readonly meaning: string;
  readonly remedy: string;
}

const SKIPPED = "A run skips each such file, counts it and takes another picture in its place.";

const BAD: Readonly<Record<BadPictureCode, Text>> = {
  missing: {
    severity: "warning",
    title: "files that are not there or may not be read",
    meaning: `The name is listed, but opening it fails. ${SKIPPED}`,
    remedy: "Restore the files or their permissions, or take their names off the list.",
  },
  empty: {
    severity: "warning",
    title: "empty files or pictures without a pixel",
    meaning: `Often an interrupted copy or download. ${SKIPPED}`,
    remedy: "Copy them again or delete them.",
  },
  unsupported: {
    severity: "warning",
    title: "files that are no picture that can be read here",
    meaning: `Their content is not JPEG, PNG, WebP, GIF, TIFF, AVIF or an array, whatever their name says, or it has other channels. ${SKIPPED}`,
    remedy: "Convert them to one of these formats, or delete them.",
  },
  unreadable: {
    severity: "warning",
    title: "pictures that cannot be decoded",
    meaning: `The header or the pixels are broken. ${SKIPPED}`,
    remedy: "Copy them again from where they came, or delete them.",
  },
  truncated: {
    severity: "warning",
    title: "truncated pictures",
    meaning: `The file ends before the picture does; the rest would be grey. ${SKIPPED}`,
    remedy: "An interrupted copy or download: fetch them again, or delete them.",
  },
  "too-large": {
    severity: "warning",
    title: "pictures of more pixels than the limit",
    meaning: `They are refused by their header, since decoding could use up all memory. ${SKIPPED}`,
    remedy: "Shrink them once on disk, or raise the limit on pixels if they are real.",
  },
  timeout: {
    severity: "warning",
    title: "pictures that take too long to decode",
    meaning: `Made to be slow, or on a slow disk. ${SKIPPED}`,
    remedy: "Save them again with another program, delete them, or raise the time limit.",
  },
  crashed: {
    severity: "bad",
    title: "files that bring the decoder down",
    meaning: "Decoding such a file ended its process. In a training run that would end the run.",
    remedy: "Delete them or save them again with another program before training.",
  },
};

const ODD: Readonly<Record<Oddity, Text>> = {
  damaged: {
    severity: "warning",
    title: "damaged pictures that can still be decoded",
    meaning: "Part of each may be garbled. They are used as they are.",
    remedy: "Look at them; fetch them again or delete those that are spoilt.",
  },
  tiny: {
    severity: "warning",
    title: `pictures with a side below ${TINY_SIDE} pixels`,
    meaning: "Enlarged to the training size they are blur: icons and thumbnails teach little.",
    remedy: "Delete them, unless the whole set is meant to be that small.",
  },
  large: {
    severity: "note",
    title: `pictures above ${LARGE_PIXELS / 1e6} million pixels`,
    meaning: "Decoding takes most of the time of a training run that waits for data.",
    remedy: "Shrink them once on disk, to about twice the training size.",
  },
  long: {
    severity: "warning",
    title: `pictures more than ${LONG_ASPECT} times as long as wide`,
    meaning: "Banners, strips and panoramas: a random crop shows a small part, squeezed into a square.",
    remedy: "Look at them; cut them up or delete them.",
  },
  blank: {
    severity: "warning",
    title: "pictures of one colour",
    meaning: "There is nothing to learn from them, and per-patch normalisation divides by almost nothing.",
    remedy: "Delete them.",
  },
  wrapped: {
    severity: "warning",
    title: "pictures whose numbers wrapped round",
    meaning:
      "The low bytes of 16-bit numbers, or signed numbers taken for unsigned ones: bands that nobody photographed.",
    remedy: "Export them again, scaled to 0 … 255 or with 16 bits.",
  },
  white: {
    severity: "note",
    title: `pictures that are pure white for ${100 * WHITE_SHARE} % and more`,
    meaning:
      "Overexposed, or things on a white ground, which cannot be told apart by numbers. Where all is white there is nothing to learn.",
    remedy: "Look at some: of overexposed photographs export darker ones, things on a white ground can be cut closer.",
  },
  misnamed: {
    severity: "note",
    title: "pictures whose name says another format",
    meaning: "They are decoded by their content and can be used. Other programs may stumble over them.",
    remedy: "Rename them if that matters to you.",
  },
  grey: {
    severity: "note",
    title: "grey pictures among coloured ones",
    meaning: "They are used with three equal channels.",
    remedy: "Nothing, unless they do not belong here, such as scans or masks.",
  },
  cmyk: {
    severity: "note",
    title: "CMYK pictures",
    meaning:
      "Made for print; converted with their colour profile, or without one as paper minus ink. Decoding is slower.",
    remedy: "Convert them to RGB once if there are many.",
  },
  deep: {
    severity: "note",
    title: "pictures of other numbers than bytes",
    meaning:
      "They are scaled to 8 bits: 16 bits from the whole range, floats and signed numbers from 0 to 1, 255 or 65535, or else from " +
      "their smallest to their largest. Measurements (depth, X-ray) that use a small part of a range turn black.",
    remedy: "Look at some as the model sees them; stretch their range and save them with 8 bits if they are dark.",
  },
  alpha: {
    severity: "note",
    title: "pictures with transparency",
    meaning: "Transparent parts become white.",
    remedy: "Put them on another ground before training if white is misleading.",
  },
  animated: {
    severity: "note",
    title: "animations and files of several pages",
    meaning: "Only the first frame or page is used.",
    remedy: "Extract the frames if you want them.",
  },
};

/** Makes names of indices. */
export type NameOf = (index: number) => string;

function finding(id: string, text: Text, noted: readonly Noted[], nameOf: NameOf): Finding {
  const ordered = [...noted].sort((a, b) => a.index - b.index);
  const files = ordered.map(({ index, detail }) => ({
    path: nameOf(index),
    ...(detail === undefined ? {} : { detail }),
  }));
  return { id, ...text, count: files.length, files };
}

/** One finding for each code of bad pictures that was met. */
export function badFindings(collection: Collection, nameOf: NameOf): Finding[] {
  const met = [...collection.bad].filter(([, noted]) => noted.length > 0);
  return met.map(([code, noted]) => finding(code, BAD[code], noted, nameOf));
}

/** One finding for each oddity that was met. A set that is grey, or small, throughout is not odd in that. */
export function oddFindings(collection: Collection, nameOf: NameOf): Finding[] {
  const total = collection.usable.length;
  const met = [...collection.odd].filter(([oddity, noted]) => {
    if (noted.length === 0) return false;
    const isWholeSet = noted.length > total / 2;
    return !(isWholeSet && (oddity === "grey" || oddity === "tiny"));
  });
  return met.map(([oddity, noted]) => finding(oddity, ODD[oddity], noted, nameOf));
}

const UNCAPTIONED: Text = {
  severity: "warning",
  title: "pictures without a caption",
  meaning: "A method that learns from captions leaves them out; all others take them.",
  remedy: "Write their captions, or nothing if there are few.",
};

/** Pictures without a text among others that have one. */
export function captionFindings(captions: readonly string[], nameOf: NameOf): Finding[] {
  const noted = captions.flatMap((text, index) => (text === "" ? [{ index }] : []));
  return noted.length === 0 ? [] : [finding("uncaptioned", UNCAPTIONED, noted, nameOf)];
}

export interface DuplicateOptions {
  readonly nameOf: NameOf;
  /** Whether a picture is held out, where the source is split. */
  readonly isHeldOut?: ((index: number) => boolean) | undefined;
}

/** Same and nearly same pictures, and those of them that lie on both sides of a split. */
export function duplicateFindings(collection: Collection, { nameOf, isHeldOut }: DuplicateOptions): Finding[] {
  const exact = collection.duplicates.exact();
  const { groups: near, complete } = collection.duplicates.near();
  const findings: Finding[] = [];
  const add = (id: string, text: Text, groups: readonly (readonly number[])[]) => {
    if (groups.length === 0) return;
    const noted = groups.flatMap((group) => group.map((index) => ({ index })));
    const named = groups.map((group) => group.map(nameOf));
    findings.push({ ...finding(id, text, noted, nameOf), groups: named });
  };
  add("duplicates", DUPLICATES, exact);
  add("near-duplicates", complete ? NEAR : { ...NEAR, title: `${NEAR.title} (search cut short: very many)` }, near);
  const largest = [...exact, ...near].reduce((a, b) => (b.length > a.length ? b : a), []);
  if (largest.length >= ONE_PICTURE * collection.usable.length) add("one-picture", ONE, [largest]);
  if (isHeldOut !== undefined) {
    const leaking = [...exact, ...near].filter((group) => new Set(group.map(isHeldOut)).size > 1);
    add("leak", LEAK, leaking);
  }
  return findings;
}

/** Share of the pictures that can be used. */
const ONE_PICTURE = 0.9;

const ONE: Text = {
  severity: "bad",
  title: "pictures that all show the same",
  meaning: "There is one picture to learn from: a model knows it by heart, and no other, whatever its loss says.",
  remedy: "An export that wrote one picture under many names looks so: export them again.",
};

const DUPLICATES: Text = {
  severity: "warning",
  title: "files that are byte for byte the same as another",
  meaning: "The same picture counts several times; in a held-out part it makes results look better than they are.",
  remedy: "Keep one of each group.",
};

const NEAR: Text = {
  severity: "note",
  title: "pictures that look almost the same as another",
  meaning:
    "Resized or recompressed copies, neighbouring frames of a film, series of one motif. Mirrored copies are not looked for.",
  remedy: "Look at some groups; keep one of each where they are copies, and keep a group on one side of a split.",
};

const LEAK: Text = {
  severity: "warning",
  title: "same or almost same pictures on both sides of the split",
  meaning: "What is held out was partly seen in training: results on it are too good.",
  remedy: "Remove the copies, or split by hand into two folders.",
};

/** Classes with very different numbers of pictures, or with hardly any. */
export function classFindings(classes: readonly { readonly name: string; readonly usable: number }[]): Finding[] {
  const counts = classes.map(({ usable }) => usable);
  const files = (few: typeof classes) => few.map(({ name, usable }) => ({ path: name, detail: `${usable} pictures` }));
  const findings: Finding[] = [];
  const scarce = classes.filter(({ usable }) => usable < LEAST_IN_CLASS);
  if (scarce.length > 0) findings.push({ id: "scarce-classes", ...SCARCE, count: scarce.length, files: files(scarce) });
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  const rare = classes.filter(({ usable }) => usable >= LEAST_IN_CLASS && usable * MOST_IMBALANCE < most);
  if (rare.length > 0)
    findings.push({ id: "unbalanced-classes", ...UNBALANCED, count: rare.length, files: files(rare) });
  return findings;
}

const LEAST_IN_CLASS = 10;
const MOST_IMBALANCE = 10;

const SCARCE: Text = {
  severity: "warning",
  title: `classes with fewer than ${LEAST_IN_CLASS} pictures that can be used`,
  meaning: "Pre-training does not use classes, but accuracies measured on so few are chance.",
  remedy: "Add pictures, join classes, or leave these out of evaluation.",
};

const UNBALANCED: Text = {
  severity: "note",
  title: `classes with less than a ${MOST_IMBALANCE}th of the largest class's pictures`,
  meaning: "A plain accuracy mostly measures the large classes.",
  remedy: "Report balanced accuracy, or even out the classes.",
};

/** Files beside the pictures: left out by their name, some of them pictures by their content. */
export function otherFindings(
  others: readonly string[],
  hidden: readonly { path: string; detail: string }[],
): Finding[] {
  const findings: Finding[] = [];
  if (hidden.length > 0)
    findings.push({ id: "unnamed-pictures", ...UNNAMED, count: hidden.length, files: [...hidden] });
  if (others.length > 0) {
    const files = others.map((path) => ({ path }));
    findings.push({ id: "other-files", ...OTHERS, count: others.length, files });
  }
  return findings;
}

const UNNAMED: Text = {
  severity: "warning",
  title: "pictures that are left out because of their name",
  meaning: "Their content is a picture, but their extension is not one of a picture that is read.",
  remedy: "Rename those that you want to train on.",
};

const OTHERS: Text = {
  severity: "note",
  title: "other files",
  meaning: "They are left out.",
  remedy: "Nothing, unless pictures in other formats are among them: convert those.",
};

/** What of a folder could not be reached. */
export function unreachableFindings(unreachable: readonly Unreachable[]): Finding[] {
  if (unreachable.length === 0) return [];
  return [
    {
      id: "unreachable",
      severity: "warning",
      title: "entries that cannot be reached",
      count: unreachable.length,
      meaning:
        "Folders that may not be read, links to themselves or through a file. They are left out, and all else is used.",
      remedy: "Give yourself the right to read the folders (chmod u+rx), and delete or mend the links.",
      files: unreachable.map(({ path, reason }) => ({ path, detail: reason })),
    },
  ];
}
