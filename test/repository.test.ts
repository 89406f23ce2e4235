/** What helps people around the code must stay true: editors, containers, CI, templates. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(path, "utf8");
const packageJson = JSON.parse(read("package.json")) as { engines: { node: string }; scripts: Record<string, string> };

test("editors indent as biome does", () => {
  const { formatter } = JSON.parse(read("biome.json")) as { formatter: Record<string, unknown> };
  const [general = ""] = read(".editorconfig").split("[*.py]");
  expect(general).toContain(`indent_style = ${formatter["indentStyle"]}\nindent_size = ${formatter["indentWidth"]}\n`);
  expect(general).toContain(`max_line_length = ${formatter["lineWidth"]}\n`);
});

test("container and workflow have a Node that package.json allows, and run commands that exist", () => {
  const [, oldest = ""] = /^>=(\d+)/.exec(packageJson.engines.node) ?? [];
  const docker = read(".devcontainer/Dockerfile");
  const workflow = read(".github/workflows/ci.yml");
  expect(docker).toContain(`FROM node:${oldest}-`);
  expect(workflow).toContain(`node-version: ${oldest}\n`);
  expect(workflow).toMatch(/^ +- run: \.ci\/run$/m);
  expect(JSON.parse(read(".devcontainer/devcontainer.json"))).toMatchObject({
    build: { dockerfile: "Dockerfile" },
    postCreateCommand: "npm run setup",
  });
});

test("the container runs the two commands of the README", () => {
  const [, block = ""] = /## Try it[\s\S]*?```sh\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  const commands = block
    .trim()
    .split("\n")
    .map((line) => line.split("#")[0]?.trim() ?? "");
  expect(commands).toHaveLength(2);
  for (const command of commands) expect(read(".devcontainer/Dockerfile")).toContain(`-w /lacuna lacuna ${command}\n`);
});

test("CONTRIBUTING names scripts, files and commits that exist", () => {
  const text = read("CONTRIBUTING.md");
  for (const [, script = ""] of text.matchAll(/npm run ([\w:]+)/g))
    expect(Object.keys(packageJson.scripts)).toContain(script);
  const commits = [...text.matchAll(/`git show ([0-9a-f]{7,})`/g)].map(([, hash = ""]) => hash);
  expect(commits.length).toBeGreaterThanOrEqual(4);
  if (!existsSync(".git") || isShallow()) return; // an archive, or a clone without history, has no commits to look at
  for (const hash of commits) expect(git("cat-file", "-t", hash)).toBe("commit");
});

const git = (...words: string[]): string => execFileSync("git", words, { encoding: "utf8" }).trim();
const isShallow = (): boolean => git("rev-parse", "--is-shallow-repository") === "true";
