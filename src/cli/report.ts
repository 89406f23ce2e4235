/** The only place that prints. People read lines; with --json a program reads one value, and the lines go to stderr. */
import type { MultiBar } from "cli-progress";
import { errorData, errorText, exitCodes } from "./errors.js";

/** A line that is rewritten in a terminal, and written now and then elsewhere. */
export interface Live {
  /** @param share done, 0 … 1 */
  update(share: number, text: string): void;
  stop(): void;
}

/** A table above a live line; both are rewritten in a terminal that has room for them. */
export interface LiveTable extends Live {
  show(lines: readonly string[]): void;
  /** False where nothing can be rewritten: whoever writes says then what has changed, line by line. */
  readonly isRewritten: boolean;
}

/** Between lines where nothing can be rewritten: a log stays readable. */
const plainIntervalMs = 10_000;

/** What is watched of a process: its streams, and its end. */
interface Watched {
  readonly stdout: NodeJS.EventEmitter;
  readonly stderr: NodeJS.EventEmitter & { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
  once(event: "exit", listener: () => void): unknown;
}

/**
 * What happens to the terminal is not the command's end: a reader that goes away (`| head -1`) or a full disk below a log stops
 * no run. At its end an answer that could not be written is an error; one that nobody wanted to read is none.
 */
export function outliveReaders(process: Watched): void {
  let lost: NodeJS.ErrnoException | undefined;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED" || lost !== undefined) return;
    lost = error;
    process.stderr.write(
      `Error in stdout: what is printed cannot be written (${error.message}). The command goes on.\n`,
    );
  });
  process.stderr.on("error", () => undefined);
  process.once("exit", () => {
    if (lost !== undefined) process.exitCode ||= exitCodes.failed;
  });
}

/** What a stream must be able to do. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export class Report {
  readonly #people: Output;
  #bars: MultiBar | undefined;

  constructor(
    readonly json: boolean,
    private readonly streams: { readonly out: Output; readonly error: Output } = {
      out: process.stdout,
      error: process.stderr,
    },
  ) {
    this.#people = json ? streams.error : streams.out;
  }

  /** A line for people. */
  line(text = ""): void {
    if (this.#bars === undefined) this.#people.write(`${text}\n`);
    else this.#bars.log(`${text}\n`);
  }

  /** Columns, each as wide as its widest cell; a column of numbers below its title stands to the right. */
  table(rows: readonly (readonly string[])[], indent = 2): void {
    for (const line of tableLines(rows)) this.line(" ".repeat(indent) + line);
  }

  /** The answer of a command: as one JSON value, or as `text` writes it. */
  result(value: unknown, text: () => void): void {
    if (this.json) this.streams.out.write(`${JSON.stringify(value, spelled)}\n`);
    else text();
  }

  /** An error, in one line; its stack for those who ask by LACUNA_DEBUG=1. */
  error(error: unknown, debug: boolean): void {
    this.#bars?.stop();
    if (this.json) this.streams.out.write(`${JSON.stringify(errorData(error))}\n`);
    this.streams.error.write(`${errorText(error)}\n`);
    if (debug && error instanceof Error) this.streams.error.write(`${error.stack ?? ""}\n`);
  }

  /** Lines printed while it lives appear above it. @param kind a `wait` that is soon over needs no line in a log */
  async live(kind: "run" | "wait" = "wait"): Promise<Live> {
    return this.#people.isTTY === true ? this.#terminalLine() : this.#plainLine(kind);
  }

  /** A table whose lines keep their number, and a live line below. */
  async liveTable(lines: readonly string[]): Promise<LiveTable> {
    const { isTTY, rows = 24 } = this.#people;
    if (isTTY === true && lines.length + 3 <= rows) return this.#terminalTable(lines);
    for (const line of lines) this.line(line);
    return { ...(await this.live("run")), show: () => {}, isRewritten: false };
  }

  #plainLine(kind: "run" | "wait"): Live {
    let last = kind === "run" ? Number.NEGATIVE_INFINITY : performance.now();
    let pending: string | undefined;
    return {
      update: (_, text) => {
        pending = text;
        if (performance.now() - last < plainIntervalMs) return;
        last = performance.now();
        pending = undefined;
        this.line(text);
      },
      stop: () => {
        if (pending !== undefined && kind === "run") this.line(pending); // where it ended
      },
    };
  }

  async #terminalLine(): Promise<Live> {
    const bars = await this.#openBars();
    const bar = bars.create(1, 0, { text: "" });
    return { update: (share, text) => bar.update(share, { text }), stop: () => this.#closeBars(bars) };
  }

  async #terminalTable(lines: readonly string[]): Promise<LiveTable> {
    const bars = await this.#openBars();
    const rows = lines.map((text) => bars.create(1, 0, { text, plain: true }));
    const bar = bars.create(1, 0, { text: "" });
    return {
      isRewritten: true,
      show: (texts) => {
        for (const [i, row] of rows.entries()) row.update(0, { text: texts[i] ?? "", plain: true });
      },
      update: (share, text) => bar.update(share, { text }),
      stop: () => this.#closeBars(bars),
    };
  }

  async #openBars(): Promise<MultiBar> {
    const { MultiBar: Bars } = (await import("cli-progress")).default;
    const columns = (): number => this.#people.columns ?? 80;
    const bars = new Bars({
      stream: this.#people as NodeJS.WritableStream,
      format: (_, { progress }, { text, plain }: { text: string; plain?: boolean }) =>
        plain === true ? text.slice(0, columns() - 1) : barLine(progress, text, columns()),
      hideCursor: true,
      linewrap: true, // our lines are cut to the width; switching wrapping off would outlive a killed process
      fps: 5,
      clearOnComplete: false,
      stopOnComplete: false,
      emptyOnZero: true,
      gracefulExit: false, // signals are the run's: it saves first
    });
    this.#bars = bars;
    return bars;
  }

  #closeBars(bars: MultiBar): void {
    bars.update();
    bars.stop();
    this.#bars = undefined;
  }
}

/** A bar where there is room for one, then the text, cut to the width. */
export function barLine(share: number, text: string, columns: number): string {
  const room = columns - 1 - text.length - 3;
  const width = Math.min(24, room);
  if (width < 8) return text.slice(0, columns - 1);
  const done = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `${"█".repeat(done)}${"░".repeat(width - done)}  ${text}`;
}

export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((wide, row) => {
    for (const [i, cell] of row.entries()) wide[i] = Math.max(wide[i] ?? 0, cell.length);
    return wide;
  }, []);
  const isNumber = (cell: string): boolean =>
    cell === "" || /^[-+−]?[\d.,]+(e[-+]?\d+)?( ?[%a-zA-Z/]{1,9})?$/.test(cell);
  const isNumeric = widths.map(
    (_, i) => i > 0 && rows.slice(1).every((row) => isNumber(row[i] ?? "")) && rows.length > 1,
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (isNumeric[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** JSON has no NaN and no infinity, and a loss has. */
function spelled(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
