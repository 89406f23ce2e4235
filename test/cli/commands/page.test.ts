import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { lacuna, start, temporaryFolder, tinyRun } from "../terminal.js";

/** Starts the server and waits until it says where it is. */
async function served(...parameters: string[]): Promise<{ child: ChildProcess; address: string; said: () => string }> {
  const child = start(["page", ...parameters]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let out = "";
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (text) => {
      out += String(text);
      const found = /(http:\S+) shows .*Ctrl-C ends it/.exec(out)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`ended with ${code}: ${out}`)));
  });
  return { child, address, said: () => out };
}

test("a run's page is made once, served without an engine, and ends with Ctrl-C", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const first = await served(run);
  expect(first.said()).toContain("Making the page");
  const page = await fetch(first.address);
  expect([page.status, page.headers.get("cross-origin-embedder-policy")]).toEqual([200, "require-corp"]);
  expect(await (await fetch(`${first.address}page.json`)).text()).toContain("examples/15.png");
  expect(readFileSync(`/proc/${first.child.pid}/maps`, "utf8")).not.toMatch(/libtorch|lacuna.*\.node/);
  const ended = new Promise((resolve) => first.child.once("exit", resolve));
  first.child.kill("SIGINT");
  expect(await ended).toBe(0);
  const again = await served(run);
  expect(again.said()).not.toContain("Making the page");
});

test("a port in use, a port that is none, and a folder without a page are errors that say what to do", async () => {
  const { run } = await tinyRun(temporaryFolder());
  const site = `${temporaryFolder()}/site`;
  await lacuna("export", run, "--page", site, "--count", "1");
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const taken = await lacuna("page", site, "--port", String(port));
  expect(taken).toMatchObject({
    code: 1,
    error: expect.stringContaining("the port is in use. Choose another with --port"),
  });
  expect(await lacuna("page", site, "--port", "70000")).toMatchObject({
    code: 2,
    error: expect.stringContaining("Expected a port, at most 65535."),
  });
  expect(await lacuna("page", temporaryFolder())).toMatchObject({
    code: 2,
    error: expect.stringContaining("expected a run folder with a checkpoint, or a page, got neither."),
  });
});
