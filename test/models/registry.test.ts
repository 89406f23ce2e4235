import { expect, test } from "vitest";
import { z } from "zod";
import { Registry } from "../../src/models/registry.js";

const entry = (name: string) => ({ name, config: z.strictObject({ name: z.literal(name), size: z.int().default(3) }) });

test("entries by name, in order, and a schema that tells them apart", () => {
  const [first, second] = [entry("first"), entry("second")];
  const list = new Registry("thing", [first]);
  list.add(second);
  list.add(second); // the same once more
  expect(list.names()).toEqual(["first", "second"]);
  expect(list.get("second")).toBe(second);
  expect(list.schema().parse({ name: "second" })).toEqual({ name: "second", size: 3 });
  expect(list.keysOf("second")).toEqual(["name", "size"]);
  expect(() => list.schema().parse({ name: "third" })).toThrow(/first.*second|name/s);
});

test("a name that is taken and one that is not there are said with the names there are", () => {
  const list = new Registry("thing", [entry("first")]);
  expect(() => list.add(entry("first"))).toThrow("there is a thing called first already. Names that are taken: first.");
  expect(() => list.get("frist")).toThrow("there is no thing called frist. Choose one of first");
});
