import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError } from "commander";
import { LacunaError } from "../../errors.js";
import { UsageError } from "../errors.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { listenForSignals } from "../training/signals.js";

interface Options {
  readonly port: number;
}

/** `lacuna page <run>`: serves the run's page, made in a process of its own, so that the server holds no engine. */
export function pageCommand(program: Command, add: Add): void {
  const command = program
    .command("page")
    .summary("serve the page of a run on this machine")
    .description(
      "Makes the run's page where it is missing or older than the newest checkpoint, and serves it on 127.0.0.1 until " +
        "Ctrl-C, with the headers that let the browser compute in threads.",
    )
    .argument("<run>", "a run folder, or a page that lacuna export has written")
    .option("--port <n>", "default: a free one", portNumber, 0);
  add<Options>(command, async (report, operands, { port }) => {
    const { servePage } = await import("../../public/export.js");
    const folder = await pageFolder(operands[0] as string, report);
    using interruption = listenForSignals(() => undefined);
    const server = await servePage(folder, port);
    report.result({ address: server.address, folder }, () => {
      report.line(`${server.address} shows ${folder}. Ctrl-C ends it.`);
    });
    await aborted(interruption.signal);
    await server.close();
    return 0;
  });
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port <= 65_535) return port;
  throw new InvalidArgumentError("Expected a port, at most 65535.");
}

/** The folder itself where it is a page; else the run's, made anew if it is older than the run's weights. */
async function pageFolder(path: string, report: Report): Promise<string> {
  const { pageOf } = await import("../../public/export.js");
  const page = pageOf(path);
  if (page === undefined) {
    throw new UsageError({
      code: "page",
      path,
      expected: "a run folder with a checkpoint, or a page",
      actual: "neither",
      remedy: "A run writes its first checkpoint after five minutes, when it is stopped, or at its end.",
    });
  }
  if (!page.isCurrent) await exported(path, page.folder, report);
  return page.folder;
}

async function exported(run: string, folder: string, report: Report): Promise<void> {
  report.line("Making the page …");
  const main = fileURLToPath(new URL("../main.js", import.meta.url));
  const child = spawn(process.execPath, [main, "export", run, "--page", folder, "--json"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (status === 0) return;
  throw new LacunaError({
    problem: `lacuna export ended with ${status}; its error stands above.`,
    code: "export",
    path: folder,
    expected: 0,
    actual: status,
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
