import { expect, test } from "vitest";
import { resolveBorrowed } from "../../../../src/methods/parts/tokenizers/borrowed.js";

const [hash, other] = ["a".repeat(64), "b".repeat(64)];
const read = (run: string) => ({ path: `/runs/${run}`, hash, method: { name: "mae" }, model: { name: "vit" } });

test("what a run says of itself is written beside its name, and read no more where it stands", () => {
  const written = resolveBorrowed({ run: "one" }, read, "method.teacher");
  expect(written).toEqual({ run: "/runs/one", hash, method: { name: "mae" }, model: { name: "vit" } });
  const never = (): never => {
    throw new Error("read again");
  };
  expect(resolveBorrowed(written, never, "method.teacher")).toBe(written);
});

test("other weights than the hash's are refused by the part's name, and what the check refuses", () => {
  expect(() => resolveBorrowed({ run: "one", hash: other }, read, "method.teacher")).toThrow(
    `the teacher's weights have the SHA-256 ${hash}`,
  );
  const check = (): never => {
    throw new Error("no tokenizer");
  };
  expect(() => resolveBorrowed({ run: "one" }, read, "method.tokenizer", check)).toThrow("no tokenizer");
});
