import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runReport } from "../../../src/cli/html/report.js";
import { openRun, pretrain, verdict } from "../../../src/index.js";
import { makePictures } from "../../../test/cli/terminal.js";
import {
  accessibilityFindings,
  needsBrowser,
  openBrowser,
  openPage,
  patience,
  screenshot,
  withoutBrowser,
} from "./chromium.js";

describe.skipIf(withoutBrowser)(needsBrowser, () => {
  let browser: Browser;
  let folder: string;
  let run: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lacuna-browser-"));
    run = await trained(folder);
    browser = await openBrowser();
  }, 2 * patience);

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  describe("the report of a run", () => {
    let address: string;

    beforeAll(async () => {
      const opened = openRun(run);
      const path = join(folder, "report.html");
      writeFileSync(path, await runReport(opened, verdict(opened.events, opened.run)));
      address = pathToFileURL(path).href;
    });

    const looks = [
      ["light", { colorScheme: "light", viewport: { width: 1100, height: 900 } }],
      ["dark", { colorScheme: "dark", viewport: { width: 1100, height: 900 } }],
      ["phone", { colorScheme: "light", viewport: { width: 390, height: 844 } }],
    ] as const;
    test.each(looks)(
      "%s: nothing is wrong, nothing is outside the window, axe finds nothing",
      async (name, look) => {
        const page = await openPage(browser, address, look);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
          look.viewport.width,
        );
        expect(await accessibilityFindings(page)).toEqual([]);
        await screenshot(page, `report-${name}`);
      },
      patience,
    );

    test(
      "the slider moves through the pictures by key",
      async () => {
        const page = await openPage(browser, address);
        const shown = () =>
          page
            .locator(".frames figure:visible")
            .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset["when"]));
        const last = await shown();
        expect(last).toHaveLength(1);
        await page.locator("#frame").press("Home");
        const first = await shown();
        expect(first).toHaveLength(1);
        expect(first).not.toEqual(last);
        expect(await page.locator(".slider output").textContent()).toBe(first[0]);
      },
      patience,
    );
  });
});

/** A run of a few steps with two previews. @returns its folder */
async function trained(folder: string): Promise<string> {
  const out = join(folder, "run");
  const run = pretrain(
    {
      seed: 0,
      epochs: 2,
      device: "cpu",
      precision: "float32",
      model: { name: "vit", width: 32, depth: 2, heads: 2, patchSize: 4 },
      method: { name: "mae", decoder: { width: 16, depth: 1, heads: 2 } },
      data: {
        source: { kind: "folder", path: await makePictures(join(folder, "pictures"), 6) },
        imageSize: 32,
        batchSize: 4,
        workers: 0,
      },
      optim: { name: "adamw", baseLearningRate: 1e-2, weightDecay: 0.05 },
      log: { previewSeconds: 0.001, previewPictures: 2 },
    },
    { out },
  );
  for await (const _ of run) {
  }
  await run.close();
  return out;
}
