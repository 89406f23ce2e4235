// How long from a stroke to the new picture, and how long the page ever keeps its visitor waiting: ViT-S/16 at 224 px in Chromium,
// by Wasm. Weights are of one step: speed does not depend on them. `npm run bench:page [-- strokes]`, on an idle machine.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { describeMachine, loadAverage } from "../bench/machine.mjs";
import { median } from "../bench/statistics.mjs";
import { makePage } from "../dist/export/page/make.js";
import { loadModel, pretrain } from "../dist/index.js";
import { servePage, writePage } from "../dist/public/export.js";

const limits = { strokeMs: 1500, blockedMs: 50 };
const strokes = Number(process.argv[2] ?? 10);

const print = (text) => process.stdout.write(`${text}\n`);

async function pictures(folder) {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < 8; i++) {
    const noise = { type: "gaussian", mean: 60 + 15 * i, sigma: 40 };
    await sharp({ create: { width: 224, height: 224, channels: 3, background: "#000", noise } }).toFile(
      join(folder, `${i}.png`),
    );
  }
  return folder;
}

/** @returns the folder of a run of one step */
async function trained(folder) {
  const out = join(folder, "run");
  const run = pretrain(
    {
      epochs: 1,
      model: { name: "vit", size: "small", patchSize: 16 },
      method: { name: "mae" }, // the paper's decoder: 8 blocks of width 512
      data: {
        source: { kind: "folder", path: await pictures(join(folder, "pictures")) },
        imageSize: 224,
        batchSize: 8,
        workers: 0,
      },
      optim: { name: "adamw" },
      log: { previewPictures: 0 },
    },
    { out },
  );
  for await (const _ of run);
  await run.close();
  return out;
}

/** In the page: the longest time without a turn of the event loop, and when a stroke ended and its picture came. */
function watch() {
  const seen = { longest: 0, strokeEnd: 0, pictures: [] };
  globalThis.seen = seen;
  const channel = new MessageChannel();
  let last = performance.now();
  channel.port1.onmessage = () => {
    const now = performance.now();
    seen.longest = Math.max(seen.longest, now - last);
    last = now;
    setTimeout(() => channel.port2.postMessage(0), 4);
  };
  channel.port2.postMessage(0);
  addEventListener(
    "pointerup",
    () => {
      seen.strokeEnd = performance.now();
    },
    true,
  );
  new MutationObserver(() => {
    const isBusy = document.querySelector(".busy") !== null;
    // After the frame that shows it.
    if (!isBusy && seen.strokeEnd > 0) {
      const { strokeEnd } = seen;
      seen.strokeEnd = 0;
      requestAnimationFrame(() => setTimeout(() => seen.pictures.push(performance.now() - strokeEnd)));
    }
  }).observe(document.querySelector(".panel:nth-child(2)"), { childList: true, subtree: true, characterData: true });
}

/** Across a row of patches, by turns hiding and revealing. */
async function stroke(page, row) {
  const box = await page.getByRole("grid").boundingBox();
  const at = (column) => [box.x + ((column + 0.5) / 14) * box.width, box.y + ((row + 0.5) / 14) * box.height];
  await page.mouse.move(...at(2));
  await page.mouse.down();
  await page.mouse.move(...at(11), { steps: 12 });
  await page.mouse.up();
}

async function measure(address) {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto(`${address}?engine=wasm`);
    await page.locator(".thumbs.named img").first().waitFor({ timeout: 120_000 }); // all that comes at the start is done
    const engine = await page.locator(".badge").textContent();
    await page.evaluate(watch);
    for (let i = 0; i < strokes; i++) {
      await stroke(page, i % 14);
      await page.waitForFunction((count) => globalThis.seen.pictures.length > count, i, { timeout: 60_000 });
    }
    return { engine, ...(await page.evaluate(() => globalThis.seen)) };
  } finally {
    await browser.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), "lacuna-bench-page-"));
try {
  print(`${JSON.stringify(describeMachine())}, load ${loadAverage()}`);
  const model = loadModel(await trained(folder), { device: "cpu" });
  const site = join(folder, "site");
  writePage(site, await makePage(model, { count: 8 }));
  model.close();
  const server = await servePage(site);
  const { engine, longest, pictures: times } = await measure(server.address);
  await server.close();
  const worst = Math.max(...times);
  print(`ViT-S/16, 224 px, decoder 8 × 512, ${engine}, ${times.length} strokes over 10 patches`);
  print(
    `stroke to new picture: median ${Math.round(median(times))} ms, longest ${Math.round(worst)} ms (limit ${limits.strokeMs})`,
  );
  print(`longest time without a turn of the event loop: ${Math.round(longest)} ms (limit ${limits.blockedMs})`);
  process.exitCode = worst <= limits.strokeMs && longest <= limits.blockedMs ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
