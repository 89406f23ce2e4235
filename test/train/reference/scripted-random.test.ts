import { expect, test } from "vitest";
import { ShapeError } from "../../../src/engine/errors.js";
import { scope } from "../../../src/engine/scope.js";
import { Rng } from "../../../src/tensor/random.js";
import { tensor } from "../../../src/tensor/tensor.js";
import { ScriptedRng } from "../../../src/train/reference/scripted-random.js";

/** Two numbers for each of three samples. */
function withScript(body: (rng: ScriptedRng) => void): void {
  scope(() => {
    const written = tensor(Float32Array.from([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), [3, 2]);
    const draws = new Map([
      ["mask", written],
      ["layers/noise", written],
    ]);
    body(new ScriptedRng(draws, "", 0, [0, 1, 2]));
  });
}

const rounded = (values: number[]): number[] => values.map((value) => Math.round(10 * value) / 10);

test("numbers that are written down are given for their purpose, the rows of the samples asked for", () =>
  withScript((rng) => {
    expect(rounded(rng.fork("mask").uniform([2]).toNumbers())).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
    expect(rounded(rng.at(0, [2, 0]).fork("mask").uniform([2]).toNumbers())).toEqual([0.5, 0.6, 0.1, 0.2]);
    expect(rounded(rng.fork("layers").fork("noise").at(4).uniform([2]).toNumbers())).toHaveLength(6);
  }));

test("others are drawn by key", () =>
  withScript((rng) => {
    const plain = new Rng(0, "trim", 0, [0, 1, 2]);
    expect(rng.fork("trim").uniform([2]).toNumbers()).toEqual(plain.uniform([2]).toNumbers());
    expect(rng.fork("mask").normal([2]).toNumbers()).toEqual(new Rng(0, "mask", 0, [0, 1, 2]).normal([2]).toNumbers());
  }));

test("another shape than what is written is refused", () =>
  withScript((rng) => {
    const draw = () => rng.fork("mask").uniform([3]);
    expect(draw).toThrow(ShapeError);
    expect(draw).toThrow("numbers for mask are asked for as [3 3], [3 2] are written down.");
  }));
