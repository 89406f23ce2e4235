// One set-up at a time in a folder, whoever started it.
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync } from "node:fs";
import { createServer } from "node:net";
import { say } from "./report.mjs";

const retryMs = 200;

// An abstract socket is Linux's own lock with an owner: the kernel takes it back when its process ends in any way,
// so that no stale file can be left behind by a kill.
function listen(name) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve({ taken: error.code === "EADDRINUSE" }));
    server.listen({ path: `\0${name}` }, () => {
      server.unref();
      resolve({ server });
    });
  });
}

/** Runs `work` while holding the lock of `folder`; waits, and says so, while another process holds it. */
export async function withLock(folder, what, work) {
  mkdirSync(folder, { recursive: true });
  const name = `lacuna-setup-${createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 32)}`;
  let told = false;
  for (;;) {
    const { server, taken } = await listen(name);
    // Where sockets are forbidden (some sandboxes) work goes on without a lock: every result is renamed into place whole.
    if (server || !taken) {
      try {
        return await work();
      } finally {
        server?.close();
      }
    }
    if (!told) say(`another set-up is busy with ${what}; waiting for it`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}
