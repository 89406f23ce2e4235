import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type Dtype, elementBytes, toFloat32 } from "../../src/formats/dtype.js";
import {
  encodeSafetensors,
  SafetensorsFile,
  safetensorsHeader,
  type TensorToWrite,
  writeSafetensors,
} from "../../src/formats/safetensors.js";
import { survives } from "./hostile.js";

const reference = (name: string): string => new URL(`../reference/formats/${name}`, import.meta.url).pathname;
const expectations = JSON.parse(readFileSync(reference("expected.json"), "utf8")).files["all.safetensors"] as Record<
  string,
  { shape: number[]; bytes: number[] }
>;
const temporary = mkdtempSync(join(tmpdir(), "lacuna-safetensors-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const place = (name: string): string => join(temporary, name);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "none";
}

function withHeader(text: string, data = 0): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(data)]);
}

describe("a file written by the Python package", () => {
  const file = SafetensorsFile.open(reference("all.safetensors"));
  afterAll(() => file.close());

  test("has the same tensors, shapes and bytes", () => {
    expect([...file.names].sort()).toEqual(Object.keys(expectations).sort());
    for (const [name, { shape, bytes }] of Object.entries(expectations)) {
      const tensor = file.read(name);
      expect({ shape: tensor.shape, bytes: [...tensor.data] }, name).toEqual({ shape, bytes });
    }
    expect(file.metadata).toEqual({ naïve: 'quote " slash \\ 🙂 tab\t' });
    expect(file.entry("bf16.weight")).toMatchObject({ dtype: "BF16", shape: [2, 3] });
    expect([...toFloat32(file.read("f16.weight"))]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("is written byte for byte the same, whatever the order of the tensors", () => {
    const tensors = file.names.map((name): [string, TensorToWrite] => [name, file.read(name)]);
    const original = readFileSync(reference("all.safetensors"));
    expect(Buffer.compare(encodeSafetensors(tensors, file.metadata), original)).toBe(0);
    expect(Buffer.compare(encodeSafetensors(tensors.reverse(), file.metadata), original)).toBe(0);
    writeSafetensors(place("same.safetensors"), tensors, file.metadata, { fsync: true });
    expect(readFileSync(place("same.safetensors")).equals(original)).toBe(true);
    const plain = SafetensorsFile.open(reference("plain.safetensors"));
    const again = encodeSafetensors([["weight", plain.read("weight")]]);
    plain.close();
    expect(Buffer.compare(again, readFileSync(reference("plain.safetensors")))).toBe(0);
  });
});

test("anything written is read again, each tensor aligned to its type", () => {
  const dtypes = fc.constantFrom(...(Object.keys(elementBytes) as Dtype[]));
  const tensor = fc.tuple(dtypes, fc.array(fc.nat(4), { maxLength: 4 })).map(([dtype, shape]) => {
    const data = new Uint8Array(shape.reduce((a, b) => a * b, elementBytes[dtype])).map(
      (_, i) => i * 13 + shape.length,
    );
    return { dtype, shape, data };
  });
  const name = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => text !== "__metadata__");
  const wellFormed = fc.dictionary(name, fc.string({ unit: "grapheme" }));
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key }),
      wellFormed,
      (tensors, metadata) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const file = SafetensorsFile.fromBytes(bytes);
        const headerBytes = Number(Buffer.from(bytes).readBigUInt64LE());
        expect(headerBytes % 8).toBe(0);
        for (const [key, { dtype, shape, data }] of tensors) {
          expect(file.entry(key).start % elementBytes[dtype]).toBe(0);
          const read = file.read(key);
          expect([read.dtype, read.shape, [...read.data]]).toEqual([dtype, shape, [...data]]);
        }
        expect({ ...file.metadata }).toEqual({ ...metadata });
      },
    ),
    { seed: 3, numRuns: 200 },
  );
});

test("data is asked for one tensor at a time, in the order of the file", () => {
  const asked: string[] = [];
  const lazy = (name: string, dtype: "U8" | "F32"): [string, TensorToWrite] => {
    const data = (): Uint8Array => {
      asked.push(name);
      return new Uint8Array(2 * elementBytes[dtype]);
    };
    return [name, { dtype, shape: [2], data }];
  };
  writeSafetensors(place("lazy.safetensors"), [lazy("a", "U8"), lazy("c", "F32"), lazy("b", "F32")]);
  expect(asked).toEqual(["b", "c", "a"]);
});

describe("what cannot be written", () => {
  const one: TensorToWrite = { dtype: "U8", shape: [1], data: Uint8Array.of(1) };
  test.each([
    [
      "a name twice",
      [
        ["a", one],
        ["a", one],
      ],
      undefined,
      "duplicate-name",
    ],
    ["the name of the metadata", [["__metadata__", one]], undefined, "bad-name"],
    ["half a surrogate pair", [["\ud800", one]], undefined, "bad-name"],
    ["data of another length", [["a", { ...one, shape: [2] }]], undefined, "bad-data"],
    ["a shape that is none", [["a", { ...one, shape: [-1] }]], undefined, "bad-shape"],
    ["a type that is none", [["a", { ...one, dtype: "F7" as Dtype }]], undefined, "unsupported-dtype"],
    ["metadata that is no text", [["a", one]], { a: 1 } as unknown as Record<string, string>, "bad-data"],
  ] as [string, [string, TensorToWrite][], Record<string, string> | undefined, string][])(
    "%s",
    (_, tensors, metadata, code) => {
      expect(codeOf(() => encodeSafetensors(tensors, metadata))).toBe(code);
    },
  );

  test("a missing folder keeps the system's error as the cause", () => {
    const write = (): void => writeSafetensors(place("no/such/file"), [["a", one]]);
    expect(write).toThrow(
      expect.objectContaining({ code: "unwritable", cause: expect.objectContaining({ code: "ENOENT" }) }),
    );
  });

  test("a full disk is named as such", () => {
    const write = (): void => writeSafetensors("/dev/full", [["a", one]]);
    expect(write).toThrow(/\/dev\/full: expected room on the disk.*Free some space/);
    expect(codeOf(write)).toBe("no-space");
  });

  test("an error of the one who gives the data comes through as it is", () => {
    const failing = (): Uint8Array => {
      throw new RangeError("mine");
    };
    expect(() => writeSafetensors(place("x"), [["a", { ...one, data: failing }]])).toThrow(new RangeError("mine"));
  });
});

describe("what cannot be opened", () => {
  const good = readFileSync(reference("all.safetensors"));
  const openBytes = (bytes: Uint8Array): string => {
    writeFileSync(place("bad"), bytes);
    const fromFile = codeOf(() => SafetensorsFile.open(place("bad")).close());
    expect(codeOf(() => SafetensorsFile.fromBytes(bytes))).toBe(fromFile);
    return fromFile;
  };

  test("cut off at any byte", () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(
        codeOf(() => SafetensorsFile.fromBytes(good.subarray(0, length))),
        `${length}`,
      ).toBe("truncated");
    }
    for (const length of [0, 7, 8, 500, good.length - 1]) expect(openBytes(good.subarray(0, length))).toBe("truncated");
  });

  test("lengths of a header that cannot be", () => {
    const bytes = Buffer.from(good);
    for (const [length, code] of [
      [2n ** 64n - 1n, "too-large"],
      [2n ** 63n, "too-large"],
      [100_000_001n, "too-large"],
      [100_000_000n, "truncated"],
      [0n, "bad-header"],
    ] as const) {
      bytes.writeBigUInt64LE(length);
      expect(openBytes(bytes), `${length}`).toBe(code);
    }
  });

  test("bytes left over, bytes that are no UTF-8, a byte order mark", () => {
    expect(openBytes(Buffer.concat([good, Buffer.alloc(1)]))).toBe("trailing-bytes");
    const bytes = Buffer.from(good);
    bytes[20] = 0xff;
    expect(openBytes(bytes)).toBe("bad-header");
    expect(openBytes(withHeader("\ufeff{}"))).toBe("bad-header");
    expect(openBytes(withHeader("{}"))).toBe("none");
  });

  test("a file that is not there, a folder, a pipe: named, and no hang", () => {
    execFileSync("mkfifo", [place("pipe")]);
    for (const path of [place("missing"), temporary, place("pipe"), "/dev/zero"]) {
      expect(
        codeOf(() => SafetensorsFile.open(path)),
        path,
      ).toBe("unreadable");
    }
    const missing = expect.objectContaining({ cause: expect.objectContaining({ code: "ENOENT" }) });
    expect(() => SafetensorsFile.open(place("missing"))).toThrow(missing);
  });

  test("hostile bytes", () => {
    survives([good, readFileSync(reference("plain.safetensors"))], (bytes) => {
      const file = SafetensorsFile.fromBytes(bytes);
      for (const name of file.names) file.read(name);
    });
  });
});

describe("an open file", () => {
  test("that shrinks is noticed when read", () => {
    writeFileSync(place("shrinks"), readFileSync(reference("all.safetensors")));
    const file = SafetensorsFile.open(place("shrinks"));
    truncateSync(place("shrinks"), file.path.length + 1500);
    expect(() => file.read("bool.weight")).toThrow(/expected 6 bytes at \d+, got 0\. The file became shorter/);
    file.close();
  });

  test("knows what it lacks, and that it was closed", () => {
    const file = SafetensorsFile.open(reference("plain.safetensors"));
    expect([file.has("weight"), file.has("bias")]).toEqual([true, false]);
    expect(() => file.read("bias")).toThrow('expected a tensor named "bias", got 1 tensors without it ("weight", …).');
    file[Symbol.dispose]();
    file.close();
    expect(codeOf(() => file.read("weight"))).toBe("closed");
  });

  test("larger than memory is refused when read, not when opened", () => {
    const bytes = 2 ** 42;
    writeFileSync(place("huge"), withHeader(`{"a":{"dtype":"U8","shape":[${bytes}],"data_offsets":[0,${bytes}]}}`));
    const header = readFileSync(place("huge")).length;
    truncateSync(place("huge"), header + bytes); // sparse; ext4 allows 16 TiB
    const file = SafetensorsFile.open(place("huge"));
    expect(codeOf(() => file.read("a"))).toBe("too-large");
    file.close();
  });
});

describe("safetensorsHeader", () => {
  test("is the beginning of the file that the writer makes, and can be as long as one for more rows", () => {
    const tensor = (rows: number) => ({ dtype: "F32" as const, shape: [rows, 2], data: new Uint8Array(rows * 8) });
    const whole = encodeSafetensors([["features", tensor(3)]], { from: "x" });
    const header = safetensorsHeader("features", tensor(3), { from: "x" });
    expect(Buffer.from(whole.subarray(0, header.length)).equals(Buffer.from(header))).toBe(true);
    expect(whole.length).toBe(header.length + 24);
    const long = safetensorsHeader("features", { dtype: "F32", shape: [1e9, 2] }, { from: "x" });
    const padded = safetensorsHeader("features", tensor(3), { from: "x" }, long.length);
    expect(padded.length).toBe(long.length);
    writeFileSync(place("padded.safetensors"), Buffer.concat([padded, tensor(3).data]));
    using read = SafetensorsFile.open(place("padded.safetensors"));
    expect(read.entry("features")).toMatchObject({ shape: [3, 2] });
  });
});
