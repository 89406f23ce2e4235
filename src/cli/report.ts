/** The only place that prints. People read lines; with --json a program reads one value, and the lines go to stderr. */
import type { MultiBar } from "cli-progress";
import { errorData, errorText, exitCodes } from "./errors.js";
import { fitParts, wrapped } from "./words.js";

/** A line that is rewritten in a terminal, and written now and then elsewhere. */
export interface Live {
  /** @param share done, 0 … 1 @param text parts between ` · `, what matters most first: what has no room is left out */
  update(share: number, text: string): void;
  /** Before something that tells nothing until it is over: said at once, in a log too. */
  begin(text: string): void;
  stop(): void;
}

/** A table above a live line; both are rewritten in a terminal that has room for them. */
export interface LiveTable extends Live {
  show(lines: readonly string[]): void;
  /** False where nothing can be rewritten: whoever writes says then what has changed, line by line. */
  readonly isRewritten: boolean;
}

/** Between lines where nothing can be rewritten: a log stays readable, and nobody wonders whether a wait will end. */
const plainIntervalMs = { run: 10_000, wait: 5000 } as const;
/** Work that never pauses keeps the bar's own clock from drawing it. */
const drawnAfterMs = 200;

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

  /** Runs `body` with a line that shows how far it is, and takes it away at its end. */
  async showing<T>(body: (live: Live) => Promise<T>): Promise<T> {
    const live = await this.live();
    try {
      return await body(live);
    } finally {
      live.stop();
    }
  }

  /** Columns of the terminal, or as COLUMNS says; undefined for a log, whose lines may be of any length. */
  get columns(): number | undefined {
    return this.#people.columns ?? (Number(process.env["COLUMNS"]) || undefined);
  }

  /** A line for people, broken between words where it is too long for their terminal. */
  line(text = ""): void {
    const { columns } = this;
    const lines = columns === undefined ? [text] : text.split("\n").flatMap((line) => wrapped(line, columns));
    this.#print(lines);
  }

  #print(lines: readonly string[]): void {
    const text = `${lines.join("\n")}\n`;
    if (this.#bars === undefined) this.#people.write(text);
    else this.#bars.log(text);
  }

  /** Columns, each as wide as its widest cell, wrapped to the terminal; one of numbers below its title stands to the right. */
  table(rows: readonly (readonly string[])[], indent = 2): void {
    const { columns } = this;
    const lines = tableLines(rows, columns === undefined ? undefined : columns - indent);
    if (lines.length > 0) this.#print(lines.map((line) => " ".repeat(indent) + line));
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
        if (performance.now() - last < plainIntervalMs[kind]) return;
        last = performance.now();
        pending = undefined;
        this.line(text);
      },
      begin: (text) => {
        last = performance.now();
        this.line(text);
      },
      stop: () => {
        if (pending !== undefined && kind === "run") this.line(pending); // where it ended
      },
    };
  }

  async #terminalLine(): Promise<Live> {
    const bars = await this.#openBars();
    return { ...barOf(bars), stop: () => this.#closeBars(bars) };
  }

  async #terminalTable(lines: readonly string[]): Promise<LiveTable> {
    const bars = await this.#openBars();
    const rows = lines.map((text) => bars.create(1, 0, { text, plain: true }));
    return {
      ...barOf(bars),
      isRewritten: true,
      show: (texts) => {
        for (const [i, row] of rows.entries()) row.update(0, { text: texts[i] ?? "", plain: true });
      },
      stop: () => this.#closeBars(bars),
    };
  }

  async #openBars(): Promise<MultiBar> {
    const { MultiBar: Bars } = (await import("cli-progress")).default;
    const columns = (): number => this.columns ?? 80;
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

function barOf(bars: MultiBar): Pick<Live, "update" | "begin"> {
  const bar = bars.create(1, 0, { text: "" });
  let [drawn, done] = [performance.now(), 0];
  const draw = (): void => {
    drawn = performance.now();
    bars.update();
  };
  return {
    update: (share, text) => {
      done = share;
      bar.update(share, { text });
      if (performance.now() - drawn > drawnAfterMs) draw();
    },
    begin: (text) => {
      bar.update(done, { text });
      draw();
    },
  };
}

/** The parts of a text that fit, with a bar before it where there is room for one. */
export function barLine(share: number, text: string, columns: number): string {
  const fitting = fitParts(text, columns - 1);
  const width = Math.min(24, columns - 1 - fitting.length - 2);
  if (width < 8) return fitting;
  const done = Math.round(Math.min(1, Math.max(0, share)) * width);
  return `${"█".repeat(done)}${"░".repeat(width - done)}  ${fitting}`;
}

/** A column of text is not made narrower than this. */
const narrowest = 14;

const isNumber = (cell: string): boolean => cell === "" || /^[-+−]?[\d.,]+(e[-+]?\d+)?( ?[%a-zA-Z/]{1,9})?$/.test(cell);

/**
 * Columns, each as wide as its widest cell; one of numbers below its title stands to the right. What is wider than `width` is
 * wrapped between words: titles of numbers first, then the widest columns of text.
 */
export function tableLines(rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const column = (i: number): string[] => rows.map((row) => row[i] ?? "");
  const isNumeric = Array.from(
    { length: count },
    (_, i) => i > 0 && rows.length > 1 && column(i).slice(1).every(isNumber),
  );
  const natural = isNumeric.map((_, i) => longest(column(i)));
  const words = (i: number): number => longest(column(i).flatMap((text) => text.split(" ")));
  const least = natural.map((wide, i) =>
    isNumeric[i] === true
      ? Math.max(longest(column(i).slice(1)), longest((rows[0]?.[i] ?? "").split(" ")))
      : Math.min(wide, Math.max(narrowest, words(i))),
  );
  const room = width - 2 * (count - 1);
  const titled = narrowed(
    natural,
    natural.map((wide, i) => (isNumeric[i] === true ? (least[i] as number) : wide)),
    room,
  );
  const widths = narrowed(titled, least, room);
  return rows.flatMap((row) => rowLines(row, widths, isNumeric));
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length));
}

/** Takes from the widest column that can give, until all fit or none can. */
function narrowed(natural: readonly number[], least: readonly number[], room: number): number[] {
  const widths = [...natural];
  const sum = (): number => widths.reduce((total, wide) => total + wide, 0);
  while (sum() > room) {
    const giving = widths.map((wide, i) => (wide > (least[i] as number) ? wide : 0));
    const widest = giving.indexOf(Math.max(0, ...giving));
    if ((giving[widest] ?? 0) === 0) break;
    widths[widest] = (widths[widest] as number) - 1;
  }
  return widths;
}

function rowLines(row: readonly string[], widths: readonly number[], isNumeric: readonly boolean[]): string[] {
  const cells = widths.map((wide, i) => wrapped(row[i] ?? "", wide, 0, /\S+/g));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    widths
      .map((wide, i) => {
        const text = cells[i]?.[line] ?? "";
        return isNumeric[i] === true ? text.padStart(wide) : text.padEnd(wide);
      })
      .join("  ")
      .trimEnd(),
  );
}

/** JSON has no NaN and no infinity, and a loss has. */
function spelled(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
