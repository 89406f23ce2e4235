import { describe, expect, test } from "vitest";
import { changelogProblems, contentsProblems, tarballPaths, treeProblems } from "../../tools/release-check.mjs";

describe("a release", () => {
  test("has its version and date as the first heading of CHANGELOG", () => {
    expect(changelogProblems("# Changelog\n\n## 0.2.0 (2026-12-01)\n\n## 0.1.0 (2026-11-26)\n", "0.2.0")).toEqual([]);
    expect(changelogProblems("# Changelog\n\n## Unreleased\n", "0.2.0")).toEqual([
      expect.stringContaining("Unreleased"),
    ]);
    for (const heading of ["0.2.0", "0.2.1 (2026-12-01)", "0.2.01 (2026-12-01)"])
      expect(changelogProblems(`# Changelog\n\n## ${heading}\n`, "0.2.0")).toEqual([expect.stringContaining(heading)]);
  });

  test("has no missing and no foreign files", () => {
    const problems = contentsProblems([
      "README.md",
      "src/index.ts",
      "dist/index.js",
      "dist/index.js.map",
      "page/src/main.tsx",
    ]);
    expect(problems).toContain("tarball: LICENSE is missing");
    expect(problems).toContain("tarball: dist/cli/main.js is missing");
    expect(problems).not.toContain("tarball: dist/index.js is missing");
    for (const foreign of ["src", "dist/index.js.map", "page/src/main.tsx"])
      expect(problems).toContain(`tarball: ${foreign} does not belong in it`);
  });

  test("would have what it needs if it were made of this tree", () => {
    expect(contentsProblems(tarballPaths())).toEqual([]);
  });

  test("has nothing uncommitted", () => {
    expect(treeProblems("")).toEqual([]);
    expect(treeProblems(" M README.md\n?? x.ts")).toEqual(["not committed: M README.md", "not committed: ?? x.ts"]);
  });
});
