import { EventEmitter } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";
import { barLine, outliveReaders, Report, tableLines } from "../../src/cli/report.js";

function streams(isTTY = false) {
  const written = { out: "", error: "" };
  const stream = (name: "out" | "error") => ({
    isTTY,
    columns: 60,
    write: (text: string) => {
      written[name] += text;
    },
  });
  return { written, pair: { out: stream("out"), error: stream("error") } };
}

afterEach(() => vi.useRealTimers());

describe("Report", () => {
  test("lines go to stdout, with json to stderr, so that stdout holds one value", () => {
    const plain = streams();
    const report = new Report(false, plain.pair);
    report.line("hello");
    report.result({ a: 1 }, () => report.line("for people"));
    expect(plain.written).toEqual({ out: "hello\nfor people\n", error: "" });
    const json = streams();
    const other = new Report(true, json.pair);
    other.line("hello");
    other.result({ a: Number.NaN }, () => other.line("for people"));
    expect(json.written.error).toBe("hello\n");
    expect(JSON.parse(json.written.out)).toEqual({ a: "NaN" });
  });

  test("an error is a line without its stack, with it for those who ask", () => {
    const { written, pair } = streams();
    new Report(false, pair).error(new Error("no"), false);
    expect(written.error).toBe("Error: no\n");
    new Report(false, pair).error(new Error("no"), true);
    expect(written.error).toContain("at ");
  });

  test("an error is data too, with json", () => {
    const { written, pair } = streams();
    new Report(true, pair).error(new Error("no"), false);
    expect(JSON.parse(written.out)).toMatchObject({ error: { message: "no" } });
  });

  test("without a terminal the live line is written every ten seconds, and at its end", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { written, pair } = streams();
    const live = await new Report(false, pair).live("run");
    live.update(0.1, "one");
    live.update(0.2, "two");
    vi.advanceTimersByTime(10_001);
    live.update(0.3, "three");
    live.update(0.4, "four");
    live.stop();
    expect(written.out).toBe("one\nthree\nfour\n");
  });

  test("a wait that is soon over writes nothing into a log", async () => {
    const { written, pair } = streams();
    const live = await new Report(false, pair).live("wait");
    live.update(1, "done");
    live.stop();
    expect(written.out).toBe("");
  });
});

describe("outliveReaders", () => {
  function fakeProcess() {
    const written: string[] = [];
    const stderr = Object.assign(new EventEmitter(), { write: (text: string) => written.push(text) });
    const fake = Object.assign(new EventEmitter(), { stdout: new EventEmitter(), stderr, exitCode: 0 });
    outliveReaders(fake as unknown as NodeJS.Process);
    return { fake, written };
  }
  const failure = (code: string): Error => Object.assign(new Error(`${code}: write`), { code });

  test("a reader that goes away is no error", () => {
    const { fake, written } = fakeProcess();
    fake.stdout.emit("error", failure("EPIPE"));
    fake.stderr.emit("error", failure("EPIPE"));
    fake.emit("exit");
    expect([fake.exitCode, written]).toEqual([0, []]);
  });

  test.each([
    [0, 1],
    [143, 143],
  ])(
    "an answer that cannot be written is said once, and is an error at the end: exit code %d becomes %d",
    (own, code) => {
      const { fake, written } = fakeProcess();
      for (let i = 0; i < 3; i++) fake.stdout.emit("error", failure("ENOSPC"));
      fake.exitCode = own;
      fake.emit("exit");
      expect(fake.exitCode).toBe(code);
      expect(written).toEqual([
        "Error in stdout: what is printed cannot be written (ENOSPC: write). The command goes on.\n",
      ]);
    },
  );
});

describe("barLine", () => {
  test("has a bar where there is room, and never more than the width", () => {
    expect(barLine(0.5, "text", 40)).toBe(`${"█".repeat(12)}${"░".repeat(12)}  text`);
    expect(barLine(0.5, "x".repeat(100), 40)).toBe("x".repeat(39));
    const parts = "4 min left · step 120/585 · epoch 0.62/3 · loss 0.8123 · 498 images/s · 2 % waiting · rate 5.9e-4";
    expect(barLine(0.5, parts, 80)).toBe(`████░░░░  ${parts.slice(0, parts.indexOf(" · 2 %"))}`);
    expect(barLine(0.5, parts, 30)).toBe("4 min left · step 120/585");
    expect(barLine(2, "text", 40)).toBe(`${"█".repeat(24)}  text`);
  });
});

test("tables align numbers below their title to the right, text to the left", () => {
  const rows = [
    ["", "count", "what"],
    ["a", "1,000", "one"],
    ["bc", "12.5 %", "more"],
  ];
  expect(tableLines(rows)).toEqual(["     count  what", "a    1,000  one", "bc  12.5 %  more"]);
});

test("tables are wrapped to the width between words: titles of numbers first, then text; paths stay whole", () => {
  const rows = [
    ["what", "of the machine's", "advice"],
    ["first", "4 %", "Pack the pictures once and train on the packed set, which needs no decoding."],
    ["/a/long/path/of/a/file.png", "12 %", "None."],
  ];
  expect(tableLines(rows, 60)).toEqual([
    "what                           of the  advice",
    "                            machine's",
    "first                             4 %  Pack the pictures",
    "                                       once and train on the",
    "                                       packed set, which",
    "                                       needs no decoding.",
    "/a/long/path/of/a/file.png       12 %  None.",
  ]);
  const natural = tableLines(rows);
  expect(natural[1]).toContain("Pack the pictures once and train on the packed set, which needs no decoding.");
});

test("in a terminal lines and tables end at its edge; in a log they are whole", () => {
  const long = "word ".repeat(30).trim();
  const { written, pair } = streams();
  const report = new Report(false, pair); // of 60 columns
  report.line(long);
  report.table([["name", long]]);
  const lines = written.out.trimEnd().split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
  expect(written.out.split("word")).toHaveLength(61);
  const log = streams();
  new Report(false, { ...log.pair, out: { ...log.pair.out, columns: undefined } }).line(long);
  expect(log.written.out).toBe(`${long}\n`);
});

test("what is begun is said at once, in a log too", async () => {
  const { written, pair } = streams();
  const live = await new Report(false, pair).live("wait");
  live.begin("a long fit …");
  live.stop();
  expect(written.out).toBe("a long fit …\n");
});

describe("a live table", () => {
  test("without a terminal, or without room, it is written once and its lines are told one by one", async () => {
    const { written, pair } = streams();
    const table = await new Report(false, pair).liveTable(["a", "b"]);
    expect(table.isRewritten).toBe(false);
    table.show(["a", "c"]);
    table.update(0.5, "half");
    table.stop();
    expect(written.out).toBe("a\nb\nhalf\n");
  });

  test("in a terminal its lines are rewritten, above a live line", async () => {
    let text = "";
    // What cli-progress asks of a terminal.
    const names = ["on", "once", "removeListener", "cursorTo", "moveCursor", "clearLine"];
    const terminal = Object.assign(Object.fromEntries(names.map((name) => [name, () => true])), {
      isTTY: true,
      columns: 60,
      rows: 10,
      write: (more: string) => {
        text += more;
        return true;
      },
    });
    const report = new Report(false, { out: terminal, error: terminal });
    const table = await report.liveTable(["one waiting", "two waiting"]);
    expect(table.isRewritten).toBe(true);
    table.show(["one done", "two waiting"]);
    table.update(0.5, "step 3");
    table.stop();
    expect(text).toContain("one done");
    expect(text).toContain("step 3");
    const tall = await report.liveTable(Array.from({ length: 9 }, () => "x"));
    expect(tall.isRewritten).toBe(false);
    tall.stop();
  });
});
