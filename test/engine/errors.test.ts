import { expect, test } from "vitest";
import * as kinds from "../../src/engine/errors.js";
import { LacunaError } from "../../src/errors.js";

test.each(Object.entries(kinds))("%s is one of ours and knows its name", (name, Kind) => {
  const error = new Kind({ code: "c", expected: "a", actual: "b" });
  expect(error).toBeInstanceOf(LacunaError);
  expect(error.name).toBe(name);
  expect(error.stack).toContain("errors.test.ts");
});
