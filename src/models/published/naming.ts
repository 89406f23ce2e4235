/** Names of another layout for ours, from a table that is read in both directions. */

/**
 * A pair of patterns. `{a}` stands for a number, and for the same one on both sides; a pattern that ends in a dot goes for all that
 * begins so, and what follows is kept.
 */
export type NamePair = readonly [ours: string, theirs: string];

export interface Naming {
  /** Their name -> ours; undefined for one that is in no pair. */
  ours(theirs: string): string | undefined;
  /** Our name -> theirs. */
  theirs(ours: string): string | undefined;
}

/** The first pair that fits decides. */
export function naming(pairs: readonly NamePair[]): Naming {
  const toOurs = pairs.map(([ours, theirs]) => rule(theirs, ours));
  const toTheirs = pairs.map(([ours, theirs]) => rule(ours, theirs));
  const by = (rules: readonly Rule[]) => (name: string) => {
    for (const apply of rules) {
      const found = apply(name);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return { ours: by(toOurs), theirs: by(toTheirs) };
}

type Rule = (name: string) => string | undefined;

function rule(from: string, to: string): Rule {
  const source = from.replaceAll(".", String.raw`\.`).replaceAll(/\{(\w)\}/g, String.raw`(?<$1>\d+)`);
  const pattern = new RegExp(`^${source}${from.endsWith(".") ? "(?<rest>.+)" : ""}$`);
  return (name) => {
    const groups = pattern.exec(name)?.groups;
    if (groups === undefined && !pattern.test(name)) return undefined;
    return to.replaceAll(/\{(\w)\}/g, (_, letter: string) => groups?.[letter] ?? "") + (groups?.["rest"] ?? "");
  };
}
