import { describe, expect, test } from "vitest";
import { Namespace, type PickleValue, Storage, TorchTensor } from "../../../src/formats/torch/globals.js";
import { maximumPickleBytes, readPickle } from "../../../src/formats/torch/pickle.js";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const none = (): Storage => new Storage("0", "F32", 24);

function read(text: string, find: (id: PickleValue) => Storage = none): PickleValue {
  return readPickle(bytes(text), "x.pth", find).value;
}

function codeOf(text: string | Uint8Array): string {
  try {
    readPickle(typeof text === "string" ? bytes(text) : text, "x.pth", none);
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return "none";
}

// The bytes are what Python's pickle.dumps(value, 2) and (value, 4) give.
describe("what Python writes", () => {
  test.each<[string, string, PickleValue]>([
    ["an integer of one byte", "\x80\x02K\x07.", 7],
    ["of two", "\x80\x02M\x40\x9c.", 40000],
    ["a negative one", "\x80\x02J\xfd\xff\xff\xff.", -3],
    ["a long one", "\x80\x02\x8a\x06\0\0\0\0\0\x01.", 2 ** 40],
    ["one that a number cannot hold", "\x80\x02\x8a\x0d\0\0\0\0\0\0\0\0\0\0\0\0\x10.", 2n ** 100n],
    ["zero as a long", "\x80\x02\x8a\0.", 0],
    ["a real", "\x80\x02G?\xb9\x99\x99\x99\x99\x99\x9a.", 0.1],
    ["text", "\x80\x02X\x02\0\0\0\xc3\xa9q\0.", "é"],
    ["text of protocol 4", "\x80\x04\x95\x06\0\0\0\0\0\0\0\x8c\x02\xc3\xa9\x94.", "é"],
    ["a list that holds itself once in a tuple", "\x80\x02]q\0(K\x01K\x02e\x85q\x01.", [[1, 2]]],
    [
      "a dictionary",
      "\x80\x02}q\0(K\x01X\x01\0\0\0aq\x01NK\x02u.",
      new Map<PickleValue, PickleValue>([
        [1, "a"],
        [null, 2],
      ]),
    ],
    ["the same list twice", "\x80\x02]q\0(]q\x01h\x01e.", [[], []]],
    ["an empty OrderedDict", "\x80\x02ccollections\nOrderedDict\nq\0)Rq\x01.", new Map()],
  ])("%s", (_, text, value) => expect(read(text)).toEqual(value));

  test("an argparse.Namespace is data", () => {
    const value = read("\x80\x02cargparse\nNamespace\n)\x81}X\x02\0\0\0lrG?\xb9\x99\x99\x99\x99\x99\x9asb.");
    expect(value).toBeInstanceOf(Namespace);
    expect([...(value as Namespace).fields]).toEqual([["lr", 0.1]]);
  });

  test("a tensor is a view of its storage; attributes of an OrderedDict are left out", () => {
    const view =
      "ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQK\x01K\x02K\x02\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtR";
    const value = read(`\x80\x02ccollections\nOrderedDict\n)R(X\x01\0\0\0w${view}u}X\x09\0\0\0_metadata}sb.`);
    const tensor = (value as Map<string, TorchTensor>).get("w");
    expect(tensor).toBeInstanceOf(TorchTensor);
    expect(tensor).toMatchObject({ dtype: "F32", offset: 1, shape: [2, 2], strides: [3, 1] });
  });
});

describe("what is refused by name", () => {
  test.each([
    ["a function of the system", "cos\nsystem\n(X\x02\0\0\0lstR.", "os.system"],
    ["by names on the stack", "\x8c\x05posix\x8c\x06system\x93.", "posix.system"],
    ["eval", "c__builtin__\neval\n(X\x01\0\0\x001tR.", "__builtin__.eval"],
    [
      "an attribute of what is allowed",
      "ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
      "torch._utils._rebuild_tensor_v2.__globals__",
    ],
    ["another module of torch", "ctorch.hub\nload\n.", "torch.hub.load"],
    ["a numpy scalar", "cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"],
    ["a property of Object", "cObject\nconstructor\n.", "Object.constructor"],
  ])("%s", (_, text, name) => {
    expect(() => read(`\x80\x02${text}`)).toThrow(
      `in x.pth: expected only tensors and containers, got "${name}", which is refused: nothing of it was run.`,
    );
    expect(codeOf(`\x80\x02${text}`)).toBe("refused");
  });

  test.each([
    ["INST of protocol 0", "(ios\nsystem\n."],
    ["OBJ", "(cos\nsystem\no."],
    ["an entry of the extension registry", "\x82\x01."],
    ["a buffer out of band", "\x97."],
    ["DUP", "K\x01\x32."],
  ])("%s", (_, text) => expect(codeOf(`\x80\x02${text}`)).toBe("refused"));
});

describe("nonsense", () => {
  const tensor = (offset: string, shape: string, strides: string, elements = "K\x06"): string =>
    `\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu${elements}tQ${offset}(${shape}t(${strides}t\x89NtR.`;
  test.each([
    ["nothing", "", "truncated"],
    ["an end without a value", "\x80\x02.", "bad-data"],
    ["protocol 1", "\x80\x01N.", "unsupported"],
    ["protocol 6", "\x80\x06N.", "unsupported"],
    ["a list to append to that is none", "K\x01K\x02a.", "bad-data"],
    ["a tuple to append to", ")K\x02a.", "bad-data"],
    ["items without a mark", "]K\x01e.", "bad-data"],
    ["an odd number of items", "}(K\x01u.", "bad-data"],
    ["a list as a key", "}(]K\x01u.", "unsupported"],
    ["a mark as a value", "(.", "bad-data"],
    ["a mark remembered", "(q\0.", "bad-data"],
    ["a number of the memo that is none", "h\x05.", "bad-data"],
    ["text longer than the file", "X\xff\xff\xff\xffa.", "truncated"],
    ["text of 2^63 bytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7fa.", "truncated"],
    ["an integer of 255 bytes", `\x8a\xff${"a".repeat(255)}.`, "too-large"],
    ["a name without an end", "cos", "truncated"],
    ["a name of 300 bytes", `c${"a".repeat(300)}\nb\n.`, "bad-data"],
    ["a number called", "K\x01)R.", "bad-data"],
    ["a tensor of no storage", "ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\0))\x89NtR.", "bad-data"],
    ["an OrderedDict of many pairs", "ccollections\nOrderedDict\n]\x85R.", "bad-data"],
    ["attributes of a list", "]}b.", "bad-data"],
    ["a tensor past its storage", tensor("K\x01", "K\x06", "K\x01"), "bad-data"],
    ["one that begins past it", tensor("K\x07", "K\x01", "K\x01"), "bad-data"],
    ["one that strides past it", tensor("K\0", "K\x02", "K\x06"), "bad-data"],
    ["one that begins before it", tensor("J\xff\xff\xff\xff", "K\x01", "K\x01"), "bad-data"],
    ["a negative size", tensor("K\0", "J\xff\xff\xff\xff", "K\x01"), "bad-data"],
    ["a stride missing", tensor("K\0", "K\x02K\x02", "K\x01"), "bad-data"],
    ["an expanded tensor of 2^40 elements", tensor("K\0", "\x8a\x06\0\0\0\0\0\x01", "K\0"), "bad-data"],
    [
      "sizes whose product is beyond 2^53",
      tensor("K\0", "\x8a\x06\0\0\0\0\0\x01\x8a\x06\0\0\0\0\0\x01", "K\0K\0"),
      "bad-data",
    ],
    ["65 dimensions", tensor("K\0", "K\x01".repeat(65), "K\x01".repeat(65)), "bad-data"],
    ["a storage of a negative length", tensor("K\0", "K\x01", "K\x01", "J\xff\xff\xff\xff"), "none"],
  ])("%s", (_, text, code) => expect(codeOf(text)).toBe(code));

  test("whatever the length says: too many bytes, opcodes, and work are cut off", { timeout: 60_000 }, () => {
    expect(codeOf(new Uint8Array(maximumPickleBytes + 1))).toBe("too-large");
    expect(codeOf("}".repeat(3_000_000))).toBe("too-large");
    expect(codeOf(`${"(".repeat(900_000)}.`)).toBe("bad-data");
    const deep = Array.from({ length: 100_000 }, () => "\x85").join("");
    expect(codeOf(`)${deep}.`)).toBe("none"); // 100,000 tuples in one another: read without recursion
    const laughs = `]q\0${"(h\0h\0h\0h\0h\0h\0h\0h\0tq\0".repeat(1000)}.`; // 8^1000 leaves, 1000 tuples
    expect(codeOf(laughs)).toBe("none");
    const copies = `}q\0(${"K\x01K\x02".repeat(50_000)}u0cargparse\nNamespace\n)\x81${"h\0b".repeat(200_000)}.`;
    expect(codeOf(copies)).toBe("none"); // attributes are not copied
  });
});
