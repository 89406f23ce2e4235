// A run of the built program, for the tests that kill it: child.mjs <config as JSON> <folder>
import { pretrain, setThreads } from "../../dist/index.js";

const [config, out] = process.argv.slice(2);
setThreads(1);
const run = pretrain(JSON.parse(config), { out });
for await (const event of run) if (event.type === "step") process.stdout.write(`step ${event.step}\n`);
await run.close();
