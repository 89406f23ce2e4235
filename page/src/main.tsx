import { render } from "preact";
import type { PageDescription } from "../../src/page/description.js";
import { Client } from "./model/client.js";
import { Session } from "./session/session.js";
import "./style/page.css";
import { isolate } from "./isolate.js";
import { App } from "./view/app.js";

/** Of page.json: a folder written by a later version would be misread. */
const readableVersion = 1;

async function main(root: HTMLElement): Promise<void> {
  if (await isolate()) return; // the page comes again in a moment
  const address = new URL(".", location.href).href;
  const description = await readDescription(address);
  document.title = `${description.title} · Lacuna`;
  const worker = new Worker(new URL("./model/worker.ts", import.meta.url), { type: "module", name: "model" });
  const client = new Client(worker, (share) => session.progressed(share));
  const wanted = new URLSearchParams(location.search).get("engine") === "wasm" ? "wasm" : undefined;
  const fetchBytes = async (file: string): Promise<Blob> => (await answerOf(file)).blob();
  const session = new Session(description, client, { address, hash: location.hash, wanted, fetchBytes });
  root.textContent = "";
  render(<App session={session} />, root);
  await session.start();
}

async function readDescription(address: string): Promise<PageDescription> {
  const found = (await (await answerOf(`${address}page.json`)).json()) as { readonly formatVersion: number };
  if (found.formatVersion === readableVersion) return found as PageDescription;
  throw new Error(`page.json has format ${found.formatVersion}, this page reads ${readableVersion}`);
}

async function answerOf(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: the server answers ${response.status}`);
  return response;
}

const root = document.getElementById("page") as HTMLElement;
main(root).catch((error: unknown) => {
  root.textContent = `This page could not start: ${error instanceof Error ? error.message : String(error)}`;
});
