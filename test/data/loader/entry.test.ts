import { expect, test } from "vitest";
import { threadEntry } from "../../../src/data/loader/entry.js";

test("compiled programs are started as they are, sources through jiti", () => {
  const compiled = threadEntry("file:///a/b/c.js", "./worker");
  expect(String(compiled.file)).toBe("file:///a/b/worker.js");
  expect(compiled.options).toEqual({ execArgv: [] });
  const source = threadEntry("file:///a/b/c.ts", "./worker");
  expect(source.file).toContain('import("file:///a/b/worker.ts");');
  expect(source.options).toEqual({ execArgv: [], eval: true });
});
