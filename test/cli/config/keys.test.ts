import { expect, test } from "vitest";
import { z } from "zod";
import { configKeys, type JsonSchema } from "../../../src/cli/config/keys.js";

const schema = z.strictObject({
  epochs: z.number().positive().default(3).describe("passes"),
  workers: z.union([z.literal("auto"), z.int().min(0)]).default("auto"),
  size: z.union([z.int().positive(), z.tuple([z.int(), z.int()])]),
  part: z.discriminatedUnion("name", [
    z.strictObject({ name: z.literal("one"), share: z.number().min(0).max(1) }),
    z.strictObject({ name: z.literal("two"), share: z.number().min(0).max(1), fast: z.boolean().default(false) }),
  ]),
});

test("flattens a schema, alternatives merged, with what each key takes", () => {
  const keys = configKeys(z.toJSONSchema(schema, { io: "input" }) as JsonSchema);
  expect(keys.map(({ path }) => path)).toEqual(["epochs", "workers", "size", "part.name", "part.share", "part.fast"]);
  const by = (path: string) => keys.find((key) => key.path === path);
  expect(by("epochs")).toMatchObject({ takes: ["number above 0"], default: 3, description: "passes" });
  expect(by("workers")?.takes).toEqual(["auto", "whole number of at least 0"]);
  expect([...(by("workers")?.types ?? [])]).toEqual(["string", "integer"]);
  expect(by("size")?.takes).toEqual(["whole number above 0", "[whole number, whole number]"]);
  expect(by("part.name")?.choices).toEqual(["one", "two"]);
  expect(by("part.share")?.takes).toEqual(["number from 0 to 1"]);
  expect(by("part.fast")?.takes).toEqual(["true | false"]);
});

test("a number or a schedule: the number is a key, and so is each part of the schedule", () => {
  const momentum = z
    .union([z.number(), z.strictObject({ from: z.number(), to: z.number() })])
    .default({ from: 0.9, to: 1 });
  const keys = configKeys(z.toJSONSchema(z.strictObject({ momentum }), { io: "input" }) as JsonSchema);
  expect(keys.map(({ path, takes, default: value }) => [path, takes, value])).toEqual([
    ["momentum", ["number"], { from: 0.9, to: 1 }],
    ["momentum.from", ["number"], undefined],
    ["momentum.to", ["number"], undefined],
  ]);
});
