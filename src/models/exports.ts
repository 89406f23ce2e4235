/** Graphs that a model or a method offers to other programs: inputs, outputs, and what a file says of them. */
import type { Tensor } from "../tensor/tensor.js";
import type { Part } from "./encoder.js";

/** A tensor that a graph is given. Sides that are words are free: "batch". */
export interface GraphInput {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly dtype: "float32" | "int64";
}

/** An output that is read out of the middle of the graph. */
export interface GraphTap {
  readonly name: string;
  /** The module below the graph's, by its path. */
  readonly module: string;
  /** One operation inside it (its schema's name); the module's own output if absent. */
  readonly op?: string;
}

export interface ExportGraph {
  /** `encoder`, `masked-autoencoder`. */
  readonly name: string;
  /** Whose parameters the graph holds. */
  readonly module: Part;
  readonly inputs: readonly GraphInput[];
  /** inputs in their order -> outputs by name */
  run(...inputs: Tensor[]): Readonly<Record<string, Tensor>>;
  /** For each free side the three sizes at which the graph is recorded and checked. */
  readonly probes: Readonly<Record<string, readonly [number, number, number]>>;
  readonly taps?: readonly GraphTap[];
  /** One line for each input and output. */
  readonly descriptions: Readonly<Record<string, string>>;
}
