/**
 * Whole numbers that may depend on the free dimensions of a recording: `1 + kept`, `batch`, `196 − kept`. A polynomial
 * that is linear in each free dimension: monomial -> coefficient, the constant under "".
 */
export type Dimension = ReadonlyMap<string, number>;
/** Sizes of the free dimensions in one recording: `{ batch: 2, kept: 5 }`. */
export type Sizes = Readonly<Record<string, number>>;

export function fixed(value: number): Dimension {
  return new Map([["", value]]);
}

export function free(name: string): Dimension {
  return new Map([[name, 1]]);
}

/** The number itself where nothing free is in it. */
export function constantOf(dimension: Dimension): number | undefined {
  const terms = [...dimension].filter(([, coefficient]) => coefficient !== 0);
  if (terms.length === 0) return 0;
  const [[monomial, value] = ["", 0]] = terms;
  return terms.length === 1 && monomial === "" ? value : undefined;
}

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return dimensionText(a) === dimensionText(b);
}

/** `1 + kept`; terms in a fixed order, so that equal dimensions read alike. */
export function dimensionText(dimension: Dimension): string {
  const terms = [...dimension].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (terms.length === 0) return "0";
  return terms
    .map(([monomial, coefficient], i) => {
      const size = Math.abs(coefficient);
      const sign = coefficient < 0 ? (i === 0 ? "-" : " - ") : i === 0 ? "" : " + ";
      return `${sign}${monomial === "" ? size : size === 1 ? monomial : `${size}*${monomial}`}`;
    })
    .join("");
}

/** The names in a monomial: `batch*kept` -> batch, kept. */
export function factorsOf(monomial: string): string[] {
  return monomial === "" ? [] : monomial.split("*");
}

export function valueAt(dimension: Dimension, sizes: Sizes): number {
  let sum = 0;
  for (const [monomial, coefficient] of dimension)
    sum += coefficient * factorsOf(monomial).reduce((product, name) => product * (sizes[name] ?? Number.NaN), 1);
  return sum;
}

/** Every corner of the box between two sizes of each free dimension, the lowest first. */
export function corners(names: readonly string[], low: Sizes, high: Sizes): Sizes[] {
  return Array.from({ length: 2 ** names.length }, (_, corner) =>
    Object.fromEntries(names.map((name, i) => [name, ((corner >> i) & 1 ? high : low)[name] ?? 0])),
  );
}

/**
 * The polynomial through the values at all corners, in the order of `corners`; undefined where a coefficient is no whole
 * number: then the value depends on the free dimensions in some other way.
 */
export function interpolate(
  names: readonly string[],
  low: Sizes,
  high: Sizes,
  values: readonly number[],
): Dimension | undefined {
  const found = new Map<string, number>();
  for (let subset = 0; subset < values.length; subset++) {
    const chosen = names.filter((_, i) => (subset >> i) & 1);
    const span = chosen.reduce((product, name) => product * ((high[name] ?? 0) - (low[name] ?? 0)), 1);
    addProduct(found, chosen, low, difference(values, subset) / span);
  }
  return [...found.values()].every(Number.isInteger) ? found : undefined;
}

/** Alternating sum over the corners below `subset`: a mixed finite difference. */
function difference(values: readonly number[], subset: number): number {
  let sum = 0;
  for (let corner = subset; ; corner = (corner - 1) & subset) {
    const isEven = bits(subset ^ corner) % 2 === 0;
    sum += (isEven ? 1 : -1) * (values[corner] ?? 0);
    if (corner === 0) return sum;
  }
}

function bits(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}

/** Adds `coefficient` × Π (name − low) to the polynomial, multiplied out. */
function addProduct(into: Map<string, number>, names: readonly string[], low: Sizes, coefficient: number): void {
  for (let subset = 0; subset < 2 ** names.length; subset++) {
    const kept = names.filter((_, i) => (subset >> i) & 1);
    const rest = names.filter((_, i) => !((subset >> i) & 1));
    const term = rest.reduce((product, name) => product * -(low[name] ?? 0), coefficient);
    const monomial = kept.join("*");
    into.set(monomial, (into.get(monomial) ?? 0) + term);
  }
}
