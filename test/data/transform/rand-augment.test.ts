import { expect, test } from "vitest";
import { KeyedRandom } from "../../../src/data/random.js";
import { operations, randAugment } from "../../../src/data/transform/rand-augment.js";
import { transformStepSchema } from "../../../src/data/views.js";
import { picture } from "../transform-numbers.js";
import { digest, inputOf, numbers } from "./augment-numbers.js";

const step = transformStepSchema.parse({ type: "randAugment" });
if (step.type !== "randAugment") throw new Error("another step");

test.each(operations.map(({ name }, i) => [name, i] as const))(
  "%s equals timm's at every magnitude and sign, in colour and grey",
  (name, index) => {
    const cases = numbers.operations.filter(({ operation }) => operation === index);
    expect(cases.length).toBe(operations[index]?.signed === true ? 60 : 30);
    for (const stored of cases) {
      const { magnitude, sign, input, sha256 } = stored;
      const fill = input[2] === 3 ? step.fill : [117];
      const result = operations[index]?.apply(inputOf(stored), { level: sign * (magnitude / 10), fill });
      expect(result && digest(result), `${name} ${sign * magnitude} of ${input.join(" ")}`).toBe(sha256);
    }
  },
);

/** Gives what timm drew, and knows when something else is asked for. */
class Replayed extends KeyedRandom {
  #next = 0;
  constructor(private readonly draws: readonly (readonly [string, number])[]) {
    super({ seed: 0, purpose: "", epoch: 0, sample: 0 });
  }
  #take(kind: string): number {
    const [found, value] = this.draws[this.#next++] ?? ["nothing", 0];
    expect(found).toBe(kind);
    return value;
  }
  override uniform = (): number => this.#take("uniform");
  override normal = (): number => this.#take("normal");
  override integer = (): number => this.#take("integer");
  get left(): number {
    return this.draws.length - this.#next;
  }
}

test("timm's rand-m9-mstd0.5-inc1 for the same draws, 40 pictures", () => {
  const applied = numbers.augmented.filter(({ draws }) => draws.length > 4);
  expect(applied.length).toBeGreaterThan(20);
  for (const stored of numbers.augmented) {
    const random = new Replayed(stored.draws);
    expect(digest(randAugment(inputOf(stored), step, random)), JSON.stringify(stored.draws)).toBe(stored.sha256);
    expect(random.left).toBe(0);
  }
});

test("how often operations are applied; the same key, the same picture", () => {
  const input = picture(8, 8, 3, 1);
  const keyed = (sample: number): KeyedRandom => new KeyedRandom({ seed: 1, purpose: "view:image", epoch: 0, sample });
  const untouched = Array.from({ length: 1000 }, (_, i) => randAugment(input, step, keyed(i))).filter(
    (result) => result === input,
  );
  expect(Math.abs(untouched.length - 250)).toBeLessThan(60); // two halves; the deviation is 13.7
  expect(randAugment(input, step, keyed(3)).data).toEqual(randAugment(input, step, keyed(3)).data);
});
