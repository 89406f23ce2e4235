// Every recipe parses, and its header says where it comes from, how to run it, what that costs and what to expect; what the
// header quotes of `lacuna plan` and of `lacuna sweep --dry-run` is what they say today.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { overlay, parseFlags } from "../src/cli/config/flags.js";
import { loadRecipe } from "../src/cli/config/recipe.js";
import { resolveRun, runConfigKeys } from "../src/cli/config/resolve.js";
import { loadSweep } from "../src/cli/sweep/load.js";
import { planSweep } from "../src/cli/sweep/plan.js";
import { costOf } from "../src/cli/training/cost.js";
import { duration, scaled } from "../src/cli/words.js";
import { derive, estimateGpu, parseConfig, type RunConfig } from "../src/index.js";
import { temporaryFolder } from "./cli/terminal.js";

const recipes = readdirSync("recipes").filter((name) => name.endsWith(".ts"));
const sweeps = readdirSync("recipes/sweeps");

/** The comment at the top, its lines joined. */
function headerOf(file: string): string {
  const [, header = ""] = /^\/\*\*\n([\s\S]*?)\n \*\/\n/.exec(readFileSync(file, "utf8")) ?? [];
  return header.replaceAll(/^ \* ?/gm, "");
}

/** Commands stand in lines of their own, indented; a backslash continues one. */
function commandsOf(header: string): string[][] {
  const joined = header.replaceAll(/\\\n\s+/g, "");
  return [...joined.matchAll(/^ {2}npx lacuna (.+)$/gm)].map(([, command = ""]) => command.trim().split(/\s+/));
}

const paragraph = (header: string, word: string): string =>
  (new RegExp(`(?:^|\\n)${word}[\\s\\S]*?(?=\\n\\n|\\n(?:Cost|Expected)|$)`).exec(header)?.[0] ?? "").replaceAll(
    /\s+/g,
    " ",
  );

function checkHeader(file: string): { commands: string[][]; cost: string } {
  const header = headerOf(file);
  expect(header).toMatch(/arXiv \d{4}\.\d{5}/);
  const [cost, expected] = [paragraph(header, "Cost:"), paragraph(header, "Expected")];
  expect(cost).not.toBe("");
  expect(expected).toMatch(/arXiv|paper|official|records\/|repository|[Nn]obody has published/); // where it is from
  const commands = commandsOf(header);
  expect(commands.length).toBeGreaterThan(0);
  for (const [, operand] of commands) expect(operand).toBe(file);
  return { commands, cost };
}

describe.each(recipes)("recipes/%s", (name) => {
  const file = join("recipes", name);

  test("has a header, and its command can be typed", async () => {
    for (const [command, operand = "", ...flags] of checkHeader(file).commands) {
      expect(command).toBe("pretrain");
      const { config } = await resolveRun([operand, ...flags], ["out"]);
      expect(config).toMatchObject({ model: { name: "vit" } });
    }
  });

  test("quotes what plan computes", async () => {
    const { cost } = checkHeader(file);
    const config = parseConfig(await loadRecipe(file));
    const { multiplyAdds } = await costOf(config);
    expect(cost).toContain(`${scaled(multiplyAdds)} multiply-adds a picture`);
    const pictures = Number(/for ([\d,]+) pictures/.exec(cost)?.[1]?.replaceAll(",", ""));
    const whole = (epochs: number): { steps: number; seen: number } => {
      const { steps } = derive(parseConfig(overlay(config, [{ path: "epochs", value: epochs }])), pictures);
      return { steps, seen: steps * config.data.batchSize };
    };
    const [, total] = /([\d.]+ \w) multiply-adds in all/.exec(cost) ?? [];
    if (total !== undefined) expect(total).toBe(scaled(3 * multiplyAdds * whole(config.epochs).seen));
    const quoted = [...cost.matchAll(/(\d+) epochs ([\d.]+ (?:s|min|h|days))/g)];
    expect(quoted.length + (total === undefined ? 0 : 1)).toBeGreaterThan(0);
    for (const [, epochs, time] of quoted) {
      const { hours } = estimateGpu({ multiplyAdds, pictures: whole(Number(epochs)).seen });
      expect([epochs, time]).toEqual([epochs, duration(hours * 3600)]);
    }
  });
});

describe.each(sweeps)("recipes/sweeps/%s", (name) => {
  const file = join("recipes/sweeps", name);

  test("has a header, and quotes what a dry run computes", async () => {
    const { commands, cost } = checkHeader(file);
    for (const [command, operand = "", ...flags] of commands) {
      expect(command).toBe("sweep");
      const settings = flags.filter((flag, i) => flag !== "--out" && flags[i - 1] !== "--out");
      const { points } = await planSweep(await loadSweep([operand, ...settings], ["out"]), 50_000);
      expect(cost).toContain(scaled(points.reduce((sum, point) => sum + point.cost, 0)));
    }
  });
});

test("the sizes that are published have their published numbers of parameters", async () => {
  const parameters = async (name: string) =>
    (await costOf(parseConfig(await loadRecipe(`recipes/mae-vit-${name}.ts`)) as RunConfig)).parameters;
  expect(await parameters("base-16")).toBe(111_907_840);
  expect(await parameters("large-16")).toBe(329_541_888);
  expect(await parameters("huge-14")).toBe(657_074_508);
});

describe("the guide", () => {
  const pages = readdirSync("docs/guide").map((name) => ({
    name,
    text: readFileSync(join("docs/guide", name), "utf8"),
  }));

  test.each(pages)("$name: recipes are there, and keys of the configuration are known", async ({ text }) => {
    const keys = await runConfigKeys();
    for (const [, line = ""] of text.matchAll(/^npx lacuna (.+)$/gm)) {
      const [command = "", ...words] = line
        .replace(/\s+#.*$/, "")
        .trim()
        .split(/\s+/);
      if (!["pretrain", "plan", "sweep"].includes(command)) continue;
      const own = words.filter((word) => /^--(out|dry-run|retry|pictures)\b/.test(word));
      const settings = words.filter((word, i) => !own.includes(word) && !/^--(out|pictures)$/.test(words[i - 1] ?? ""));
      const { operands } = parseFlags(settings, keys, []);
      expect(operands).toHaveLength(1);
      if (operands[0]?.startsWith("recipes/")) expect(existsSync(operands[0])).toBe(true);
    }
  });

  test("the sweep that it shows is one", async () => {
    const [, code = ""] =
      /<!-- sweep -->\n+```ts\n([\s\S]*?)```/.exec(readFileSync("docs/guide/sweeps.md", "utf8")) ?? [];
    const file = join(temporaryFolder(), "shown.ts");
    writeFileSync(file, code);
    const { points } = await loadSweep([file], []);
    expect(points).toHaveLength(8);
  });
});
