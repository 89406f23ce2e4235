import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { bytesInMemory } from "../../src/formats/bytes.js";
import { Storage } from "../../src/formats/torch/globals.js";
import { readPickle } from "../../src/formats/torch/pickle.js";
import { readZip } from "../../src/formats/torch/zip.js";
import { Namespace, type PickleValue, TorchFile, type TorchTensor } from "../../src/formats/torch-pickle.js";
import { survives } from "./hostile.js";
import { archive, saved, tensorsIn } from "./torch/archive.js";

const reference = (name: string): string => new URL(`../reference/torch/${name}`, import.meta.url).pathname;
const expected = JSON.parse(readFileSync(reference("expected.json"), "utf8")) as Record<
  "tensors" | "model",
  Record<string, { dtype: string; shape: number[]; bytes: number[] }>
>;
const temporary = mkdtempSync(join(tmpdir(), "lacuna-torch-"));
afterAll(() => rmSync(temporary, { recursive: true }));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "none";
}

const part = (file: TorchFile, name: string) => (file.content as Map<string, Map<string, PickleValue>>).get(name);

describe.each(["all.pth", "protocol-4.pth", "no-checksum.pth"])("%s, written by torch", (name) => {
  test("has the same tensors: every type, views that share a storage, strides, no elements", () => {
    using file = TorchFile.open(reference(name));
    for (const group of ["tensors", "model"] as const) {
      const found = part(file, group);
      expect([...(found?.keys() ?? [])]).toEqual(Object.keys(expected[group]));
      for (const [key, { shape, bytes }] of Object.entries(expected[group])) {
        const read = file.read(found?.get(key) as TorchTensor);
        expect([key, read.shape, [...read.data]]).toEqual([key, shape, bytes]);
      }
    }
  });

  test("has the same numbers and texts, and the script's options as data", () => {
    using file = TorchFile.open(reference(name));
    expect(Object.fromEntries(part(file, "numbers") ?? [])).toEqual({
      none: null,
      yes: true,
      no: false,
      small: 7,
      word: 40000,
      negative: -3,
      wide: 2 ** 40,
      below: -(2 ** 40),
      huge: 2n ** 100n,
      real: 0.1,
      text: "naïve 🙂",
      list: [1, [2, "three"]],
      pair: [1, 2],
      quadruple: [1, 2, 3, 4],
      nothing: [],
      dict: new Map<PickleValue, PickleValue>([
        [1, "a"],
        [null, "b"],
      ]),
      size: [3, 4],
    });
    const args = part(file, "args");
    expect(args).toBeInstanceOf(Namespace);
    expect((args as unknown as Namespace).fields.get("model")).toBe("mae_vit_base_patch16");
  });
});

describe("what is not read", () => {
  test("a command: refused by its name, and not run", () => {
    expect(() => TorchFile.open(reference("command.pth"))).toThrow(
      /got "posix\.system", which is refused: nothing of it was run/,
    );
    expect(existsSync("/tmp/lacuna-was-here")).toBe(false);
  });

  test.each([
    ["module.pth", "refused", /got "torch\.nn\.modules\.linear\.Linear", which is refused.*state_dict/],
    ["legacy.pth", "unsupported", /got the format from before PyTorch 1\.6\. In Python: torch\.save/],
    ["script.pth", "unsupported", /TorchScript archive, which holds code/],
    ["expected.json", "bad-magic", /expected an archive of torch\.save, got a file that begins with 7b22/],
  ])("%s", (name, code, message) => {
    expect(() => TorchFile.open(reference(name))).toThrow(message);
    expect(codeOf(() => TorchFile.open(reference(name)))).toBe(code);
  });

  test("a missing file, a folder, a device", () => {
    for (const path of [join(temporary, "none.pth"), temporary, "/dev/zero"])
      expect(codeOf(() => TorchFile.open(path))).toBe("unreadable");
  });

  test("archives with no description or two, of the other byte order, with a storage of another length or none", () => {
    const description = { name: "a/data.pkl", data: Buffer.from("\x80\x02N.", "latin1") };
    const open = (...entries: Parameters<typeof archive>[0]) => codeOf(() => TorchFile.fromBytes(archive(entries)));
    expect(open({ name: "a/b", data: Buffer.alloc(1) })).toBe("missing");
    expect(open(description, { ...description, name: "b/data.pkl" })).toBe("missing");
    expect(open(description, { name: "a/byteorder", data: Buffer.from("big") })).toBe("unsupported");
    const storage = "\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ.";
    expect(codeOf(() => TorchFile.fromBytes(saved(storage, [new Uint8Array(24)])))).toBe("none");
    expect(codeOf(() => TorchFile.fromBytes(saved(storage, [new Uint8Array(23)])))).toBe("bad-offsets");
    expect(codeOf(() => TorchFile.fromBytes(saved(storage)))).toBe("missing");
  });
});

test("damage is found where a storage is read whole, and the checksum is known", () => {
  const bytes = readFileSync(reference("all.pth"));
  const file = TorchFile.fromBytes(bytes);
  const tensor = part(file, "tensors")?.get("matrix") as TorchTensor;
  bytes.writeFloatLE(99, bytes.indexOf(Buffer.from(Float32Array.of(0, 1, 2, 3).buffer)));
  expect(codeOf(() => file.read(tensor))).toBe("damaged");
});

test("an open file that shrinks, and a closed one", () => {
  const path = join(temporary, "shrinks.pth");
  writeFileSync(path, readFileSync(reference("all.pth")));
  const file = TorchFile.open(path);
  const tensor = part(file, "tensors")?.get("matrix") as TorchTensor;
  truncateSync(path, 100);
  expect(codeOf(() => file.read(tensor))).toBe("truncated");
  file.close();
  expect(codeOf(() => file.read(tensor))).toBe("closed");
});

describe("hostile bytes", () => {
  const readAll = (bytes: Uint8Array): void => {
    const file = TorchFile.fromBytes(bytes);
    for (const tensor of tensorsIn(file.content)) file.read(tensor);
  };

  // Without checksums a changed description gets as far as the reader of pickles.
  test("of whole files", () => {
    survives([readFileSync(reference("all.pth")), readFileSync(reference("no-checksum.pth"))], readAll, 2000);
  });

  test("of descriptions", () => {
    const bytes = readFileSync(reference("no-checksum.pth"));
    const entry = readZip(bytesInMemory(bytes)).get("no-checksum/data.pkl");
    const description = bytes.subarray(entry?.start, entry?.end);
    const whole = readPickle(description, "x", () => new Storage("0", "F32", 1000)).value;
    expect(tensorsIn(whole).length).toBeGreaterThan(20);
    survives([description], (bytes) => readPickle(bytes, "x", () => new Storage("0", "F32", 1000)), 2000);
  });
});
