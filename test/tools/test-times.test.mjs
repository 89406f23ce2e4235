import { expect, test } from "vitest";
import { testTimes } from "../../tools/test-times.mjs";

test("times are added up by folder, the longest first", () => {
  const file = (name, seconds, tests) => ({
    name: `/repo/${name}`,
    startTime: 1000,
    endTime: 1000 + seconds * 1000,
    assertionResults: Array.from({ length: tests }, () => ({})),
  });
  const report = {
    testResults: [
      file("test/nn/linear.test.ts", 1, 2),
      file("test/cli/main.test.ts", 5, 1),
      file("test/nn/convolution/conv.test.ts", 2, 3),
      file("page/test/browser/page.test.ts", 4, 1),
      file("test/index.test.ts", 0.5, 1),
    ],
  };
  expect(
    testTimes(report, "/repo").map(({ folder, files, tests, seconds }) => [folder, files, tests, seconds]),
  ).toEqual([
    ["test/cli", 1, 1, 5],
    ["page/test/browser", 1, 1, 4],
    ["test/nn", 2, 5, 3],
    ["test/index.test.ts", 1, 1, 0.5],
  ]);
});
