/** Parts that have a tolerance of their own (test/reference/README.md). */
type Kind = "loss" | "parts" | "outputs" | "gradients" | "steps" | "parameters" | "buffers";

/** What rounding may do where a network hardly amplifies it. */
const floors: Readonly<Record<Kind, number>> = {
  loss: 1e-5,
  parts: 1e-5,
  outputs: 1e-5,
  steps: 1e-5,
  gradients: 1e-4,
  parameters: 1e-4,
  buffers: 1e-4,
};

/** How many times the rounding that was seen may be passed. */
const margin = 3;

/** Which part a tensor of the layout belongs to. */
export function kindOf(name: string): Kind {
  if (name.startsWith("after/")) return /running_(mean|var)$/.test(name) ? "buffers" : "parameters";
  if (name.startsWith("grad/")) return "gradients";
  if (name.startsWith("part/")) return "parts";
  if (name === "loss") return "loss";
  return name === "steps.loss" ? "steps" : "outputs";
}

/**
 * How far off a tensor may be. A mask may not.
 * @param declared by part, and by name for single tensors: what the file says
 * @param measure where the file says nothing, called once: differences by name that are nothing but rounding
 */
export function tolerancesOf(
  declared: Readonly<Record<string, number>> | undefined,
  measure: () => readonly ReadonlyMap<string, number>[],
): (name: string) => number {
  let known = declared;
  return (name) => {
    if (name === "out/mask") return 0;
    known ??= fromRounding(measure());
    return known[name] ?? known[kindOf(name)] ?? floors[kindOf(name)];
  };
}

function fromRounding(runs: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const widest: Record<string, number> = { ...floors };
  for (const [name, apart] of runs.flatMap((run) => [...run]))
    widest[kindOf(name)] = Math.max(widest[kindOf(name)] ?? 0, margin * apart);
  return widest;
}
