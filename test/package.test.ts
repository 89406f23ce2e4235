/** What `npm pack` makes, installed into an empty project as a stranger would: set up, typed, run. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { workFolder, writePictures } from "./train/example.js";

const work = workFolder("package");
const project = join(work.path, "project");
const minutes = 60_000;
/** A PATH with Node alone, where neither Python nor a compiler is found. */
const onlyNode = join(work.path, "bin");
afterAll(work.remove);

/** The variables of `npm test` and of Vitest describe the repository; a stranger's shell has none of them. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$|CI$)/i.test(name)),
);

function inProject(words: readonly string[], more: NodeJS.ProcessEnv = {}): { code: number | null; out: string } {
  const [command = "", ...parameters] = words;
  const { status, stdout, stderr, error } = spawnSync(command, parameters, {
    cwd: project,
    encoding: "utf8",
    env: { ...environment, ...more },
  });
  if (error !== undefined) throw error;
  return { code: status, out: stdout + stderr };
}

const lacuna = (...words: string[]): { code: number | null; out: string } =>
  inProject([process.execPath, "node_modules/lacuna/dist/cli/main.js", ...words], { PATH: onlyNode });

beforeAll(async () => {
  mkdirSync(project);
  mkdirSync(onlyNode);
  symlinkSync(process.execPath, join(onlyNode, "node"));
  await writePictures(join(project, "photos"), 32);
  const { stdout } = spawnSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", work.path], {
    encoding: "utf8",
    env: environment,
  });
  const answer: unknown = JSON.parse(stdout);
  const [tarball] = Object.values(answer as Record<string, { filename: string }>);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const file = join(work.path, tarball?.filename ?? "");
  const installed = inProject(["npm", "install", "--prefer-offline", file, "typescript@6.0", "@types/node@20"]);
  expect(installed.code, installed.out).toBe(0);
  cpSync("examples", join(project, "examples"), { recursive: true });
}, 10 * minutes);

test("before set-up the first operation fails with one line that says what to do", () => {
  const { code, out } = inProject([
    process.execPath,
    "--input-type=module",
    "--eval",
    'import { zeros } from "lacuna"; try { zeros([2]); } catch (error) { console.log(error.code, error.message); }',
  ]);
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(
      /^engine-missing the engine is not built: \S+lacuna\.node is missing\. Run: npx lacuna setup\n$/,
    ),
  ]);
});

test(
  "npx lacuna setup makes it ready, once",
  () => {
    const first = inProject(["npx", "lacuna", "setup"]);
    expect(first.code, first.out).toBe(0);
    expect(first.out).toMatch(/^Lacuna is ready\.$/m);
    expect(inProject(["npx", "lacuna", "setup"])).toEqual({ code: 0, out: "Lacuna is ready.\n" });
    expect(lacuna("setup", "--status").out).toMatch(/^addon +ready$/m);
  },
  20 * minutes, // where these sources were never compiled on this machine
);

test(
  "the examples pass tsc --strict, libraries checked too, and become JavaScript",
  () => {
    // serve-features.ts wants onnxruntime-node, which whoever serves installs; `npm run check` has its types.
    const names = readdirSync(join(project, "examples")).filter((name) => name !== "serve-features.ts");
    const sources = names.map((name) => join("examples", name));
    const options = ["--strict", "--target", "ES2022", "--module", "NodeNext", "--types", "node", "--outDir", "js"];
    const tsc = "node_modules/typescript/bin/tsc";
    expect(inProject([process.execPath, tsc, ...options, ...sources])).toEqual({ code: 0, out: "" });
  },
  5 * minutes,
);

test(
  "the README's program runs as TypeScript and as JavaScript, where there is no Python",
  () => {
    const jiti = "node_modules/jiti/lib/jiti-cli.mjs";
    const alone = { PATH: onlyNode };
    const typed = inProject([process.execPath, jiti, "examples/pretrain-folder.ts", "photos", "runs/ts", "5"], alone);
    const plain = inProject([process.execPath, "js/pretrain-folder.js", "photos", "runs/js", "5"], alone);
    const losses = (out: string): string[] => out.match(/^step \d+ loss \d\.\d{4}$/gm) ?? [];
    expect(losses(typed.out), typed.out).toHaveLength(1);
    expect(losses(plain.out), plain.out).toEqual(losses(typed.out));
  },
  5 * minutes,
);

test(
  "commands find what they need of the package: recipes, recorded runs, the page",
  () => {
    const smaller = ["--epochs=1", "--data.imageSize=32", "--data.batchSize=8", "--out=runs/recipe"];
    const recipe = lacuna("pretrain", "node_modules/lacuna/recipes/own-photos-5k.ts", ...smaller);
    expect(recipe.code, recipe.out).toBe(0);
    expect(lacuna("inspect", "runs/js").out).toContain("finished");
    const exported = lacuna("export", "runs/js", "--page", "site");
    expect(exported.code, exported.out).toBe(0);
    expect(existsSync(join(project, "site", "index.html"))).toBe(true);
    expect(readFileSync(join(project, "site", "page.json"), "utf8")).toContain("examples/");
  },
  5 * minutes,
);
