/**
 * A subset of Python's pickle (PEP 307, 3154): the opcodes by which torch.save writes dictionaries, lists, tuples, numbers
 * and strings, and calls of the few functions in globals.ts that make tensors of them. Nothing is looked up by name but
 * there, and nothing of the file is ever run. Every opcode makes at most one object, so that work and memory are bounded
 * by the length of the pickle, which is bounded itself.
 */
import { excerpt, FormatError, type FormatErrorCode } from "../errors.js";
import { apply, build, create, globalNamed, type PickleValue, type Storage, Unfit } from "./globals.js";

/** A ViT-H with its optimiser takes 0.5 MB and 50,000 opcodes. */
export const maximumPickleBytes = 32 * 2 ** 20;
const maximumOpcodes = 1_000_000;
const maximumIntegerBytes = 64;

/** How a pickle's persistent ids, by which storages are named, become storages. */
export type FindStorage = (id: PickleValue) => Storage;

/**
 * Reads one pickle. @returns its value, and where it ended
 * @throws FormatError "refused" naming a function, class or opcode that is none of tensors and containers; "truncated",
 * "bad-data", "too-large"
 */
export function readPickle(
  bytes: Uint8Array,
  path: string,
  findStorage: FindStorage,
  start = 0,
): { readonly value: PickleValue; readonly end: number } {
  if (bytes.byteLength - start > maximumPickleBytes) {
    const expected = `a description of at most ${maximumPickleBytes} bytes`;
    throw new FormatError({ code: "too-large", path, expected, actual: `${bytes.byteLength - start}` });
  }
  return new Machine(bytes, path, findStorage, start).run();
}

const mark = Symbol("mark");
type Item = PickleValue | typeof mark;

class Machine {
  private readonly stack: Item[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, Item>();
  private readonly data: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly path: string,
    private readonly findStorage: FindStorage,
    private at: number,
  ) {
    this.data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { value: PickleValue; end: number } {
    for (let count = 0; count < maximumOpcodes; count++) {
      const opcode = this.bytes[this.skip(1)] as number;
      if (opcode === 0x2e) return { value: this.value(), end: this.at }; // STOP
      this.execute(opcode);
    }
    throw this.error("too-large", `at most ${maximumOpcodes} opcodes`, "more");
  }

  private execute(opcode: number): void {
    const step = steps[opcode];
    if (step === undefined) {
      const actual = `opcode 0x${opcode.toString(16)} at byte ${this.at - 1}, which is refused`;
      throw this.error("refused", "a pickle of protocol 2 to 5 with tensors and containers only", actual);
    }
    step(this);
  }

  error(code: FormatErrorCode, expected: string, actual: string): FormatError {
    return new FormatError({ code, path: this.path, expected, actual });
  }

  /** Moves on. @returns where it was */
  skip(length: number): number {
    const begin = this.at;
    if (length > this.bytes.length - begin) {
      throw this.error("truncated", `${length} bytes at ${begin} of the pickle`, `${this.bytes.length - begin}`);
    }
    this.at += length;
    return begin;
  }

  u8(): number {
    return this.data.getUint8(this.skip(1));
  }
  u16(): number {
    return this.data.getUint16(this.skip(2), true);
  }
  u32(): number {
    return this.data.getUint32(this.skip(4), true);
  }
  i32(): number {
    return this.data.getInt32(this.skip(4), true);
  }
  f64(): number {
    return this.data.getFloat64(this.skip(8));
  }
  u64(): number {
    return Number(this.data.getBigUint64(this.skip(8), true)); // rounded above 2^53, where no length is in bounds
  }

  text(length: number): string {
    const begin = this.skip(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + begin, length).toString("utf8");
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    const length = (end === -1 ? this.bytes.length + 1 : end) - this.at;
    if (length > 256 && end !== -1) throw this.error("bad-data", "a name of at most 256 bytes", `${length}`);
    const text = this.text(length);
    this.skip(1);
    return text;
  }

  /** Two's complement, least byte first; a bigint where a number would round. */
  integer(length: number): number | bigint {
    if (length > maximumIntegerBytes) throw this.error("too-large", "an integer of at most 64 bytes", `${length}`);
    const begin = this.skip(length);
    const digits = Buffer.from(this.bytes.subarray(begin, begin + length))
      .reverse()
      .toString("hex");
    const value = BigInt.asIntN(8 * length, BigInt(`0x0${digits}`));
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  push(item: Item): void {
    this.stack.push(item);
  }

  /** The topmost value, taken off. */
  value(): PickleValue {
    const item = this.stack.pop();
    if (item !== undefined && item !== mark) return item;
    throw this.error("bad-data", "a value on the stack", "none");
  }

  begin(): void {
    this.marks.push(this.stack.length);
    this.stack.push(mark);
  }

  /** Everything above the topmost mark, taken off with it. */
  sinceMark(): PickleValue[] {
    const from = this.marks.pop();
    if (from === undefined || from >= this.stack.length) throw this.error("bad-data", "a mark on the stack", "none");
    return this.stack.splice(from).slice(1) as PickleValue[]; // later marks were taken off before
  }

  /** The tuple of the topmost `count` values. */
  tuple(count: number): void {
    const items = Array.from({ length: count }, () => this.value());
    this.push(Object.freeze(items.reverse()));
  }

  append(items: readonly PickleValue[]): void {
    const list = this.stack.at(-1);
    if (!Array.isArray(list) || Object.isFrozen(list)) throw this.error("bad-data", "a list to append to", typeof list);
    for (const item of items) list.push(item);
  }

  setItems(items: readonly PickleValue[]): void {
    const dict = this.stack.at(-1);
    if (!(dict instanceof Map) || items.length % 2 !== 0)
      throw this.error("bad-data", "a dictionary and pairs", "others");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i] as PickleValue;
      if (typeof key === "object" && key !== null) {
        throw this.error("unsupported", "keys that are strings, numbers, booleans or None", "a container");
      }
      dict.set(key, items[i + 1] as PickleValue);
    }
  }

  remember(index: number): void {
    const item = this.stack.at(-1);
    if (item === undefined || item === mark) throw this.error("bad-data", "a value to remember", "none");
    this.memo.set(index, item);
  }

  get remembered(): number {
    return this.memo.size;
  }

  recall(index: number): void {
    const item = this.memo.get(index);
    if (item === undefined) throw this.error("bad-data", "a number of the memo", `${index}`);
    this.push(item);
  }

  find(module: string, name: string): void {
    const found = globalNamed(`${module}.${name}`);
    if (found === undefined) {
      throw new FormatError({
        code: "refused",
        path: this.path,
        expected: "only tensors and containers",
        actual: `${excerpt(`${module}.${name}`)}, which is refused: nothing of it was run`,
        remedy: "In Python, save what is needed alone: torch.save(model.state_dict(), path).",
      });
    }
    this.push(found);
  }

  stackGlobal(): void {
    const [name, module] = [this.value(), this.value()];
    if (typeof name !== "string" || typeof module !== "string" || name.length + module.length > 512) {
      throw this.error("bad-data", "names of a module and of what is in it", typeof name);
    }
    this.find(module, name);
  }

  reduce(): void {
    const [argument, callee] = [this.value(), this.value()];
    this.push(this.made(() => apply(callee, argument)));
  }

  newObject(): void {
    const [argument, callee] = [this.value(), this.value()];
    this.push(this.made(() => create(callee, argument)));
  }

  build(): void {
    const [state, item] = [this.value(), this.value()];
    this.push(this.made(() => build(item, state)));
  }

  persistent(): void {
    this.push(this.findStorage(this.value()));
  }

  /** globals.ts knows no file: its errors get the path here. */
  private made(make: () => PickleValue): PickleValue {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      throw new FormatError({ code: "bad-data", path: this.path, expected: error.message, actual: "other arguments" });
    }
  }
}

type Step = (machine: Machine) => void;

/** By opcode; names are those of Python's pickletools. */
const steps: Readonly<Record<number, Step>> = {
  128: (m) => {
    const protocol = m.u8(); // PROTO
    if (protocol < 2 || protocol > 5) throw m.error("unsupported", "pickle protocol 2 to 5", `${protocol}`);
  },
  149: (m) => void m.skip(8), // FRAME: only a hint for buffering
  40: (m) => m.begin(), // MARK
  48: (m) => void m.value(), // POP
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  74: (m) => m.push(m.i32()), // BININT
  75: (m) => m.push(m.u8()), // BININT1
  77: (m) => m.push(m.u16()), // BININT2
  138: (m) => m.push(m.integer(m.u8())), // LONG1
  71: (m) => m.push(m.f64()), // BINFLOAT
  88: (m) => m.push(m.text(m.u32())), // BINUNICODE
  140: (m) => m.push(m.text(m.u8())), // SHORT_BINUNICODE
  141: (m) => m.push(m.text(m.u64())), // BINUNICODE8
  84: (m) => m.push(m.text(m.u32())), // BINSTRING
  85: (m) => m.push(m.text(m.u8())), // SHORT_BINSTRING
  93: (m) => m.push([]), // EMPTY_LIST
  125: (m) => m.push(new Map()), // EMPTY_DICT
  41: (m) => m.tuple(0), // EMPTY_TUPLE
  133: (m) => m.tuple(1), // TUPLE1
  134: (m) => m.tuple(2), // TUPLE2
  135: (m) => m.tuple(3), // TUPLE3
  116: (m) => m.push(Object.freeze(m.sinceMark())), // TUPLE
  97: (m) => {
    const item = m.value(); // APPEND
    m.append([item]);
  },
  101: (m) => m.append(m.sinceMark()), // APPENDS
  115: (m) => {
    const [value, key] = [m.value(), m.value()]; // SETITEM
    m.setItems([key, value]);
  },
  117: (m) => m.setItems(m.sinceMark()), // SETITEMS
  113: (m) => m.remember(m.u8()), // BINPUT
  114: (m) => m.remember(m.u32()), // LONG_BINPUT
  148: (m) => m.remember(m.remembered), // MEMOIZE
  104: (m) => m.recall(m.u8()), // BINGET
  106: (m) => m.recall(m.u32()), // LONG_BINGET
  99: (m) => m.find(m.line(), m.line()), // GLOBAL
  147: (m) => m.stackGlobal(), // STACK_GLOBAL
  82: (m) => m.reduce(), // REDUCE
  129: (m) => m.newObject(), // NEWOBJ
  98: (m) => m.build(), // BUILD
  81: (m) => m.persistent(), // BINPERSID
};
