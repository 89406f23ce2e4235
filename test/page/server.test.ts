import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type PageServer, servePage } from "../../src/page/server.js";

async function served(): Promise<PageServer> {
  const root = mkdtempSync(join(tmpdir(), "lacuna-server-"));
  const folder = join(root, "page");
  mkdirSync(join(folder, "examples"), { recursive: true });
  writeFileSync(join(root, "secret.txt"), "secret");
  writeFileSync(join(folder, "page.json"), "{}");
  writeFileSync(join(folder, "index.html"), "<title>page</title>");
  writeFileSync(join(folder, "model.onnx"), "0123456789");
  writeFileSync(join(folder, "run.wasm"), "wasm");
  writeFileSync(join(folder, ".hidden"), "secret");
  const server = await servePage(folder);
  onTestFinished(async () => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });
  return server;
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
  const again = await fetch(server.address, { headers: { "if-none-match": page.headers.get("etag") ?? "" } });
  expect(again.status).toBe(304);
});

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
