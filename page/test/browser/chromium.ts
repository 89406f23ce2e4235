/** Debian's Chromium for tests. Where there is none they are skipped, and say so. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";

const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** For the name of a group of tests: why it is skipped. */
export const withoutBrowser = program === undefined;
export const needsBrowser = withoutBrowser ? "needs a browser: apt-get install chromium" : "in Chromium";

/** Long enough for a machine that does much else. */
export const patience = 90_000;

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program as string, args: ["--no-sandbox", "--disable-gpu"] });
}

/**
 * A page of its own that is closed with the test. The test fails where the page writes an error to the console, throws, or
 * asks any other server.
 */
export async function openPage(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const wrong: string[] = [];
  page.on("console", (message) => {
    const isOurs = !message.text().includes("blocked by Playwright");
    if (isOurs && /^(error|warning)$/.test(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== new URL(address).origin && !["blob:", "data:"].includes(url.protocol))
      wrong.push(`asked ${url.href}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(wrong).toEqual([]);
  });
  await page.goto(address);
  return page;
}

/** What axe-core finds, as one line each. */
export async function accessibilityFindings(page: Page): Promise<string[]> {
  await page.evaluate(await axeSource());
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
    );
    interface Violation {
      id: string;
      nodes: { target: string[] }[];
    }
  });
  return found;
}

async function axeSource(): Promise<string> {
  const { default: axe } = (await import("axe-core")) as unknown as { default: { source: string } };
  return axe.source;
}

/** Kept for people to look at: build/screenshots/<name>.png */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = join(import.meta.dirname, "..", "..", "..", "build", "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
