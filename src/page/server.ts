/** Serves a page's folder on this machine alone. Loads no engine: what it gives are files. */
import { existsSync, type ReadStream, realpathSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, sep } from "node:path";
import { descriptionFile } from "./description.js";
import { PageError } from "./errors.js";
import { fileInside } from "./files.js";

/** A page that is served on this machine; `close` ends it. */
export interface PageServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** How long others may take, in milliseconds. */
export interface ServerLimits {
  /** Without a byte moving. */
  readonly idleMs: number;
  /** For one answer as a whole. */
  readonly totalMs: number;
}

const usualLimits: ServerLimits = { idleMs: 20_000, totalMs: 300_000 };
const host = "127.0.0.1";
/** Nothing on the page has a longer address. */
const longestUrl = 2048;
const longestHead = 16 * 1024;
/** A browser opens six. */
const mostConnections = 128;

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
 * Serves the files of a folder: those inside it, also where names of it are links. No request ends it, nor does a file that is
 * gone when its turn comes; whoever reads too slowly is let go.
 * @param port 0 takes a free one
 * @throws PageError "no-page" where the folder holds no page, "port-in-use", "port-forbidden"
 */
export async function servePage(folder: string, port = 0, limits = usualLimits): Promise<PageServer> {
  if (!existsSync(join(folder, descriptionFile))) {
    throw new PageError({
      problem: "there is no page in this folder.",
      code: "no-page",
      path: folder,
      expected: descriptionFile,
      actual: "none",
      remedy: "Make one: lacuna export <run> --page <folder>",
    });
  }
  const files = await fileSender(realpathSync(folder));
  const server = createServer({
    maxHeaderSize: longestHead,
    requestTimeout: 10_000,
    headersTimeout: 10_000,
    connectionsCheckingInterval: 1000,
  });
  server.maxConnections = mostConnections;
  server.setTimeout(limits.idleMs); // by itself it lets go of the connection
  server.on("request", (request, response) => answer(server, files, limits, request, response));
  await listening(server, port);
  server.on("error", () => undefined); // of one connection that could not be taken: the others stay
  const bound = (server.address() as AddressInfo).port;
  return { address: `http://${host}:${bound}/`, port: bound, close: () => closed(server) };
}

type Sender = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Sends files below `root`, or says that there are none. */
async function fileSender(root: string): Promise<Sender> {
  const { default: send } = await import("send");
  const options = { root, index: false, dotfiles: "ignore", cacheControl: false } as const;
  return async (request, response) => {
    const file = await fileInside(root, request.url ?? "");
    if (file === undefined) return refuse(response, 404, "there is no such file");
    request.headers.range = withinSize(request.headers.range, file.size);
    send(request, file.path.split(sep).map(encodeURIComponent).join("/"), options)
      .on("error", ({ status }: { status: number }) => fail(response, status))
      .on("directory", () => refuse(response, 404, "there is no such file"))
      .on("stream", (stream: ReadStream) => checkLength(stream, response))
      .pipe(response);
  };
}

/** `bytes=-99` of ten bytes are these ten (RFC 9110, section 14.1.2); `send` takes it for a range that is not there. */
function withinSize(range: string | undefined, size: number): string | undefined {
  const suffix = /^bytes=-(\d+)$/.exec(range ?? "")?.[1];
  return suffix !== undefined && Number(suffix) > size ? "bytes=0-" : range;
}

function answer(
  server: Server,
  files: Sender,
  { totalMs }: ServerLimits,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  request.on("error", () => undefined); // the connection is gone, and with it whoever asked
  response.on("error", () => undefined);
  const end = setTimeout(() => request.socket.destroy(), totalMs).unref();
  response.once("close", () => clearTimeout(end));
  try {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const refusal = refusalOf(request, (server.address() as AddressInfo | null)?.port ?? 0);
    if (refusal === undefined) files(request, response).catch(() => fail(response, 500));
    else refuse(response, ...refusal);
  } catch {
    fail(response, 500);
  }
}

/** A file that became shorter while it was sent: what was promised cannot come, and the connection must not wait for it. */
function checkLength(stream: ReadStream, response: ServerResponse): void {
  const promised = Number(response.getHeader("Content-Length"));
  stream.once("end", () => {
    if (stream.bytesRead < promised) response.destroy();
  });
}

const reasons: Readonly<Record<number, string>> = {
  412: "the file is another one by now",
  416: "the file has no such bytes",
};

/** Says why, or lets go where the answer has begun. */
function fail(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy();
  else refuse(response, status in reasons ? status : 404, reasons[status] ?? "there is no such file");
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  const kept = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (status === 416) kept.add("content-range");
  for (const name of response.getHeaderNames()) if (!kept.has(name)) response.removeHeader(name);
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
  return new PageError({
    problem: isTaken ? "the port is in use." : "this port is not for ordinary users.",
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
