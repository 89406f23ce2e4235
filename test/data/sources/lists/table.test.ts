import { expect, test } from "vitest";
import { readTable } from "../../../../src/data/sources/lists/table.js";

const cat = { path: "a b.png", label: undefined, caption: 'a "red" cat, asleep' };

test("CSV, TSV and JSON by the line say the same", () => {
  expect(readTable("x.csv", 'path,caption\r\n"a b.png","a ""red"" cat, asleep"\r\n')).toEqual([cat]);
  expect(readTable("x.TSV", 'Caption\tfile_name\n"a ""red"" cat, asleep"\ta b.png\n\n')).toEqual([cat]);
  expect(readTable("x.jsonl", '{"image":"a b.png","text":"a \\"red\\" cat, asleep"}\n\n')).toEqual([cat]);
});

test("labels may be numbers; what is empty is absent", () => {
  const rows = readTable("x.jsonl", '{"path":"1.png","label":3,"caption":""}\n{"path":"2.png"}');
  expect(rows).toEqual([
    { path: "1.png", label: "3", caption: undefined },
    { path: "2.png", label: undefined, caption: undefined },
  ]);
  expect(readTable("x.csv", "path,label\n1.png,dog\n")?.[0]?.label).toBe("dog");
});

test("a list with tabs is no table", () => {
  expect(readTable("x.txt", "path\tcaption\n")).toBeUndefined();
  expect(readTable("x.tsv", "1.png\tdog\n")).toBeUndefined();
});

test("what is broken is named by its line", () => {
  expect(() => readTable("x.csv", "name,caption\n1.png,a\n")).toThrow(/x\.csv, row at line 2.*expected a column path/);
  expect(() => readTable("x.jsonl", '{"path":"1.png"}\n[1]\n')).toThrow("x.jsonl, row at line 2");
  expect(() => readTable("x.jsonl", "{oh")).toThrow("expected an object in JSON, got {oh");
});
