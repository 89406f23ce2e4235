/**
 * L-BFGS for smooth functions of a whole data set (Nocedal & Wright, Numerical Optimization, 2nd edition: two-loop
 * recursion, algorithm 7.4; line search for the strong Wolfe conditions, algorithms 3.5 and 3.6). Points are plain
 * arrays in float64: the work is in the objective, and nothing here depends on threads.
 */

/** A function's value and its gradient at a point. */
export type Objective = (point: Float64Array) => { readonly value: number; readonly gradient: Float64Array };

/** When L-BFGS stops, and how far back it looks. */
export interface LbfgsOptions {
  /** Stops once no entry of the gradient is larger. */
  readonly tolerance: number;
  readonly maxIterations: number;
  /** How many past steps shape the direction; 10 unless said. */
  readonly memory?: number;
}

/** Where L-BFGS ended. */
export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly iterations: number;
  readonly evaluations: number;
  /** False where the iterations ran out, or rounding left no step that goes down. */
  readonly converged: boolean;
}

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / ⟨step, change⟩ */
  readonly rho: number;
}

/** A point on the line that is searched. */
interface Trial {
  readonly length: number;
  readonly point: Float64Array;
  readonly value: number;
  readonly gradient: Float64Array;
  readonly slope: number;
}

const SUFFICIENT_DECREASE = 1e-4;
const CURVATURE = 0.9;
const MAX_TRIALS = 25;

/** Minimises a smooth function from `start` on. The last point is given also where it is no minimum: see `converged`. */
export function lbfgs(objective: Objective, start: Float64Array, options: LbfgsOptions): Minimum {
  const { tolerance, maxIterations, memory = 10 } = options;
  const pairs: Pair[] = [];
  let evaluations = 1;
  const counted: Objective = (point) => {
    evaluations++;
    return objective(point);
  };
  let here: Trial = { length: 0, point: start, ...objective(start), slope: 0 };
  for (let iterations = 0; ; iterations++) {
    const done = (converged: boolean): Minimum => ({
      point: here.point,
      value: here.value,
      iterations,
      evaluations,
      converged,
    });
    if (largest(here.gradient) <= tolerance) return done(true);
    if (iterations === maxIterations) return done(false);
    const direction = descent(here.gradient, pairs);
    // Without a past the gradient's length says nothing about the step: start with one of length 1 at most.
    const first = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(direction, direction))) : 1;
    const next = search(counted, here, direction, first);
    if (next === undefined) return done(false);
    remember(pairs, here, next, memory);
    here = next;
  }
}

function remember(pairs: Pair[], here: Trial, next: Trial, memory: number): void {
  const step = difference(next.point, here.point);
  const change = difference(next.gradient, here.gradient);
  const curvature = dot(step, change);
  if (!(curvature > 0)) return;
  pairs.push({ step, change, rho: 1 / curvature });
  if (pairs.length > memory) pairs.shift();
}

/** −H·gradient by the two-loop recursion. */
function descent(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((value) => -value);
  const weights: number[] = [];
  for (const { step, change, rho } of [...pairs].reverse()) {
    const weight = rho * dot(step, direction);
    addTo(direction, change, -weight);
    weights.unshift(weight);
  }
  const last = pairs.at(-1);
  if (last !== undefined) scale(direction, 1 / (last.rho * dot(last.change, last.change)));
  for (const [i, { step, change, rho }] of pairs.entries()) {
    addTo(direction, step, (weights[i] as number) - rho * dot(change, direction));
  }
  return direction;
}

/** A point that satisfies the strong Wolfe conditions; undefined where none that goes down was found. */
function search(objective: Objective, from: Trial, direction: Float64Array, first: number): Trial | undefined {
  const origin: Trial = { ...from, length: 0, slope: dot(from.gradient, direction) };
  if (!(origin.slope < 0)) return undefined;
  const at = (length: number): Trial => {
    const point = Float64Array.from(from.point);
    addTo(point, direction, length);
    const { value, gradient } = objective(point);
    return { length, point, value, gradient, slope: dot(gradient, direction) };
  };
  let previous = origin;
  let trial = at(first);
  for (let trials = 1; trials < MAX_TRIALS; trials++) {
    if (isTooHigh(trial, origin) || (trials > 1 && trial.value >= previous.value))
      return zoom(at, origin, previous, trial, trials);
    if (Math.abs(trial.slope) <= -CURVATURE * origin.slope) return trial;
    if (trial.slope >= 0) return zoom(at, origin, trial, previous, trials);
    previous = trial;
    trial = at(trial.length * 2);
  }
  return previous.value < origin.value ? previous : undefined;
}

/** Too little decrease for the length; NaN counts as too high. */
function isTooHigh(trial: Trial, origin: Trial): boolean {
  return !(trial.value <= origin.value + SUFFICIENT_DECREASE * trial.length * origin.slope);
}

/** Narrows an interval that holds a point to accept; `low` has the smallest value seen that decreases enough. */
function zoom(at: (length: number) => Trial, origin: Trial, low: Trial, high: Trial, used: number): Trial | undefined {
  for (let trials = used; trials < MAX_TRIALS; trials++) {
    const trial = at(between(low, high));
    if (isTooHigh(trial, origin) || trial.value >= low.value) {
      high = trial;
      continue;
    }
    if (Math.abs(trial.slope) <= -CURVATURE * origin.slope) return trial;
    if (trial.slope * (high.length - low.length) >= 0) high = low;
    low = trial;
  }
  return low.value < origin.value ? low : undefined;
}

/** The minimum of the cubic through both ends (equation 3.59), kept off the ends by a tenth of the interval. */
function between(low: Trial, high: Trial): number {
  const width = high.length - low.length;
  const d1 = low.slope + high.slope - (3 * (low.value - high.value)) / (low.length - high.length);
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - low.slope * high.slope);
  const cubic = high.length - (width * (high.slope + d2 - d1)) / (high.slope - low.slope + 2 * d2);
  const share = (cubic - low.length) / width;
  // NaN where the cubic has no minimum or an end is not finite: halve.
  return low.length + width * (Number.isFinite(share) ? Math.min(0.9, Math.max(0.1, share)) : 0.5);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
function addTo(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (source[i] as number);
}
function scale(target: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) * factor;
}
function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - (b[i] as number));
}
function largest(values: Float64Array): number {
  let found = 0;
  for (const value of values) found = Math.max(found, Math.abs(value));
  return found;
}
