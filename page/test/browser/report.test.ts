import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runReport } from "../../../src/cli/html/report.js";
import { openRun, verdict } from "../../../src/index.js";
import {
  accessibilityFindings,
  needsBrowser,
  openBrowser,
  openPage,
  patience,
  screenshot,
  withoutBrowser,
} from "./chromium.js";
import { trained } from "./run.js";

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
        expect(await distortion(page)).toBeLessThan(0.02);
        expect(await indents(page, ".settings dd")).toHaveLength(1); // values stand below one another
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

/** How far any picture that is shown is from its own proportions: 0 is not at all. */
async function distortion(page: Page): Promise<number> {
  const shown = await page.locator(".frames img:visible").evaluateAll((all) =>
    (all as HTMLImageElement[]).map((image) => {
      const own = image.naturalWidth / image.naturalHeight;
      return Math.abs(image.clientWidth / image.clientHeight / own - 1);
    }),
  );
  return Math.max(...shown);
}

/** How far from the left edge of their rows such elements begin, each distance once. */
async function indents(page: Page, selector: string): Promise<number[]> {
  const all = await page.locator(selector).evaluateAll((elements) =>
    elements.map((element) => {
      const row = element.parentElement as HTMLElement;
      return Math.round(element.getBoundingClientRect().left - row.getBoundingClientRect().left);
    }),
  );
  return [...new Set(all)];
}
