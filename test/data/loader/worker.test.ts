import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { openLoader } from "../../../src/data/loader.js";
import { collect, pixelSource, plainOptions } from "../loader-sources.js";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const sources = path.join(repository, "src");
/** What a worker may load: pictures and bytes, never tensors. */
const allowed = ["data", "formats"];
/** What writes whole files, and its errors: the packed sets' readers and writers are one module. */
const allowedFiles = ["errors.ts", "keys.ts", "checked.ts", "runs/errors.ts", "runs/write-atomic.ts"];

/** Relative modules that a file loads, types left out as the compiler leaves them out. */
function imports(file: string): string[] {
  const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
  });
  const found = outputText.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g);
  return [...found].map(([, module]) => path.resolve(path.dirname(file), `${module}.ts`));
}

test("a worker loads nothing but pictures and bytes: src/data and src/formats", () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const next of imports(file)) visit(next);
  };
  visit(path.join(sources, "data", "loader", "worker.ts"));
  const loaded = [...seen].map((file) => path.relative(sources, file));
  const isAllowed = (file: string): boolean =>
    allowed.includes(file.split(path.sep)[0] as string) || allowedFiles.includes(file);
  expect(loaded.filter((file) => !isAllowed(file))).toEqual([]);
  // The walk did find the modules that do the work.
  const names = [...seen].map((file) => path.basename(file));
  expect(names).toEqual(expect.arrayContaining(["work.ts", "decode.ts", "transform.ts", "resample.ts"]));
});

/** Compiles what a worker may load, file by file, into a folder from which packages can be found. */
function compile(): string {
  mkdirSync(path.join(repository, "build"), { recursive: true });
  const folder = mkdtempSync(path.join(repository, "build", "worker-test-"));
  for (const name of [...allowed, ...allowedFiles])
    cpSync(path.join(sources, name), path.join(folder, name), { recursive: true });
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    const { outputText } = ts.transpileModule(readFileSync(path.join(folder, name), "utf8"), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
    });
    writeFileSync(path.join(folder, name.replace(/\.ts$/, ".js")), outputText);
    rmSync(path.join(folder, name));
  }
  return folder;
}

test("compiled code starts its workers from compiled code, ends by itself, and gives the same bytes", async () => {
  const loader = openLoader(pixelSource(20), { ...plainOptions, workers: 0 });
  const expected = await collect(loader, { epoch: 0, batch: 0 }, 1);
  await loader.close();
  const folder = compile();
  try {
    const content = pixelSource(20).content;
    if (content.kind !== "pixels") throw new Error("not pixels");
    // The loader is not closed: idle workers must not keep a process alive.
    const program = `
      import { openLoader } from ${JSON.stringify(path.join(folder, "data", "loader.js"))};
      const content = ${JSON.stringify({ ...content, data: undefined })};
      content.data = new Uint8Array(Buffer.from(${JSON.stringify(Buffer.from(content.data).toString("base64"))}, "base64"));
      const source = { size: 20, labels: undefined, content, name: String };
      const loader = openLoader(source, ${JSON.stringify({ ...plainOptions, workers: 2 })});
      for await (const batch of loader.batches({ epoch: 0, batch: 0 }, { epoch: 1 })) {
        console.log(Buffer.from(batch.views.one.data).toString("base64"));
      }`;
    const printed = execFileSync(process.execPath, ["--input-type=module"], {
      input: program,
      timeout: 60_000,
      encoding: "utf8",
    });
    expect(printed.trim().split("\n")).toEqual(expected.map(({ pixels }) => pixels["one"]));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
