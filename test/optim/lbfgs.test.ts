import { describe, expect, it } from "vitest";
import { lbfgs, type Objective } from "../../src/optim/lbfgs.js";

const options = { tolerance: 1e-9, maxIterations: 200 };

const rosenbrock: Objective = ([x = 0, y = 0]) => ({
  value: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
  gradient: Float64Array.of(-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
});

describe("lbfgs", () => {
  it("finds the end of Rosenbrock's valley", () => {
    const { point, value, converged, evaluations } = lbfgs(rosenbrock, Float64Array.of(-1.2, 1), options);
    expect(converged).toBe(true);
    expect(point[0]).toBeCloseTo(1, 8);
    expect(point[1]).toBeCloseTo(1, 8);
    expect(value).toBeLessThan(1e-16);
    expect(evaluations).toBeLessThan(60); // scipy: 46
  });

  it("solves a badly scaled quadratic with more variables than memory", () => {
    const scale = Float64Array.from({ length: 40 }, (_, i) => 10 ** (i / 10));
    const quadratic: Objective = (x) => ({
      value: x.reduce((sum, value, i) => sum + 0.5 * (scale[i] as number) * (value - i) ** 2, 0),
      gradient: x.map((value, i) => (scale[i] as number) * (value - i)),
    });
    const found = lbfgs(quadratic, new Float64Array(40), { tolerance: 1e-6, maxIterations: 1000 });
    expect(found.converged).toBe(true); // scipy: 632 iterations
    expect(found.iterations).toBeLessThan(800);
    for (const [i, value] of found.point.entries()) expect(value).toBeCloseTo(i, 5);
  });

  it("steps back from where the function is not defined", () => {
    const barrier: Objective = ([x = 0]) => ({ value: x - Math.log(x), gradient: Float64Array.of(1 - 1 / x) });
    const found = lbfgs(barrier, Float64Array.of(0.01), options);
    expect(found.converged).toBe(true);
    expect(found.point[0]).toBeCloseTo(1, 8);
  });

  it("never returns a higher value than at the start, and says when the iterations ran out", () => {
    const start = Float64Array.of(-1.2, 1);
    let before = rosenbrock(start).value;
    for (let maxIterations = 1; maxIterations <= 8; maxIterations++) {
      const found = lbfgs(rosenbrock, start, { ...options, maxIterations });
      expect(found).toMatchObject({ converged: false, iterations: maxIterations });
      expect(found.value).toBeLessThan(before);
      before = found.value;
    }
    expect([...start]).toEqual([-1.2, 1]);
  });

  it("stops at once at a minimum, and gives up where no step goes down", () => {
    expect(lbfgs(rosenbrock, Float64Array.of(1, 1), options)).toMatchObject({
      iterations: 0,
      evaluations: 1,
      converged: true,
    });
    const lying: Objective = ([x = 0]) => ({ value: x * x, gradient: Float64Array.of(-1) });
    expect(lbfgs(lying, Float64Array.of(1), options)).toMatchObject({ value: 1, converged: false });
  });
});
