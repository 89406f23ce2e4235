import { expect, test } from "vitest";
import { scope } from "../../../src/engine/scope.js";
import { KeyQueue } from "../../../src/methods/parts/queue.js";
import { full } from "../../../src/tensor/creation.js";
import { Rng } from "../../../src/tensor/random.js";
import { type Tensor, tensor } from "../../../src/tensor/tensor.js";
import { leavesNoTensors } from "../../engine/leaks.js";

leavesNoTensors();

/** Keys [N 2] that point in a direction which tells the step: angle = step / 1000. */
const keysOf = (step: number, N: number) =>
  tensor(
    Float32Array.from({ length: 2 * N }, (_, i) => 3 * (i % 2 === 0 ? Math.cos(step / 1000) : Math.sin(step / 1000))),
    [N, 2],
  );
/** The steps that the rows come from. */
const stepsIn = (queue: KeyQueue): number[] => {
  const numbers = queue.keys.toNumbers();
  return Array.from({ length: queue.length }, (_, i) =>
    Math.round(1000 * Math.atan2(numbers[2 * i + 1] ?? 0, numbers[2 * i] ?? 0)),
  );
};

function filled(length: number, N: number, steps: number): number[] {
  using queue = new KeyQueue(length, 2);
  queue.initialize(new Rng(0, "queue"));
  return scope(() => {
    for (let step = 0; step < steps; step++) queue.enqueue(keysOf(step, N), step);
    return stepsIn(queue);
  });
}

test("first values are unit rows", () => {
  using queue = new KeyQueue(50, 8);
  queue.initialize(new Rng(0, "queue"));
  const rows = queue.keys.toNumbers();
  for (let i = 0; i < 50; i++) expect(Math.hypot(...rows.slice(8 * i, 8 * i + 8))).toBeCloseTo(1, 5);
});

test("the oldest make room: 260 batches of 4 into 1,024 places", () => {
  const steps = filled(1024, 4, 260);
  expect(steps.slice(0, 16)).toEqual([256, 256, 256, 256, 257, 257, 257, 257, 258, 258, 258, 258, 259, 259, 259, 259]);
  expect(steps[16]).toBe(4);
});

test("a batch that does not fit at the end goes on at the beginning", () => {
  expect(filled(10, 4, 3)).toEqual([2, 2, 0, 0, 1, 1, 1, 1, 2, 2]);
});

test("of a batch that is larger than the queue its last keys stay", () => {
  expect(filled(3, 8, 2)).toEqual([1, 1, 1]);
});

test("rows are normalised, whatever comes", () => {
  using queue = new KeyQueue(4, 2);
  queue.initialize(new Rng(0, "queue"));
  scope(() => queue.enqueue(full([4, 2], 9), 0));
  for (const value of queue.keys.toNumbers()) expect(value).toBeCloseTo(Math.SQRT1_2, 6);
});

test("one that begins empty is full once every row has been written", () => {
  using queue = new KeyQueue(4, 3, "empty");
  queue.initialize(new Rng(0, "init"));
  scope(() => {
    const full = (): number => queue.isFull().item();
    expect(full()).toBe(0);
    const keys = (index: number): Tensor => new Rng(index, "keys", 0, [0, 1]).normal([3]);
    queue.enqueue(keys(0), 0);
    expect(full()).toBe(0);
    queue.enqueue(keys(1), 1);
    expect(full()).toBe(1);
  });
});
