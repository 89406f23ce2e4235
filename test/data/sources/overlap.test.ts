import { expect, test } from "vitest";
import { sharedPictures } from "../../../src/data/sources/overlap.js";
import type { Source } from "../../../src/data/sources/spec.js";

const files = (root: string, ...paths: string[]): Source => ({
  spec: { kind: "folder", path: root, part: "all", holdOut: 0, seed: 0 },
  size: paths.length,
  fingerprint: "",
  classes: undefined,
  labels: undefined,
  name: (index) => paths[index] as string,
  content: { kind: "files", root, paths },
});

const shared = (judged: Source, trained: Source): Promise<number> =>
  sharedPictures(judged, trained.spec, () => Promise.resolve(trained));

test("files are the same where they lie at the same place, whatever folder was given", async () => {
  const trained = files("/photos", "a/1.jpg", "a/2.jpg", "b/3.jpg");
  expect(await shared(files("/photos/a", "1.jpg", "2.jpg", "4.jpg"), trained)).toBe(2);
  expect(await shared(files("/photos/b/..", "a/1.jpg"), trained)).toBe(1);
  expect(await shared(files("/other", "a/1.jpg"), trained)).toBe(0);
  const gone = () => Promise.reject(new Error("moved"));
  expect(await sharedPictures(files("/photos", "a/1.jpg"), trained.spec, gone)).toBe(0);
});

test("of a published set the part counts, and nothing is opened", async () => {
  const part = (split: "train" | "test", size = 10): Source => ({
    ...files("/", ...Array.from({ length: size }, (_, i) => String(i))),
    spec: { kind: "cifar10", split },
    content: { kind: "pixels" } as unknown as Source["content"],
  });
  expect(await shared(part("test"), part("train"))).toBe(0);
  expect(await shared(part("train", 5), part("train"))).toBe(5);
  expect(await shared(part("train"), files("/photos", "1.jpg"))).toBe(0);
});
