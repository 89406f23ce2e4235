import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { KeyedRandom } from "../../src/data/random.js";
import { type PageServer, type ServerLimits, servePage } from "../../src/page/server.js";

async function served(limits?: ServerLimits): Promise<PageServer & { readonly folder: string }> {
  const root = mkdtempSync(join(tmpdir(), "lacuna-server-"));
  const folder = join(root, "page");
  mkdirSync(join(folder, "examples"), { recursive: true });
  writeFileSync(join(root, "secret.txt"), "secret");
  writeFileSync(join(folder, "page.json"), "{}");
  writeFileSync(join(folder, "index.html"), "<title>page</title>");
  writeFileSync(join(folder, "model.onnx"), "0123456789");
  writeFileSync(join(folder, "run.wasm"), "wasm");
  writeFileSync(join(folder, ".hidden"), "secret");
  symlinkSync("nowhere", join(folder, "dangling")); // was there before the server
  symlinkSync("../secret.txt", join(folder, "link.txt"));
  const server = await servePage(folder, 0, limits);
  onTestFinished(async () => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });
  return { ...server, folder };
}

/** Bytes as they are: `fetch` would tidy an address up and refuse a foreign Host. @returns status line and body */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer")));
    socket.on("data", (bytes) => {
      answer += String(bytes);
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      answer !== "" && error.code === "ECONNRESET" ? resolve(answer) : reject(error),
    );
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

function request(port: number, path: string, more = "", host = `127.0.0.1:${port}`): Promise<string> {
  return raw(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`);
}

test("files with the headers that threads need", async () => {
  const server = await served();
  const page = await fetch(server.address);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("<title>page</title>");
  expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect((await fetch(`${server.address}run.wasm`)).headers.get("content-type")).toBe("application/wasm");
  const model = await fetch(`${server.address}model.onnx`, { headers: { range: "bytes=2-4" } });
  expect([model.status, await model.text()]).toEqual([206, "234"]);
  const again = await request(server.port, "/", `If-None-Match: ${page.headers.get("etag")}\r\n`);
  expect(again).toMatch(/^HTTP\/1\.1 304/);
});

/** What RFC 9110, section 14, says of ranges of "0123456789". */
test.each([
  ["bytes=2-4", 206, "234"],
  ["bytes=-10", 206, "0123456789"],
  ["bytes=-3", 206, "789"],
  ["bytes=-99", 206, "0123456789"],
  ["bytes=7-", 206, "789"],
  ["bytes=9-99", 206, "9"],
  ["bytes=0-0", 206, "0"],
  ["bytes=9-2", 416, "the file has no such bytes\n"],
  ["bytes=10-", 416, "the file has no such bytes\n"],
  ["bytes=99999999999999999999-", 416, "the file has no such bytes\n"],
  ["bytes=-0", 416, "the file has no such bytes\n"],
  ["bytes=a-b", 200, "0123456789"],
  ["bytes=0-1,4-5", 200, "0123456789"], // several may be answered with the whole
  ["lines=1-2", 200, "0123456789"],
])("%s is answered with %i", async (range, status, body) => {
  const server = await served();
  const answer = await fetch(`${server.address}model.onnx`, { headers: { range } });
  expect([answer.status, await answer.text()]).toEqual([status, body]);
  expect(Number(answer.headers.get("content-length") ?? body.length)).toBe(body.length);
  const part = answer.headers.get("content-range");
  if (status === 416) expect(part).toBe("bytes */10");
  if (status === 206) expect(part).toMatch(/^bytes \d-\d\/10$/);
});

test("a file that is gone, that became shorter, and links that lead nowhere or out", async () => {
  const server = await served();
  expect((await fetch(`${server.address}run.wasm`)).status).toBe(200);
  unlinkSync(join(server.folder, "run.wasm"));
  for (const name of ["run.wasm", "dangling", "link.txt", "examples", "examples/"])
    expect((await fetch(server.address + name)).status, name).toBe(404);
  const long = join(server.folder, "long.bin");
  writeFileSync(long, Buffer.alloc(64 << 20));
  const socket = await opened(server.port);
  socket.write(`GET /long.bin HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
  await new Promise((resolve) => socket.once("readable", resolve)); // it has begun, and waits for us
  truncateSync(long, 10);
  expect(await bytesUntilEnd(socket)).toBeLessThan(64 << 20);
  expect((await fetch(server.address)).status).toBe(200);
});

test("whoever reads nothing, or too slowly, is let go", async () => {
  const server = await served({ idleMs: 600, totalMs: 1500 });
  writeFileSync(join(server.folder, "long.bin"), Buffer.alloc(64 << 20));
  const request = `GET /long.bin HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`;
  const [stalled, slow, silent] = [await opened(server.port), await opened(server.port), await opened(server.port)];
  for (const socket of [stalled, slow]) socket.write(request);
  const began = performance.now();
  const drip = setInterval(() => slow.read(Math.min(2 ** 16, slow.readableLength)), 100); // always something, never enough
  const gone = async (socket: Socket): Promise<number> => {
    await new Promise((resolve) => socket.once("close", resolve));
    return performance.now() - began;
  };
  stalled.pause();
  slow.pause();
  const [silentMs, stalledMs] = await Promise.all([gone(silent), goneUnread(server, stalled, began)]);
  expect(silentMs).toBeLessThan(10_000);
  expect(stalledMs).toBeLessThan(10_000);
  expect(await goneUnread(server, slow, began)).toBeLessThan(15_000);
  clearInterval(drip);
});

/** Answers to these need not make sense; the server must be there afterwards, and nothing secret must come. */
test("ten thousand requests, sane and insane, leave it standing", async () => {
  const server = await served({ idleMs: 2000, totalMs: 10_000 });
  const random = new KeyedRandom({ seed: 12, purpose: "requests", epoch: 0, sample: 0 });
  const churn = setInterval(() => {
    writeFileSync(join(server.folder, "examples", "now.png"), "there");
    setTimeout(() => rmSync(join(server.folder, "examples", "now.png"), { force: true }), 3);
  }, 7);
  let answers = 0;
  const worker = async (count: number): Promise<void> => {
    for (let done = 0; done < count; ) {
      const together = Math.min(count - done, 1 + Math.floor(random.uniform() * 8));
      const text = Array.from({ length: together }, () => oddRequest(random, server.port)).join("");
      const answer = await thrown(server.port, text, random);
      expect(answer).not.toContain("secret");
      answers += answer.split("HTTP/1.1 ").length - 1;
      done += together;
    }
  };
  await Promise.all(Array.from({ length: 20 }, () => worker(500)));
  clearInterval(churn);
  expect(answers).toBeGreaterThan(1000);
  const page = await fetch(server.address);
  expect([page.status, await page.text()]).toEqual([200, "<title>page</title>"]);
});

const pick = <T>(random: KeyedRandom, list: readonly T[]): T => list[Math.floor(random.uniform() * list.length)] as T;

function oddRequest(random: KeyedRandom, port: number): string {
  const one = <T>(...list: T[]): T => pick(random, list);
  const number = (): string => one("0", "1", "9", "10", "4294967296", "9".repeat(30), "-1", "", "1e3", "x");
  const paths = [
    "/",
    "/model.onnx",
    "/run.wasm",
    "/examples/now.png",
    "/dangling",
    "/link.txt",
    "/examples",
    "/.hidden",
  ];
  const odd = [
    "/..%2f..%2fetc/passwd",
    "/%",
    "*",
    "",
    "/%00",
    "/%ff%fe",
    "//",
    "/../secret.txt",
    `/${"x/".repeat(400)}`,
    "http://a/",
  ];
  const path = random.uniform() < 0.6 ? pick(random, paths) : pick(random, odd);
  const range = (): string =>
    `${one("bytes", "bytes ", "items", "")}=${number()}-${number()}${one("", `,${number()}-${number()}`)}`;
  const lines = [
    ...(random.uniform() < 0.9 ? [`Host: 127.0.0.1:${port}`] : [`Host: ${one("a", "", "127.0.0.1")}`]),
    ...(random.uniform() < 0.6 ? [`Range: ${range()}`] : []),
    ...(random.uniform() < 0.2 ? [`If-Range: ${one('"a"', "yesterday", "Thu, 01 Jan 2099 00:00:00 GMT", "")}`] : []),
    ...(random.uniform() < 0.2 ? [`If-None-Match: ${one("*", '"a"', "W/", ",,,")}`] : []),
    ...(random.uniform() < 0.2 ? [`If-Modified-Since: ${one("0", "Thu, 01 Jan 2099 00:00:00 GMT", "x")}`] : []),
    ...(random.uniform() < 0.1 ? [`If-Match: ${one("*", '"a"')}`] : []),
    ...(random.uniform() < 0.1 ? [`Content-Length: ${number()}`] : []),
    ...(random.uniform() < 0.1 ? [`Expect: ${one("100-continue", "miracles")}`] : []),
    ...(random.uniform() < 0.1 ? [`Upgrade: websocket\r\nConnection: Upgrade`] : []),
    ...(random.uniform() < 0.05 ? [`X: ${"y".repeat(20_000)}`] : []),
    ...(random.uniform() < 0.05 ? [`: ${one("\0", "\x80")}`] : []),
  ];
  const method = one("GET", "GET", "GET", "HEAD", "POST", "CONNECT", "OPTIONS", "PUT", "get", "\x16\x03\x01");
  const text = `${method} ${path} HTTP/${one("1.1", "1.1", "1.1", "1.0", "2.0", "")}\r\n${lines.join("\r\n")}\r\n\r\n`;
  return random.uniform() < 0.05 ? text.slice(0, Math.floor(random.uniform() * text.length)) : text;
}

/** Sends and reads a little while, or goes away in the middle. */
function thrown(port: number, text: string, random: KeyedRandom): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(Buffer.from(text, "latin1"));
      const draw = random.uniform();
      if (draw < 0.1) socket.destroy();
      else if (draw < 0.2) socket.resetAndDestroy();
      else if (draw < 0.9)
        socket.end(); // no more from us: the answers come, and then its end
      else setTimeout(() => socket.destroy(), 20);
    });
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

/** After that long a wait the other side has let go, or it has not: a paused socket hears of it only when it reads again. */
async function goneUnread(_: PageServer, socket: Socket, began: number): Promise<number> {
  while (!socket.destroyed && performance.now() - began < 15_000) {
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const bytes = bytesUntilEnd(socket);
    expect(await bytes).toBeLessThan(64 << 20);
  }
  return performance.now() - began;
}

async function bytesUntilEnd(socket: Socket): Promise<number> {
  let bytes = 0;
  socket.on("data", (piece) => {
    bytes += piece.length;
  });
  socket.resume();
  if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
  return bytes;
}

test("no path leads out of the folder", async () => {
  const { port } = await served();
  const paths = ["/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/examples/../../secret.txt", "/.hidden"];
  for (const path of [...paths, "/%00", "/..\\secret.txt", "//etc/passwd", "/%", "/nothing"]) {
    const answer = await request(port, path);
    expect(answer, path).toMatch(/^HTTP\/1\.1 (404|400)/);
    expect(answer, path).not.toContain("secret");
  }
});

test("other names and other sites get nothing", async () => {
  const { port } = await served();
  for (const host of ["evil.example", "127.0.0.1", `evil.example:${port}`, "127.0.0.1:1"]) {
    expect(await request(port, "/", "", host), host).toMatch(/^HTTP\/1\.1 421/);
  }
  expect(await request(port, "/", "", `localhost:${port}`)).toMatch(/^HTTP\/1\.1 200/);
  expect(await request(port, "/", "Origin: https://evil.example\r\n")).toMatch(/^HTTP\/1\.1 403/);
  expect(await request(port, "/", "Origin: null\r\n")).toMatch(/^HTTP\/1\.1 403/);
  expect(await request(port, "/", `Origin: http://127.0.0.1:${port}\r\n`)).toMatch(/^HTTP\/1\.1 200/);
  expect(await raw(port, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 400/);
});

test("what is too large, and what is no reading, is refused", async () => {
  const { port } = await served();
  expect(await request(port, `/${"a".repeat(3000)}`)).toMatch(/^HTTP\/1\.1 414/);
  expect(await request(port, "/", `X-Long: ${"a".repeat(40_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431/);
  expect(await request(port, "/", "Content-Length: 5000000\r\n")).toMatch(/^HTTP\/1\.1 413/);
  expect(await request(port, "/", "Transfer-Encoding: chunked\r\n")).toMatch(/^HTTP\/1\.1 413/);
  const post = `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi`;
  expect(await raw(port, post)).toMatch(/^HTTP\/1\.1 405/);
});

test("a port in use, and a folder without a page, are errors that say what to do", async () => {
  const { port } = await served();
  await expect(servePage(tmpdir())).rejects.toMatchObject({ code: "no-page" });
  const folder = mkdtempSync(join(tmpdir(), "lacuna-server-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "page.json"), "{}");
  await expect(servePage(folder, port)).rejects.toMatchObject({
    code: "port-in-use",
    message: `in 127.0.0.1:${port}: the port is in use. Choose another with --port, or leave it out to get a free one.`,
  });
});
