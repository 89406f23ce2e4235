/** Graphs that a model or a method offers to other programs: inputs, outputs, and what a file says of them. */
import type { Module, Part } from "../nn/module.js";
import type { Size } from "../nn/patches.js";
import type { Tensor } from "../tensor/tensor.js";

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

/** A graph of a model that other programs can have: what is recorded, on which inputs, and which sides stay free. */
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

/** What such a graph is made of: an encoder that gives a map. */
interface MapEncoder extends Module<[Tensor], Tensor> {
  readonly channels: number;
  readonly imageSize: Size;
  features(image: Tensor): Tensor;
}

/** The graph `encoder` of an encoder of maps; names of inputs and outputs are Hugging Face's. @param pooled what `features` is */
export function encoderOfMaps(encoder: MapEncoder, pooled: string): ExportGraph {
  return {
    name: "encoder",
    module: encoder as Part,
    inputs: [{ name: "pixel_values", shape: ["batch", encoder.channels, ...encoder.imageSize], dtype: "float32" }],
    run: (image) => ({
      last_hidden_state: encoder.call(image as Tensor),
      pooler_output: encoder.features(image as Tensor),
    }),
    probes: { batch: [2, 3, 5] },
    descriptions: {
      pixel_values: "pictures, normalised as the metadata's preprocessing says",
      last_hidden_state: "the last stage's map, channels first",
      pooler_output: pooled,
    },
  };
}
