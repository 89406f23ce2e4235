import { fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ChildTask } from "../../../src/data/doctor/child.js";
import { referencePath } from "../pictures.js";

const loader = join(dirname(createRequire(import.meta.url).resolve("jiti")), "jiti-register.mjs");
const program = fileURLToPath(new URL("../../../src/data/doctor/child.ts", import.meta.url));

describe("the child's program", () => {
  it("says that it is ready, answers each task, and ends with its parent's channel", async () => {
    const child = fork(program, { execArgv: ["--import", loader], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    expect((await once(child, "message"))[0]).toEqual({ ready: true });
    const ask = async (task: ChildTask) => {
      child.send(task);
      return (await once(child, "message"))[0];
    };
    const limits = { maxPixels: 1e6, timeoutMs: 30_000, channels: 3 };
    expect(await ask({ path: referencePath("rgb.png"), ...limits })).toMatchObject({ inspection: { width: 26 } });
    expect(await ask({ path: "nowhere", ...limits })).toMatchObject({ inspection: { code: "missing" } });
    child.disconnect();
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});
