// Holds for every test: nothing is printed, and every tensor that was made is released.
import { afterAll, afterEach, beforeEach, expect } from "vitest";
import { isLoaded } from "../src/engine/binding.js";
import { liveTensors as countTensors } from "../src/engine/scope.js";

const methods = ["log", "info", "warn", "error", "debug", "trace"] as const;
let printed: string[] = [];
let before = 0;

for (const method of methods) {
  const original = console[method].bind(console);
  console[method] = (...values: unknown[]) => {
    printed.push(`console.${method}: ${values.map(String).join(" ")}`);
    original(...values); // shown too, since it is often what explains the failure
  };
}

// Before the addon is loaded no tensor lives.
const liveTensors = () => (isLoaded() ? countTensors() : 0);

function checkConsole(): void {
  const lines = printed;
  printed = [];
  if (lines.length > 0) throw new Error(`a test printed to the console:\n${lines.join("\n")}`);
}

beforeEach(() => {
  before = liveTensors();
});

afterEach(() => {
  const after = liveTensors();
  // Fewer is no leak: garbage of an earlier step may have been collected meanwhile.
  if (after > before) throw new Error(`a test left ${after - before} tensors alive (${before} before, ${after} after)`);
  checkConsole();
});

afterAll(checkConsole); // what was printed outside of tests: on import, in beforeAll

const bytesOf = (value: ArrayBufferView): Uint8Array =>
  new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

// Vitest compares arrays element by element through its whole machinery: a megabyte took a second. Same bytes of the same type are
// equal; where they differ, Vitest says where.
expect.addEqualityTesters([
  (a: unknown, b: unknown): true | undefined =>
    ArrayBuffer.isView(a) &&
    ArrayBuffer.isView(b) &&
    a.constructor === b.constructor &&
    Buffer.compare(bytesOf(a), bytesOf(b)) === 0
      ? true
      : undefined,
]);
