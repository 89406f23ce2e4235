import fc from "fast-check";
import { expect, test } from "vitest";
import { pathOf, pixelsOf, shareContent, withChannels } from "../../../src/data/loader/content.js";

test("every path comes back from shared memory", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", minLength: 1 }).filter((name) => !/[/\0]/.test(name))),
      (names) => {
        const paths = names.map((name) => `folder/x${name}`);
        const shared = shareContent({ kind: "files", root: "/pictures", paths });
        if (shared.kind !== "files") throw new Error("not files");
        expect(shared.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
        expect(paths.map((_, i) => pathOf(shared, i))).toEqual(paths.map((name) => `/pictures/${name}`));
      },
    ),
    { seed: 1 },
  );
});

test("an absolute path in a list stays what it is", () => {
  const shared = shareContent({ kind: "files", root: "/pictures", paths: ["/elsewhere/a.jpg"] });
  if (shared.kind !== "files") throw new Error("not files");
  expect(pathOf(shared, 0)).toBe("/elsewhere/a.jpg");
});

test("pixels are shared as they are, or copied into shared memory once", () => {
  const sizes = { height: 1, width: 2, channels: 3 };
  const own = Uint8Array.from({ length: 12 }, (_, i) => i);
  for (const data of [own, new Uint8Array(new SharedArrayBuffer(12))]) {
    const shared = shareContent({ kind: "pixels", data, ...sizes });
    if (shared.kind !== "pixels") throw new Error("not pixels");
    expect(shared.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(shared.data === data).toBe(data !== own);
    expect(pixelsOf(shared, 1)).toMatchObject({ ...sizes, data: data.slice(6) });
  }
});

test("channels that cannot be made are refused", () => {
  const grey = { data: Uint8Array.of(9), height: 1, width: 1, channels: 1 };
  expect(withChannels(grey, 1)).toBe(grey);
  expect([...withChannels(grey, 3).data]).toEqual([9, 9, 9]);
  expect(() => withChannels(grey, 4)).toThrow("expected 1 or 1 for these pictures, got 4");
});
