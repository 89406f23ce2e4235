// Every recipe parses, and its header says where it comes from, how to run it, what that costs and what to expect; what the
// header quotes of `lacuna plan` and of `lacuna sweep --dry-run` is what they say today.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { finetuneConfigKeys } from "../src/cli/config/finetuning.js";
import { parseFlags } from "../src/cli/config/flags.js";
import { loadRecipe } from "../src/cli/config/recipe.js";
import { resolveRun, runConfigKeys } from "../src/cli/config/resolve.js";
import { loadSweep } from "../src/cli/sweep/load.js";
import { duration, scaled } from "../src/cli/words.js";
import type { FinetuneConfigInput, RunConfig } from "../src/index.js";
import { withSettings } from "../src/keys.js";
import { costOf } from "../src/plan/cost.js";
import { estimateGpu } from "../src/public/plan.js";
import { derive, parseConfig, parseFinetune } from "../src/public/train.js";
import { planSweep } from "../src/sweep/plan.js";
import { temporaryFolder } from "./cli/terminal.js";

const below = (folder: string): string[] =>
  readdirSync(join("recipes", folder))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join("recipes", folder, name));
const supervised = [...below("finetune"), ...below("probe"), "recipes/finetune-cifar10.ts"];
const pretraining = below(".").filter((file) => !supervised.includes(file));

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
  for (const [command, operand] of commands) if (command !== "pretrain") expect(operand).toBe(file);
  expect(commands.some(([, operand]) => operand === file)).toBe(true);
  return { commands, cost };
}

/** What is not a ViT, by a part of the recipe's name. */
const models = {
  resnet: "resnet",
  simsiam: "resnet",
  "moco-v2-plus": "resnet",
  simclr: "resnet",
  byol: "resnet",
  swav: "resnet",
  fcmae: "convnextV2",
  "simmim-cifar10": "swin",
  esvit: "swin",
  "simmim-swin": "swin",
};

describe.each(pretraining)("%s", (file) => {
  test("has a header, and its command can be typed", async () => {
    for (const [command, operand = "", ...flags] of checkHeader(file).commands) {
      expect(command).toBe("pretrain");
      const { config } = await resolveRun([operand, ...flags], ["out"]);
      const [, model = "vit"] = Object.entries(models).find(([part]) => file.includes(part)) ?? [];
      expect(config.model.name).toBe(model);
    }
  });

  test("quotes what plan computes", async () => {
    const { cost } = checkHeader(file);
    const config = parseConfig(await loadRecipe(file));
    const { multiplyAdds, step } = costOf(config);
    expect(cost).toContain(`${scaled(multiplyAdds)} multiply-adds a picture`);
    const pictures = Number(/for ([\d,]+) pictures/.exec(cost)?.[1]?.replaceAll(",", ""));
    const whole = (epochs: number): { steps: number; seen: number } => {
      const { steps } = derive(parseConfig(withSettings(config, [{ path: "epochs", value: epochs }])), pictures);
      return { steps, seen: steps * config.data.batchSize };
    };
    const [, total] = /([\d.]+ \w) multiply-adds in all/.exec(cost) ?? [];
    if (total !== undefined) expect(total).toBe(scaled(step * whole(config.epochs).seen));
    const quoted = [...cost.matchAll(/(\d+) epochs ([\d.]+ (?:s|min|h|days))/g)];
    expect(quoted.length + (total === undefined ? 0 : 1)).toBeGreaterThan(0);
    for (const [, epochs, time] of quoted) {
      const { hours } = estimateGpu({ multiplyAdds: step / 3, pictures: whole(Number(epochs)).seen });
      expect([epochs, time]).toEqual([epochs, duration(hours * 3600)]);
    }
  });
});

describe.each(supervised)("%s", (file) => {
  test("has a header, its command can be typed, and quotes what is counted", async () => {
    const { commands, cost } = checkHeader(file);
    const keys = await finetuneConfigKeys();
    const written = (await loadRecipe(file)) as FinetuneConfigInput;
    for (const [command, , ...flags] of commands) {
      if (command !== "finetune") continue;
      const { settings } = parseFlags(
        flags.filter((flag, i) => flag !== "--out" && flags[i - 1] !== "--out"),
        keys,
        [],
      );
      parseFinetune(withSettings(written, settings));
    }
    const { model, data, trainBlocks } = parseFinetune({ ...written, from: "a run" });
    const { source, imageSize } = data;
    const method = file.includes("convnext") ? { method: { name: "fcmae" as const } } : {}; // MAE drops patches
    const { encoder } = costOf(parseConfig({ model, data: { source, imageSize }, ...method }));
    expect(cost).toContain(scaled(encoder.multiplyAdds));
    const pictures = Number(/for ([\d,]+) pictures/.exec(cost)?.[1]?.replaceAll(",", ""));
    const passes = trainBlocks === 0 ? 1 : 3; // of three, backward being two
    for (const [, epochs, time] of cost.matchAll(/(\d+) epochs ([\d.]+ (?:s|min|h|days))/g)) {
      const seen = Math.floor(pictures / data.batchSize) * data.batchSize * Number(epochs);
      const { hours } = estimateGpu({ multiplyAdds: (encoder.multiplyAdds * passes) / 3, pictures: seen });
      expect([epochs, time]).toEqual([epochs, duration(hours * 3600)]);
    }
  });
});

test.each([
  ["finetune", "base-16", "base", 16],
  ["finetune", "large-16", "large", 16],
  ["finetune", "huge-14", "huge", 14],
  ["probe", "base-16", "base", 16],
] as const)(
  "recipes/%s/mae-vit-%s.ts is what fine-tuning takes where nobody says anything",
  async (kind, name, size, patchSize) => {
    const written = (await loadRecipe(`recipes/${kind}/mae-vit-${name}.ts`)) as FinetuneConfigInput;
    const recipe = parseFinetune({ ...written, from: "a run" });
    const { source, heldOut } = recipe.data;
    const least = { task: "finetune" as const, from: "a run", model: { name: "vit" as const, size, patchSize } };
    const usual = parseFinetune({
      ...least,
      ...(kind === "probe" ? { trainBlocks: 0 } : {}),
      data: { source, heldOut },
    });
    const { accumulate } = recipe.optim;
    expect({ ...recipe, average: recipe.average ?? 0 }).toEqual({
      ...usual,
      average: usual.average ?? 0,
      optim: { ...usual.optim, accumulate },
    });
  },
);

// Woo et al. 2023, appendix, tables of fine-tuning on ImageNet-1k; the rate of Base and Large is the official commands'.
test.each([
  ["atto", 600, 0, 2e-4, 0.3, 0.9, "block", 0.1, 0.2, undefined],
  ["femto", 600, 0, 2e-4, 0.05, 0.9, "block", 0, 0.2, [0.3, 0.3]],
  ["pico", 600, 0, 2e-4, 0.3, 0.9, "block", 0, 0.2, [0.3, 0.3]],
  ["nano", 600, 0, 2e-4, 0.3, 0.9, "block", 0.1, 0.2, [0.5, 0.5]],
  ["tiny", 300, 40, 8e-4, 0.05, 0.9, "block", 0.2, 0.1, [0.8, 1]],
  ["base", 100, 20, 6.25e-4, 0.05, 0.6, "group", 0.1, 0.1, [0.8, 1]],
  ["large", 100, 20, 6.25e-4, 0.05, 0.6, "group", 0.2, 0.1, [0.8, 1]],
  ["huge", 50, 10, 1.25e-3, 0.05, 0.75, "group", 0.3, 0.1, [0.8, 1]],
] as const)(
  "recipes/finetune/convnext-v2-%s.ts has the published numbers",
  async (size, epochs, warmupEpochs, baseLearningRate, weightDecay, layerDecay, decayBy, dropPath, smoothing, mixed) => {
    const written = (await loadRecipe(`recipes/finetune/convnext-v2-${size}.ts`)) as FinetuneConfigInput;
    const { augmentation, optim, ...recipe } = parseFinetune({ ...written, from: "a run" });
    expect(recipe).toMatchObject({ epochs, average: 0.9999, pool: "mean", trainBlocks: "all" });
    expect(recipe.model).toMatchObject({ name: "convnextV2", size, dropPath, decayBy });
    expect(recipe.data).toMatchObject({ batchSize: 1024, imageSize: 224 });
    const rates = { baseLearningRate, weightDecay, layerDecay, warmupEpochs, betas: [0.9, 0.999] };
    expect(optim).toMatchObject({ name: "adamw", shape: { name: "cosine" }, ...rates });
    const [mixup, cutmix] = mixed ?? [];
    const mixing = mixed === undefined ? { probability: 0 } : { mixup, cutmix, probability: 1 };
    const randAugment = { magnitude: 9, deviation: 0.5 };
    expect(augmentation).toMatchObject({ mixing, smoothing, erasing: { probability: 0.25 }, randAugment });
  },
);

/** How many pictures a sweep trains on: all of CIFAR-10's, or a study's subset. */
const trainedOn = { sweeps: 50_000, studies: 10_000 } as const;

describe.each([...below("sweeps"), ...below("studies")])("%s", (file) => {
  test("has a header, and quotes what a dry run computes", async () => {
    const pictures = trainedOn[file.includes("studies") ? "studies" : "sweeps"];
    const { commands, cost } = checkHeader(file);
    for (const [command, operand = "", ...flags] of commands) {
      expect(command).toBe("sweep");
      const settings = flags.filter((flag, i) => flag !== "--out" && flags[i - 1] !== "--out");
      const { points } = await planSweep(await loadSweep([operand, ...settings], ["out"]), pictures);
      expect(cost).toContain(scaled(points.reduce((sum, point) => sum + point.cost, 0)));
    }
  });
});

test("the sizes that are published have their published numbers of parameters", async () => {
  const parameters = async (name: string) =>
    costOf(parseConfig(await loadRecipe(`recipes/mae-vit-${name}.ts`)) as RunConfig).parameters;
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
      const own = words.filter((word) => /^--(out|dry-run|retry|pictures|minutes)\b/.test(word));
      const settings = words.filter(
        (word, i) => !own.includes(word) && !/^--(out|pictures|minutes)$/.test(words[i - 1] ?? ""),
      );
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
