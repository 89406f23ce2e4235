import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { resolveFinetune } from "../../src/finetune/finetune.js";
import { finetuneOnce } from "../../src/finetune/once.js";
import { openRun } from "../../src/runs/reader.js";
import { collect, workFolder } from "../train/example.js";
import { tinyFinetune, writeClasses } from "./example.js";

const work = workFolder("finetune-once");
afterAll(work.remove);

test("a run begins, goes on after a stop, and is not run again; another configuration in its folder is refused", async () => {
  const photos = await writeClasses(join(work.path, "photos"), 4);
  const config = resolveFinetune(tinyFinetune(photos, { epochs: 2, precision: "auto" }));
  const folder = join(work.path, "run");
  const stop = new AbortController();
  {
    await using first = finetuneOnce(folder, config, "typed")?.(stop.signal);
    for await (const event of first ?? []) if (event.type === "step") stop.abort();
  }
  expect(openRun(folder).run).toMatchObject({ status: "interrupted", command: "typed" });

  const rest = finetuneOnce(folder, config)?.();
  const events = await collect(rest as NonNullable<typeof rest>);
  expect(events.find(({ type }) => type === "step")).toMatchObject({ step: 2 });
  expect(openRun(folder).run.status).toBe("finished");

  const { log, data } = config;
  const sameNumbers = { ...config, log: { ...log, heldOutEpochs: 7 }, data: { ...data, workers: 1 } };
  expect(finetuneOnce(folder, sameNumbers)).toBeUndefined();
  const longer = () => finetuneOnce(folder, { ...config, epochs: 3 });
  expect(longer).toThrow(/epochs: 2 -> 3.*Choose another --out/);
  expect(longer).toThrow(expect.objectContaining({ name: "ConfigError", code: "changed-run", path: folder }));
});
