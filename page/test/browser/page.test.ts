import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { makePage } from "../../../src/export/page/make.js";
import { loadModel, noGrad, scope, tensor } from "../../../src/index.js";
import { type PageServer, servePage } from "../../../src/page/server.js";
import { type PageDescription, writePage } from "../../../src/public/export.js";
import { alone } from "../../../src/public/methods.js";
import { withMethod } from "../../../src/public/models.js";
import { Rng } from "../../../src/public/tensor.js";
import { toImages } from "../../../src/public/train.js";
import { toPixels } from "../../../src/train/watch/panels.js";
import { hashOf } from "../../src/mask/share.js";
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

const grid = { rows: 8, columns: 8 };
const filled = ".panel:nth-child(2) canvas";

describe.skipIf(withoutBrowser)(needsBrowser, () => {
  let browser: Browser;
  let folder: string;
  let site: string;
  let run: string;
  let server: PageServer;
  let description: PageDescription;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "lacuna-browser-"));
    run = await trained(folder);
    site = join(folder, "site");
    using model = withMethod(loadModel(run, { device: "cpu" }));
    const made = await makePage(model, { count: 8, title: "Discs", license: "CC0" });
    description = made.description;
    writePage(site, made);
    server = await servePage(site);
    browser = await openBrowser();
  }, 2 * patience);

  afterAll(async () => {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const looks = [
    ["light", "light", 1280],
    ["dark", "dark", 1280],
    ["phone", "light", 390],
    ["phone-dark", "dark", 390],
  ] as const;
  test(
    "light, dark, on a phone: nothing is wrong, nothing is outside the window, axe finds nothing",
    async () => {
      const page = await openPage(browser, server.address);
      await ready(page);
      await page.locator(".thumbs.named img").first().waitFor(); // the nearest examples come last
      await page.locator("summary").click();
      for (const [name, colorScheme, width] of looks) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(width);
        expect(await accessibilityFindings(page), name).toEqual([]);
        await screenshot(page, `page-${name}`);
      }
    },
    patience,
  );

  test(
    "the numbers are libtorch's, the picture is the library's",
    async () => {
      const mask = Uint8Array.from({ length: 64 }, (_, cell) => (cell % 3 === 0 ? 0 : 1));
      const hash = hashOf({ mask, example: 2, everywhere: false, statistics: "true" }, grid);
      const page = await openPage(browser, server.address + hash);
      await ready(page);
      const text = (await page.locator("footer").textContent()) ?? "";
      const difference = Number(/differ from libtorch's by at most (\S+) here/.exec(text)?.[1]);
      expect(difference).toBeLessThan(2e-5);
      const theirs = await reconstructed(run, readFileSync(join(site, "examples", "2.png")), mask);
      const ours = await pixels(page, filled);
      expect(ours).toHaveLength(theirs.length);
      expect(
        ours.reduce((worst, byte, i) => Math.max(worst, Math.abs(byte - (theirs[i] as number))), 0),
      ).toBeLessThanOrEqual(1);
    },
    patience,
  );

  test(
    "a stroke hides or reveals and the picture follows; statistics, prediction, undo and chance do what they say",
    async () => {
      const page = await openPage(browser, server.address);
      await ready(page);
      const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
      const buffer = await sharp({ create: { width: 32, height: 32, channels: 3, background: "#000", noise } })
        .png()
        .toBuffer();
      await page.locator("input[type=file]").setInputFiles({ name: "noise.png", mimeType: "image/png", buffer });
      await expectText(page, ".panel:nth-child(3) .note", /^noise\.png$/);
      await page.getByRole("button", { name: "Reveal all" }).click();
      await hiddenIs(page, 0);
      await settled(page);
      const whole = await pixels(page, filled);
      await stroke(page, [0, 0], [7, 0]);
      await hiddenIs(page, 8);
      await changed(page, whole, [0, 1, 2, 3]); // the pixels of the first row of patches, and nothing else
      await settled(page);
      const painted = await pixels(page, filled);
      await page.getByRole("radio", { name: "From visible" }).check();
      await changed(page, painted, [0, 1, 2, 3]);
      const guessed = await pixels(page, filled);
      await page.getByRole("radio", { name: "As predicted" }).check();
      await changed(
        page,
        guessed,
        Array.from({ length: 28 }, (_, i) => i + 4),
      );
      await page.keyboard.press("Control+z");
      await hiddenIs(page, 0);
      await page.getByRole("radio", { name: "Blocks" }).check();
      await hiddenIs(page, 48);
      await page.getByRole("button", { name: "Draw another" }).click();
      await hiddenIs(page, 48);
    },
    patience,
  );

  test(
    "by keyboard alone: to the grid, through it, hiding and revealing, and told of it",
    async () => {
      const page = await openPage(browser, server.address);
      await ready(page);
      const cell = page.locator("[role=gridcell]:focus");
      for (let i = 0; i < 5 && (await cell.count()) === 0; i++) await page.keyboard.press("Tab");
      await page.keyboard.press("Control+Home");
      expect(await cell.getAttribute("aria-label")).toMatch(/^Row 1, column 1, /);
      const before = await cell.getAttribute("aria-selected");
      await page.keyboard.press("Space");
      expect(await cell.getAttribute("aria-selected")).not.toBe(before);
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Shift+ArrowRight");
      await page.keyboard.press("Shift+ArrowRight");
      expect(await cell.getAttribute("aria-label")).toBe("Row 2, column 3, hidden");
      for (const column of [1, 2, 3]) {
        const label = `Row 2, column ${column}, hidden`;
        expect(await page.getByRole("gridcell", { name: label }).getAttribute("aria-selected")).toBe("true");
      }
      await settled(page);
      expect(await page.locator("p[role=status][aria-live]").textContent()).toMatch(/^Filled in \d+ of 64 patches in/);
      const names: string[] = [];
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        names.push(
          await page.evaluate(
            () => document.activeElement?.textContent || document.activeElement?.getAttribute("name") || "",
          ),
        );
      }
      for (const name of ["tool", "Reveal all", "kind", "Draw another", "Download as PNG", "show"])
        expect(names).toContain(name);
    },
    patience,
  );

  test(
    "attention follows the patch, a neighbour opens, a picture of one's own is filled in and saved, a text is refused",
    async () => {
      const page = await openPage(browser, server.address);
      await ready(page);
      await page.getByRole("button", { name: "Reveal all" }).click();
      await settled(page);
      await page.getByLabel("Show where a patch looks").check();
      const heat = () =>
        page.locator(".heat span").evaluateAll((all) => all.map((one) => (one as HTMLElement).style.opacity));
      await page.locator("[role=gridcell]").nth(9).hover();
      const first = await heat();
      await page.locator("[role=gridcell]").nth(54).hover();
      expect(await heat()).not.toEqual(first);
      await screenshot(page, "page-attention");
      await page.locator(".thumbs.named button").first().click();
      await expectText(page, ".panel:nth-child(1) .note", /0 of 64/);
      const picture = await sharp({ create: { width: 90, height: 50, channels: 3, background: "#30a060" } })
        .png()
        .toBuffer();
      await page
        .locator("input[type=file]")
        .setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: picture });
      await page.getByLabel("Show where a patch looks").uncheck();
      await expectText(page, ".panel:nth-child(3) .note", /^mine\.png$/);
      await settled(page);
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download as PNG" }).click();
      const saved = await download;
      expect(saved.suggestedFilename()).toBe("mine-filled-in.png");
      const metadata = await sharp(await saved.path()).metadata();
      expect([metadata.format, metadata.width, metadata.height]).toEqual(["png", 3 * 268 + 12, 256 + 74]);
      await page
        .locator("input[type=file]")
        .setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") });
      await expectText(page, ".notice", /notes\.txt: this file is not a picture that the browser can read/);
      await expectText(page, ".panel:nth-child(3) .note", /^mine\.png$/);
    },
    patience,
  );

  test(
    "on any static server: a service worker gives threads; without it one thread does",
    async () => {
      const address = await plainServer(site);
      const page = await openPage(browser, address);
      await ready(page);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      const alone = await openPage(browser, address, { serviceWorkers: "block" });
      await ready(alone);
      expect(await alone.locator(".badge").textContent()).toBe("Wasm, 1 thread");
      expect(description.examples).toHaveLength(8);
    },
    patience,
  );
});

async function ready(page: Page): Promise<void> {
  await page.locator(".badge.ready").waitFor();
  await page.locator(filled).waitFor();
  await settled(page);
}

/** Until nothing is being computed. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(
    () => document.querySelector(".busy") === null && !document.body.textContent.includes("computing …"),
  );
}

async function hiddenIs(page: Page, count: number): Promise<void> {
  await expectText(page, ".panel:nth-child(1) .note", new RegExp(`^${count} of 64 patches hidden`));
}

async function expectText(page: Page, selector: string, pattern: RegExp): Promise<void> {
  await expect.poll(() => page.locator(selector).textContent(), { timeout: patience / 2 }).toMatch(pattern);
}

/** [H W 3] of a canvas */
async function pixels(page: Page, selector: string): Promise<Uint8Array> {
  const rgba = await page.locator(selector).evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    const context = new OffscreenCanvas(width, height).getContext("2d") as OffscreenCanvasRenderingContext2D;
    context.drawImage(element as HTMLCanvasElement, 0, 0);
    return Array.from(context.getImageData(0, 0, width, height).data);
  });
  return Uint8Array.from(rgba.filter((_, i) => i % 4 !== 3));
}

/** Waits until exactly these rows of pixels differ from what they were. */
async function changed(page: Page, before: Uint8Array, rows: readonly number[]): Promise<void> {
  const row = 32 * 3;
  const differing = async (): Promise<number[]> => {
    const now = await pixels(page, filled);
    const all = Array.from({ length: 32 }, (_, y) => y);
    return all.filter((y) => !now.subarray(y * row, (y + 1) * row).every((byte, i) => byte === before[y * row + i]));
  };
  await expect.poll(differing, { timeout: patience / 2 }).toEqual(rows);
}

/** Draws with the pointer from cell to cell, with few reports in between. */
async function stroke(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
  const box = await page.getByRole("grid").boundingBox();
  if (box === null) throw new Error("the grid is not on the page");
  const at = ([column, row]: readonly [number, number]): [number, number] => [
    box.x + ((column + 0.5) / 8) * box.width,
    box.y + ((row + 0.5) / 8) * box.height,
  ];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 2 });
  await page.mouse.up();
}

/** What the library makes of a picture and a mask. @returns bytes [H W 3] */
async function reconstructed(run: string, png: Uint8Array, mask: Uint8Array): Promise<Uint8Array> {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  using model = withMethod(loadModel(run, { device: "cpu" }));
  const { mean, std } = model.config.data;
  const cells = Array.from(mask.keys());
  const visible = cells.filter((cell) => mask[cell] === 0);
  const order = [...visible, ...cells.filter((cell) => mask[cell] === 1)];
  return noGrad(() =>
    scope(() => {
      const image = toImages({ data, height: info.height, width: info.width, channels: 3 }, mean, std);
      const step = { index: 0, epoch: 0, progress: 0, rng: new Rng(0, "unused", 0, [0]), world: alone };
      const ids = tensor(BigInt64Array.from(order, BigInt), [1, mask.length]);
      const made = model.method.reconstruct?.(image, step, { ids, kept: visible.length });
      return toPixels((made as NonNullable<typeof made>).rebuilt, mean, std);
    }),
  );
}

/** A server as people have them: files, types, and no header of ours. */
async function plainServer(folder: string): Promise<string> {
  const types: Record<string, string> = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".png": "image/png",
  };
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    const path = join(folder, pathname.endsWith("/") ? "index.html" : pathname);
    if (!existsSync(path)) return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream" });
    createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
