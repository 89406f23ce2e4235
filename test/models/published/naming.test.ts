import { expect, test } from "vitest";
import { naming } from "../../../src/models/published/naming.js";

const names = naming([
  ["first.{i}.", "stem.{i}."],
  ["layers.{s}.{b}.norm.", "stages.{s}.blocks.{b}.ln."],
  ["layers.{s}.{b}.gamma", "stages.{s}.blocks.{b}.grn.weight"],
]);

test("names go to the other layout and come back, numbers and endings kept", () => {
  for (const [ours, theirs] of [
    ["first.0.weight", "stem.0.weight"],
    ["layers.2.11.norm.bias", "stages.2.blocks.11.ln.bias"],
    ["layers.0.3.gamma", "stages.0.blocks.3.grn.weight"],
  ] as const) {
    expect(names.theirs(ours)).toBe(theirs);
    expect(names.ours(theirs)).toBe(ours);
  }
});

test("a name that no pair has is none; a dot is a dot, and a whole name is whole", () => {
  for (const name of ["stem.x.weight", "stemX0.weight", "stages.0.blocks.3.grn.weights", "stem.0.", "other"])
    expect(names.ours(name), name).toBeUndefined();
});
