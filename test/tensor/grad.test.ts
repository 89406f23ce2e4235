import { afterEach, describe, expect, test } from "vitest";
import { StateError } from "../../src/engine/errors.js";
import { autocast, gradEnabled, noGrad } from "../../src/engine/modes.js";
import { record } from "../../src/engine/record.js";
import { liveTensors, scope } from "../../src/engine/scope.js";
import { cat } from "../../src/tensor/creation.js";
import { backward, checkpoint, dropCheckpoints, gradients, isRecomputing } from "../../src/tensor/grad.js";
import { Rng } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { leavesNoTensors } from "../engine/leaks.js";

const rng = new Rng(11);
const random = (purpose: string, ...shape: number[]): Tensor => rng.fork(purpose).normal(shape).select(0, 0);
const parameter = (purpose: string, ...shape: number[]): Tensor =>
  random(purpose, ...shape)
    .clone()
    .setRequiresGrad(true);

type Layer = (x: Tensor) => Tensor;
type Wrap = (body: Layer, x: Tensor) => Tensor;
const plainly: Wrap = (body, x) => body(x);
const checkpointed: Wrap = (body, x) => checkpoint(body, x);
/** A module's call: what is made inside and not returned is freed on the way out. */
const called =
  (wrap: Wrap): Wrap =>
  (body, x) =>
    scope(() => wrap((y) => scope(() => body(y)), x));

const layer =
  (weight: Tensor): Layer =>
  (x) =>
    x.matmul(weight).tanh();

/** Gradients of the loss for each parameter, as bytes: equal means equal bit for bit. */
function bits(parameters: Tensor[], loss: () => Tensor): Uint8Array[] {
  return scope(() => {
    backward(loss());
    return parameters.map((p) => {
      const bytes = p.grad?.toBytes() ?? new Uint8Array();
      p.grad = undefined;
      return bytes;
    });
  });
}

/** Float values of the same, for forms in which the order of additions differs. */
const values = (parameters: Tensor[], loss: () => Tensor): number[] =>
  bits(parameters, loss).flatMap((bytes) => Array.from(new Float32Array(bytes.buffer)));

function expectClose(actual: number[], expected: number[], tolerance = 1e-6): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs((actual[i] as number) - value)).toBeLessThanOrEqual(tolerance * largest);
  });
}

describe("backward and gradients", () => {
  leavesNoTensors();

  test("gradients are added, until they are taken away", () =>
    scope(() => {
      const x = parameter("x", 2);
      for (let i = 1; i <= 3; i++) {
        backward(x.mul(2).sum());
        expect(x.grad?.toNumbers()).toEqual([2 * i, 2 * i]);
      }
      x.grad = undefined;
      expect(x.grad).toBeUndefined();
    }));

  test("gradients() adds nothing anywhere, and says which inputs had no part", () =>
    scope(() => {
      const [x, y] = [parameter("x", 2), parameter("y", 2)];
      const [dx, dy] = gradients([x.mul(3).sum()], [x, y]);
      expect(dx?.toNumbers()).toEqual([3, 3]);
      expect(dy).toBeUndefined();
      expect(x.grad).toBeUndefined();
    }));

  test("gradients() with respect to what lies in between, of several outputs, with weights", () =>
    scope(() => {
      const x = parameter("x", 2);
      const y = x.mul(2);
      const ones = y.detach().mul(0).add(1);
      const [dy] = gradients([y.mul(3), y.mul(4)], [y], [ones, ones.mul(10)]);
      expect(dy?.toNumbers()).toEqual([43, 43]);
    }));

  test("backward leaves nothing alive but gradients", () =>
    scope(() => {
      const x = parameter("x", 2);
      const loss = x.exp().sum();
      const before = liveTensors();
      backward(loss);
      expect(liveTensors()).toBe(before);
    }));
});

describe("checkpoint", () => {
  leavesNoTensors();
  afterEach(dropCheckpoints);

  const chain = (wrap: Wrap, weights: Tensor[], x: Tensor): Tensor =>
    weights.reduce((h, weight) => wrap(layer(weight), h), x).sum();

  test.each([1, 2, 5])("a chain of %i segments gives the gradients of plain backward, bit for bit", (length) =>
    scope(() => {
      const weights = Array.from({ length }, (_, i) => parameter(`w${i}`, 4, 4));
      const x = parameter("x", 3, 4);
      const all = [...weights, x];
      const expected = bits(all, () => chain(plainly, weights, x));
      expect(bits(all, () => chain(checkpointed, weights, x))).toEqual(expected);
      expect(bits(all, () => chain(called(checkpointed), weights, x))).toEqual(expected);
    }),
  );

  test("an input that wants no gradient (a picture)", () =>
    scope(() => {
      const weights = [parameter("w0", 4, 4), parameter("w1", 4, 4)];
      const x = random("x", 3, 4);
      expect(bits(weights, () => chain(checkpointed, weights, x))).toEqual(
        bits(weights, () => chain(plainly, weights, x)),
      );
    }));

  test("what a segment is given besides its input lives until backward, though its scope has ended", () =>
    scope(() => {
      const [a, x] = [parameter("a", 4, 4), random("x", 3, 4)];
      const masked: (input: Tensor, ...others: Tensor[]) => Tensor = (input, mask) =>
        layer(a)(input.mul(mask as Tensor));
      const loss = (wrap: typeof checkpoint) => () => scope(() => wrap(masked, x, random("mask", 3, 1).abs())).sum();
      expect(bits([a], loss(checkpoint))).toEqual(
        bits(
          [a],
          loss((body, ...given) => body(...given)),
        ),
      );
    }));

  test("only the second run of a segment is said to be one", () =>
    scope(() => {
      const [a, x] = [parameter("a", 4, 4), random("x", 3, 4)];
      const runs: boolean[] = [];
      const watched = (input: Tensor): Tensor => {
        runs.push(isRecomputing());
        return layer(a)(input);
      };
      backward(checkpoint(watched, x).sum());
      expect([...runs, isRecomputing()]).toEqual([false, true, false]);
      a.grad = undefined;
    }));

  test("segments with plain operations before, between and after", () =>
    scope(() => {
      const [a, b, c] = [parameter("a", 4, 4), parameter("b", 4, 4), parameter("c", 4, 4)];
      const x = random("x", 3, 4);
      const loss = (wrap: Wrap) => () =>
        wrap(layer(c), wrap(layer(a), x.matmul(b)).mul(0.5).softmax(-1))
          .exp()
          .mean();
      expect(bits([a, b, c], loss(checkpointed))).toEqual(bits([a, b, c], loss(plainly)));
    }));

  test("residuals around segments: their inputs are used elsewhere too", () =>
    scope(() => {
      const weights = Array.from({ length: 4 }, (_, i) => parameter(`w${i}`, 4, 4));
      const x = parameter("x", 3, 4);
      const loss = (wrap: Wrap) => () => weights.reduce((h, weight) => h.add(wrap(layer(weight), h)), x).sum();
      const expected = values([...weights, x], loss(plainly));
      expectClose(values([...weights, x], loss(checkpointed)), expected);
      expectClose(values([...weights, x], loss(called(checkpointed))), expected);
    }));

  test("a segment's output is used twice, a branch joins", () =>
    scope(() => {
      const [a, b, c] = [parameter("a", 4, 4), parameter("b", 4, 4), parameter("c", 4, 4)];
      const x = random("x", 3, 4);
      const loss = (wrap: Wrap) => () => {
        const h = wrap(layer(a), x);
        return cat([wrap(layer(b), h), wrap(layer(c), h.mul(2)), h], 0)
          .pow(2)
          .sum();
      };
      expectClose(values([a, b, c], loss(checkpointed)), values([a, b, c], loss(plainly)));
    }));

  test("parameters shared between segments, and with the part outside", () =>
    scope(() => {
      const w = parameter("w", 4, 4);
      const x = random("x", 3, 4);
      const loss = (wrap: Wrap) => () =>
        wrap(layer(w), wrap(layer(w), x.matmul(w)))
          .matmul(w)
          .sum();
      expectClose(values([w], loss(checkpointed)), values([w], loss(plainly)));
    }));

  test("a segment within a segment", () =>
    scope(() => {
      const [a, b, c] = [parameter("a", 4, 4), parameter("b", 4, 4), parameter("c", 4, 4)];
      const x = random("x", 3, 4);
      const loss = (wrap: Wrap) => () =>
        wrap((y) => wrap(layer(c), wrap(layer(b), layer(a)(y))), wrap(layer(a), x)).sum();
      const expected = values([a, b, c], loss(plainly));
      expectClose(values([a, b, c], loss(checkpointed)), expected);
      expectClose(values([a, b, c], loss(called(checkpointed))), expected);
    }));

  test("a frozen segment passes the gradient on; a frozen one of data has none", () =>
    scope(() => {
      const [a, frozen] = [parameter("a", 4, 4), random("f", 4, 4)];
      const x = random("x", 3, 4);
      const loss = (wrap: Wrap) => () => wrap(layer(frozen), wrap(layer(a), wrap(layer(frozen), x))).sum();
      expect(bits([a], loss(checkpointed))).toEqual(bits([a], loss(plainly)));
    }));

  test("a segment that has no part in the loss", () =>
    scope(() => {
      const [a, b] = [parameter("a", 4, 4), parameter("b", 4, 4)];
      const x = random("x", 3, 4);
      const [da, db] = bits([a, b], () => {
        checkpoint(layer(b), x);
        return checkpoint(layer(a), x).sum();
      });
      expect(da?.length).toBeGreaterThan(0);
      expect(db?.length).toBe(0);
    }));

  test.each(["bfloat16", "float32"] as const)(
    "under autocast to %s, backward inside or outside of the region",
    (dtype) =>
      scope(() => {
        const weights = [parameter("w0", 8, 8), parameter("w1", 8, 8), parameter("w0", 8, 8)];
        const x = random("x", 3, 8);
        const forward = (wrap: Wrap) => () => autocast(dtype, () => chain(wrap, weights, x));
        const expected = bits(weights, forward(plainly));
        expect(bits(weights, forward(checkpointed))).toEqual(expected);
        expect(autocast(dtype, () => bits(weights, forward(checkpointed)))).toEqual(expected);
      }),
  );

  test("without autocast in the forward pass there is none in the second one", () =>
    scope(() => {
      const weights = [parameter("w0", 8, 8)];
      const x = random("x", 3, 8);
      const expected = bits(weights, () => chain(plainly, weights, x));
      const loss = chain(checkpointed, weights, x);
      expect(autocast("bfloat16", () => bits(weights, () => loss))).toEqual(expected);
    }));

  test("autocast's copies of a weight made without gradients are not used with them", () =>
    scope(() => {
      const w = parameter("w", 8, 8);
      const x = random("x", 3, 8);
      const both = (): Tensor =>
        autocast("bfloat16", () => {
          noGrad(() => x.matmul(w));
          return x.matmul(w).sum();
        });
      const alone = (): Tensor => autocast("bfloat16", () => x.matmul(w).sum());
      expect(bits([w], both)).toEqual(bits([w], alone));
      const shared = (wrap: Wrap) => () => autocast("bfloat16", () => layer(w)(wrap(layer(w), x)).sum());
      // One copy of the weight adds its gradients up in bfloat16, two copies do so in float32.
      expectClose(values([w], shared(checkpointed)), values([w], shared(plainly)), 1e-2);
    }));

  test("keyed random numbers are the same the second time", () =>
    scope(() => {
      const w = parameter("w", 4, 4);
      const x = random("x", 3, 4);
      const dropped: Layer = (y) => y.matmul(w).mul(random("mask", 3, 4).gt(0).to("float32"));
      expect(bits([w], () => checkpoint(dropped, x).sum())).toEqual(bits([w], () => dropped(x).sum()));
    }));

  test("keeps none of the body's tensors until backward, and none after", () =>
    scope(() => {
      const weights = Array.from({ length: 5 }, (_, i) => parameter(`w${i}`, 4, 4));
      const x = random("x", 3, 4);
      const before = liveTensors();
      const loss = chain(checkpointed, weights, x);
      expect(liveTensors() - before).toBeLessThanOrEqual(3 * weights.length + 1); // output, and two held
      backward(loss);
      expect(liveTensors() - before).toBeLessThanOrEqual(weights.length + 1);
    }));

  test("inside noGrad and while recording it is the body itself", () =>
    scope(() => {
      const w = parameter("w", 4, 4);
      const x = random("x", 3, 4);
      const before = liveTensors();
      noGrad(() => scope(() => void checkpoint(layer(w), x)));
      expect(liveTensors()).toBe(before);
      const { result, recording } = record(() => checkpoint(layer(w), x));
      expect(recording.steps.map(({ op }) => op)).toEqual(["matmul", "tanh"]);
      expect(result.requiresGrad).toBe(true);
      expect(gradients([result.sum()], [w])[0]?.shape).toEqual([4, 4]);
    }));

  test("dropCheckpoints forgets a forward pass and frees what it held", () =>
    scope(() => {
      const w = parameter("w", 4, 4);
      const before = liveTensors();
      scope(() => void checkpoint(layer(w), random("x", 3, 4)));
      expect(liveTensors()).toBe(before + 2);
      dropCheckpoints();
      expect(liveTensors()).toBe(before);
      backward(w.sum());
      expect(w.grad?.toNumbers()).toEqual(new Array(16).fill(1));
    }));

  test("gradients() refuses to leave segments out", () =>
    scope(() => {
      const w = parameter("w", 4, 4);
      const loss = checkpoint(layer(w), random("x", 3, 4)).sum();
      expect(() => gradients([loss], [w])).toThrow(StateError);
      expect(() => gradients([loss], [w])).toThrow("gradients() does not see checkpointed segments. Run backward()");
    }));

  test("a failure in the second forward pass leaves modes, segments and memory as they were", () =>
    scope(() => {
      const w = parameter("w", 4, 4);
      let times = 0;
      const fails: Layer = (x) => {
        if (++times > 1) throw new Error("on purpose");
        return layer(w)(x);
      };
      const before = liveTensors();
      const attempt = (): void =>
        scope(() => backward(checkpoint(layer(w), checkpoint(fails, checkpoint(layer(w), random("x", 3, 4)))).sum()));
      expect(attempt).toThrow("on purpose");
      expect(liveTensors()).toBe(before);
      expect(gradEnabled()).toBe(true);
      w.grad = undefined;
      expect(gradients([w.sum()], [w])[0]?.toNumbers()[0]).toBe(1); // refused if a segment were left
    }));
});
