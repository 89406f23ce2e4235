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
      "the chart reads values by pointer and by key, and zooms",
      async () => {
        const page = await openPage(browser, address);
        const { events } = openRun(run);
        const losses = new Map(events.flatMap((event) => (event.type === "step" ? [[event.step, event.loss]] : [])));
        const plot = page.locator(".plot");
        const value = async (name: string): Promise<number> => Number(await plot.getAttribute(`aria-${name}`));
        const read = async (): Promise<number> =>
          Number(/training ([\d.]+)/.exec((await plot.getAttribute("aria-valuetext")) ?? "")?.[1]);
        const last = await value("valuemax");
        expect(last).toBe(Math.max(...losses.keys()));
        await plot.press("Home");
        expect(await read()).toBeCloseTo(losses.get(1) ?? Number.NaN, 2);
        await plot.press("ArrowRight");
        expect(await value("valuenow")).toBe(2);
        expect(await read()).toBeCloseTo(losses.get(2) ?? Number.NaN, 2);
        const { x, y, width } = (await plot.boundingBox()) as { x: number; y: number; width: number };
        await page.mouse.move(x + width - 16, y + 60);
        expect(await value("valuenow")).toBe(last);
        const ticks = (): Promise<string[]> => page.locator(".plot text[text-anchor=middle]").allTextContents();
        const all = await ticks();
        await page.mouse.move(x + 0.3 * width, y + 60);
        await page.mouse.down();
        await page.mouse.move(x + 0.5 * width, y + 60);
        await page.mouse.up();
        expect(await ticks()).not.toEqual(all);
        await screenshot(page, "report-zoomed");
        await page.getByRole("button", { name: "All steps" }).click();
        expect(await ticks()).toEqual(all);
        await plot.press("+");
        expect(await ticks()).not.toEqual(all);
        await page.getByLabel("Quantity").selectOption({ label: "learning rate" });
        expect(await plot.getAttribute("aria-valuetext")).toMatch(/^step [\d,]+: [\d.e-]+$/);
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
