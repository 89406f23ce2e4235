import { expect, test } from "vitest";
import { defaultRunFolder } from "../../../src/cli/training/folder.js";

const now = new Date(2026, 4, 3, 7, 9);

test("a name and the time, in letters that every file system takes", () => {
  expect(defaultRunFolder("photos", now, () => false)).toBe("runs/photos-2026-05-03-0709");
  expect(defaultRunFolder("../my photos: 1", now, () => false)).toBe("runs/my-photos-1-2026-05-03-0709");
  expect(defaultRunFolder("…", now, () => false)).toBe("runs/run-2026-05-03-0709");
});

test("a number where it is taken", () => {
  const taken = new Set(["runs/a-2026-05-03-0709", "runs/a-2026-05-03-0709-2"]);
  expect(defaultRunFolder("a", now, (path) => taken.has(path))).toBe("runs/a-2026-05-03-0709-3");
});
