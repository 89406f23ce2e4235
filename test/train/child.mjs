// A run of the built program, for the tests that kill it: child.mjs <config as JSON> <folder>
import { finetune, pretrain } from "../../dist/index.js";
import { setThreads } from "../../dist/public/tensor.js";

const [text, out] = process.argv.slice(2);
const config = JSON.parse(text);
setThreads(1);
const run = config.task === "finetune" ? finetune(config, { out }) : pretrain(config, { out });
for await (const event of run) if (event.type === "step") process.stdout.write(`step ${event.step}\n`);
await run.close();
