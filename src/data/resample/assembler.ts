/**
 * Just enough WebAssembly to write the resampling kernels down: opcodes by name, and the frame around function bodies.
 * Numbers are those of the WebAssembly core specification 2.0, section 5 (binary format).
 */

export type Code = readonly number[];

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** Signed LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(last ? low : low | 0x80);
    if (last) return bytes;
  }
}

/** Addresses are bytes; nothing is assumed to be aligned. */
const ANYWHERE = [0, 0];
const simd = (opcode: number, ...rest: number[]): Code => [0xfd, ...unsigned(opcode), ...rest];

export const I32 = 0x7f;
export const V128 = 0x7b;

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const load = [0x28, ...ANYWHERE] as const;
export const store = [0x36, ...ANYWHERE] as const;
export const add = [0x6a] as const;
export const isZero = [0x45] as const;
export const isLess = [0x49] as const;
export const isGreaterSigned = [0x4a] as const;

export const block = (...body: Code[]): Code => [0x02, 0x40, ...body.flat(), 0x0b];
export const loop = (...body: Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b];
/** Leaves `depth` blocks, or begins a loop again. */
export const branch = (depth: number): Code => [0x0c, depth];
export const branchIf = (depth: number): Code => [0x0d, depth];

/** Local += what the code leaves on the stack. */
export const increase = (local: number, by: Code): Code => [...get(local), ...by, ...add, ...set(local)];

export const vector = {
  load16: simd(0x00, ...ANYWHERE),
  /** Four bytes into the lowest lane, zeros above. */
  load4: simd(0x5c, ...ANYWHERE),
  /** One int32 into all four lanes. */
  loadSplat: simd(0x09, ...ANYWHERE),
  store16: simd(0x0b, ...ANYWHERE),
  splat: simd(0x11),
  firstLane: simd(0x1b, 0),
  bytesLowToShorts: simd(0x89),
  bytesHighToShorts: simd(0x8a),
  shortsLowToInts: simd(0xa9),
  shortsHighToInts: simd(0xaa),
  add: simd(0xae),
  multiply: simd(0xb5),
  shiftRight: simd(0xac),
  /** int32 [4] and int32 [4] -> int16 [8], saturated. */
  intsToShorts: simd(0x85),
  /** int16 [8] and int16 [8] -> uint8 [16], saturated: negative becomes 0. */
  shortsToBytes: simd(0x66),
};

export interface KernelFunction {
  readonly name: string;
  /** How many int32 parameters; there is no result. */
  readonly parameters: number;
  /** Types of the locals that follow the parameters. */
  readonly locals: readonly number[];
  readonly body: Code;
}

function section(id: number, items: readonly Code[]): number[] {
  const content = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(content.length), ...content];
}

const text = (value: string): number[] => [...unsigned(value.length), ...new TextEncoder().encode(value)];

/** A module that imports its memory as `memory.memory` and exports the functions. */
export function assemble(functions: readonly KernelFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...unsigned(parameters), ...Array(parameters).fill(I32), 0]);
  const bodies = functions.map(({ locals, body }) => {
    const code = [...unsigned(locals.length), ...locals.flatMap((type) => [1, type]), ...body, 0x0b];
    return [...unsigned(code.length), ...code];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(2, [[...text("memory"), ...text("memory"), 2, 0, 0]]),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(
      7,
      functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]),
    ),
    ...section(10, bodies),
  ]);
}
