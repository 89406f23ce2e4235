/** Where a step's time went, by module and by operation, from the spans that were measured while it ran. */
import type { Span } from "../engine/record.js";

/** The parts of a step: modules' forward passes, autograd's nodes, and all else (the optimiser, norms, copies). */
export type Phase = "forward" | "backward" | "other";

interface Tally {
  /** Time spent in it and not in what it called, for operations; all of it, for modules. */
  seconds: number;
  /** Of the tensors that operations read and wrote, those made of others left out. */
  bytes: number;
  /** Of matrix products and attention. */
  multiplyAdds: number;
}

/** Time and work of one kind of operation, by libtorch's name. */
export interface OperationTime extends Readonly<Tally> {
  readonly name: string;
  readonly calls: number;
}

/** Time and work inside one module, forward and backward. */
export interface ModuleTime extends Readonly<Tally> {
  /** `encoder.blocks.0.attn`; empty for the whole model. */
  readonly path: string;
  readonly forwardSeconds: number;
  readonly backwardSeconds: number;
}

/** A box of a flame graph: its children took part of its time. */
export interface Flame {
  readonly name: string;
  seconds: number;
  readonly children: Flame[];
}

/** Where the time of a training step went, in seconds. */
export interface StepProfile {
  readonly seconds: number;
  readonly phases: Readonly<Record<Phase, number>>;
  readonly operations: readonly OperationTime[];
  readonly modules: readonly ModuleTime[];
  readonly flame: Flame;
}

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);

/** [… M K] × [… K N]: rows and width of the first, columns of the second. */
const times =
  (first: number) =>
  (shapes: Span["shapes"]): number =>
    product(shapes[first] ?? []) * (shapes[first + 1]?.at(-1) ?? 0);

/** q kᵀ or its like: every query with every key, over the width. The shapes of q and k stand at two places. */
const attention =
  (products: number, query: number) =>
  (shapes: Span["shapes"]): number =>
    products * product(shapes[query] ?? []) * (shapes[query + 1]?.at(-2) ?? 0);

/** Multiply-adds of the operations that are matrix products and not made of others that are, by libtorch's names. */
const multiplyAdds: Readonly<Record<string, (shapes: Span["shapes"]) => number>> = {
  "aten::mm": times(0),
  "aten::bmm": times(0),
  "aten::addmm": times(1),
  "aten::baddbmm": times(1),
  "aten::_scaled_dot_product_flash_attention_for_cpu": attention(2, 0),
  "aten::_scaled_dot_product_flash_attention_for_cpu_backward": attention(5, 1), // q kᵀ again, and four gradients' products
  "lacuna::linear": ([input = [], weight = []]) => product(input) * (weight[0] ?? 0),
  "lacuna::attention": ([qkv = []]) => (2 / 3) * product(qkv) * (qkv[1] ?? 0),
  "lacuna::block": ([x = []]) => 2 * product(x) * (x[1] ?? 0), // attention's; linear layers inside are operations of their own
};

/** Products of a kernel's node of autograd (native/kernels), which has no shapes, in multiples of its operation's. */
const backwardProducts: Readonly<Record<string, number>> = {
  "lacuna::linear": 2, // the gradients of input and weight
  "lacuna::attention": 5 / 2,
  "lacuna::block": 5 / 2,
};

const wrapped = "autograd::engine::evaluate_function: ";

/** As people know it: what autograd puts around a node is left out, and C++'s name of a node of ours. */
const plainName = (name: string): string =>
  name.replace(wrapped, "").replace(/^torch::autograd::CppNode<(\w+)::.*::(\w+)>$/, "$1::$2");

/** A span with what it caused itself. */
interface Node {
  readonly span: Span;
  readonly own: Tally;
  /** Module path of the forward pass that it belongs to. */
  readonly path: readonly string[];
  readonly phase: Phase;
}

/** @param seconds of the whole step, by the clock around it */
export function stepProfile(spans: readonly Span[], seconds: number): StepProfile {
  const nodes = placed(spans);
  const phases = { forward: 0, backward: 0, other: 0 };
  for (const { own, phase } of nodes) phases[phase] += own.seconds;
  const measured = phases.forward + phases.backward + phases.other;
  phases.other += Math.max(0, seconds - measured); // between operations: JavaScript
  return { seconds, phases, operations: byOperation(nodes), modules: byModule(nodes), flame: flameOf(nodes, seconds) };
}

/** Memory that is reserved and not yet written. */
const isEmpty = (name: string): boolean => /^aten::(new_)?empty/.test(name);

/** Gives every span its own time and its place in the model. */
function placed(spans: readonly Span[]): Node[] {
  const inside = new Float64Array(spans.length);
  for (const { parent, beginSeconds, endSeconds } of spans) {
    if (parent >= 0) inside[parent] = (inside[parent] as number) + (endSeconds - beginSeconds);
  }
  const paths = forwardPaths(spans);
  const made = madeBy(spans);
  const within = new Set(
    spans.filter(({ name }) => name.startsWith("aten::") && multiplyAdds[name]).map((one) => one.parent),
  );
  /** A kernel that leaves its products to libtorch has none of its own. */
  const productsOf = (i: number): number =>
    within.has(i) ? 0 : (multiplyAdds[spans[i]?.name ?? ""]?.(spans[i]?.shapes ?? []) ?? 0);
  const nodes: Node[] = [];
  for (const [i, span] of spans.entries()) {
    const above = nodes[span.parent];
    const phase = phaseOf(span, above);
    const origin = span.kind === "backward" ? made.get(span.sequence) : undefined;
    const path =
      phase === "forward"
        ? (paths[i] as string[])
        : origin === undefined
          ? [...(above?.path ?? []), ...(span.kind === "module" ? [span.name] : [])]
          : (paths[origin] as string[]);
    const seconds = span.endSeconds - span.beginSeconds - (inside[i] as number);
    const isNode = span.kind === "backward" && !span.name.startsWith(wrapped) && !within.has(i);
    const again = isNode ? (backwardProducts[spans[origin ?? -1]?.name ?? ""] ?? 0) : 0;
    const products = span.kind === "backward" ? again * productsOf(origin ?? -1) : productsOf(i);
    // What spends most of its time in others is made of them: they have the bytes.
    const moves =
      span.kind === "operation" && !isEmpty(span.name) && (seconds >= (inside[i] as number) || products > 0);
    const own = { seconds, bytes: moves ? span.bytes : 0, multiplyAdds: products };
    nodes.push({ span, own, path, phase });
  }
  return nodes;
}

/** A module is of the forward pass, but for the parts of one whose backward pass is one operation. */
function phaseOf({ kind }: Span, above: Node | undefined): Phase {
  if (above?.phase === "backward" || kind === "backward") return "backward";
  return above?.phase === "forward" || kind === "module" ? "forward" : "other";
}

/** The modules around each span, outermost first. */
function forwardPaths(spans: readonly Span[]): string[][] {
  const paths: string[][] = [];
  for (const { parent, kind, name } of spans) {
    const above = paths[parent] ?? [];
    paths.push(kind === "module" ? [...above, name] : above);
  }
  return paths;
}

/** Which operation made the node of a sequence number: the last to have it, since what is around it began earlier. */
function madeBy(spans: readonly Span[]): Map<number, number> {
  const made = new Map<number, number>();
  for (const [i, { kind, sequence }] of spans.entries())
    if (kind === "operation" && sequence >= 0) made.set(sequence, i);
  return made;
}

function add(to: Tally, { seconds, bytes, multiplyAdds: count }: Tally): void {
  to.seconds += seconds;
  to.bytes += bytes;
  to.multiplyAdds += count;
}

/** Operations by name, the costliest first. */
function byOperation(nodes: readonly Node[]): OperationTime[] {
  const found = new Map<string, { name: string; calls: number } & Tally>();
  for (const { span, own } of nodes) {
    if (span.kind === "module") continue;
    const name = plainName(span.name);
    const row = found.get(name) ?? { name, calls: 0, seconds: 0, bytes: 0, multiplyAdds: 0 };
    found.set(name, row);
    row.calls += 1;
    add(row, own);
  }
  return [...found.values()].sort((a, b) => b.seconds - a.seconds);
}

/** Modules in the order in which they first ran, each with all that lies below it. */
function byModule(nodes: readonly Node[]): ModuleTime[] {
  type Row = { path: string; forwardSeconds: number; backwardSeconds: number } & Tally;
  const found = new Map<string, Row>();
  for (const { own, path, phase } of nodes) {
    for (let depth = 1; depth <= path.length; depth++) {
      const key = path.slice(1, depth).join("."); // the first one is the model itself
      const row = found.get(key) ?? {
        path: key,
        forwardSeconds: 0,
        backwardSeconds: 0,
        seconds: 0,
        bytes: 0,
        multiplyAdds: 0,
      };
      found.set(key, row);
      add(row, own);
      if (phase !== "other") row[`${phase}Seconds`] += own.seconds;
    }
  }
  return [...found.values()];
}

/** Phases, in them modules, in them operations; what has the same name in the same place is one box. */
function flameOf(nodes: readonly Node[], seconds: number): Flame {
  const inOrder = ["forward", "backward", "other"].map((name): Flame => ({ name, seconds: 0, children: [] }));
  const root: Flame = { name: "step", seconds, children: inOrder };
  for (const { span, own, path, phase } of nodes) {
    const operation = span.kind === "module" ? [] : [plainName(span.name).replace(/^aten::/, "")];
    let at = root;
    for (const name of [phase, ...path, ...operation]) {
      let child = at.children.find((one) => one.name === name);
      if (child === undefined) {
        child = { name, seconds: 0, children: [] };
        at.children.push(child);
      }
      child.seconds += own.seconds;
      at = child;
    }
  }
  return root;
}
