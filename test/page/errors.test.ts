import { expect, test } from "vitest";
import { PageError } from "../../src/page/errors.js";

test("an error is data first, and one sentence with what to do", () => {
  const error = new PageError({
    problem: "the port is in use.",
    code: "port-in-use",
    path: "127.0.0.1:8080",
    expected: "a free port",
    actual: 8080,
    remedy: "Choose another with --port.",
  });
  expect(error).toMatchObject({ name: "PageError", code: "port-in-use", expected: "a free port", actual: 8080 });
  expect(error.message).toBe("in 127.0.0.1:8080: the port is in use. Choose another with --port.");
});
