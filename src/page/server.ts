/** Serves a page's folder on this machine alone. Loads no engine: what it gives are files. */
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import sirv from "sirv";
import { descriptionFile } from "./description.js";
import { PageError } from "./errors.js";

export interface PageServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

const host = "127.0.0.1";
/** Nothing on the page has a longer address. */
const longestUrl = 2048;
const longestHead = 16 * 1024;

/** Threads (shared memory) need the first two; the rest keeps the page from asking anyone else, and others from asking it. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; style-src 'self'; " +
    "img-src 'self' blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};

/**
 * Serves the files that the folder holds now: later ones are not seen, so that no path can lead out of it.
 * @param port 0 takes a free one
 * @throws PageError "no-page" where the folder holds no page, "port-in-use", "port-forbidden"
 */
export async function servePage(folder: string, port = 0): Promise<PageServer> {
  if (!existsSync(join(folder, descriptionFile))) {
    throw new PageError("there is no page in this folder.", {
      code: "no-page",
      path: folder,
      expected: descriptionFile,
      actual: "none",
      remedy: "Make one: lacuna export <run> --page <folder>",
    });
  }
  const files = sirv(folder, { dev: false, dotfiles: false, etag: true });
  const server = createServer({ maxHeaderSize: longestHead, requestTimeout: 10_000, headersTimeout: 10_000 });
  server.on("request", (request, response) => answer(server, files, request, response));
  await listening(server, port);
  const bound = (server.address() as AddressInfo).port;
  return { address: `http://${host}:${bound}/`, port: bound, close: () => closed(server) };
}

function answer(
  server: Server,
  files: ReturnType<typeof sirv>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const refusal = refusalOf(request, (server.address() as AddressInfo).port);
  if (refusal !== undefined) {
    refuse(response, ...refusal);
    return;
  }
  files(request, response, () => refuse(response, 404, "there is no such file"));
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  response.end(`${reason}\n`);
}

/** Why a request is not answered. Another site's script, by whatever name it reaches this machine, gets nothing. */
function refusalOf({ method, url = "", headers: sent }: IncomingMessage, port: number): [number, string] | undefined {
  const names = [host, "localhost"].map((name) => `${name}:${port}`);
  if (sent.host === undefined || !names.includes(sent.host)) return [421, "this server answers to its own name alone"];
  if (sent.origin !== undefined && !names.map((name) => `http://${name}`).includes(sent.origin)) {
    return [403, "another site may not read this page"];
  }
  if (method !== "GET" && method !== "HEAD") return [405, "files are read here, nothing else"];
  if (sent["transfer-encoding"] !== undefined || Number(sent["content-length"] ?? 0) > 0) {
    return [413, "a request for a file has no body"];
  }
  if (url.length > longestUrl) return [414, "no file here has so long an address"];
  return undefined;
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port)));
    server.listen(port, host);
  });
}

function listenError(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code !== "EADDRINUSE" && error.code !== "EACCES") return error;
  const isTaken = error.code === "EADDRINUSE";
  return new PageError(isTaken ? "the port is in use." : "this port is not for ordinary users.", {
    code: isTaken ? "port-in-use" : "port-forbidden",
    path: `${host}:${port}`,
    expected: "a free port",
    actual: port,
    remedy: "Choose another with --port, or leave it out to get a free one.",
  });
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
}
