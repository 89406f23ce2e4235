import { expect, test } from "vitest";
import { ended, lacuna, start } from "../terminal.js";

test("--status says what is there", async () => {
  const { code, out } = await ended(start(["setup", "--status"]));
  expect(code).toBe(0);
  expect(out).toMatch(/^libtorch +2\.\d+\.\d+.*, from /m);
  expect(out).toMatch(/^addon +ready$/m);
});

test("its own mistakes end with 2, those of the set-up with 1", async () => {
  expect((await lacuna("setup", "--stauts")).error).toContain("Did you mean --status?");
  const { code, error } = await ended(start(["setup", "--status"], { LACUNA_LIBTORCH: "/nowhere" }));
  expect([code, error]).toEqual([1, expect.stringContaining("setup: LACUNA_LIBTORCH is /nowhere: no such folder.")]);
});
