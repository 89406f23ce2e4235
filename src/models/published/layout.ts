/** What a model or a method says of the checkpoints that other people's programs read and write. */
import { CheckpointError } from "../../engine/errors.js";
import type { Size } from "../../nn/patches.js";
import type { ImageShape, Pool } from "../encoder.js";
import type { TensorFile } from "./files.js";
import { type Tensors, tensorSource } from "./tensors.js";
import { imageSizeTold, type Normalization } from "./told.js";

/** What is known from elsewhere: from the person who asks. It wins over what the file tells. */
export interface ReadHints {
  /** Attention heads. */
  readonly heads?: number | undefined;
  readonly decoderHeads?: number | undefined;
  /** Of the pictures that it was trained on. */
  readonly imageSize?: Size | undefined;
  /** Where a file holds student and teacher: the teacher, or not; what its authors judge if absent. */
  readonly teacher?: boolean | undefined;
}

/** A configuration, as far as it follows from a file; keys that are not there have their defaults. */
export type Described = { readonly name: string } & Readonly<Record<string, unknown>>;

/** The classifier on top of an encoder. */
export interface ClassifierShape {
  readonly classes: number;
  readonly pool: Pool;
}

/** A model as a layout finds it in a file. */
export interface Reading {
  /** The layout's name. */
  readonly layout: string;
  /** The model's configuration. */
  readonly model: Described;
  /** Keys of it that shapes do not show and nothing tells: they were assumed. */
  readonly guessed: readonly string[];
  readonly image: ImageShape;
  /** The encoder's, under the names of its state; a classifier's too: `head.weight`, `head.bias`, `fc_norm.…`. */
  readonly tensors: Tensors;
  /** Names of the encoder's state that a file of this kind may lack. */
  readonly optional?: readonly string[];
  readonly classifier?: ClassifierShape;
  /** How its features are pooled, where that is not the encoder's usual way. */
  readonly pool?: Pool;
  /** How pictures become numbers, where the code that reads such files does it always in one way. */
  readonly normalization?: Normalization;
  /** The method whose parts are in the file too, and these parts under the names of its state. */
  readonly method?: Described;
  readonly rest?: Tensors;
  /** What had to be assumed, in words, each with the flag that says otherwise. */
  readonly assumed: readonly string[];
  /** What is in the file and is not read, with the reason. */
  readonly dropped: readonly string[];
}

/** A model that is to be written. */
export interface Writable
  extends Omit<Reading, "layout" | "guessed" | "assumed" | "dropped" | "optional" | "normalization"> {
  readonly path: string;
  /** Names of the classifier's classes, where they are known. */
  readonly classes: readonly string[] | undefined;
  readonly normalization: Normalization | undefined;
}

/** What a layout makes of a model. */
export interface Written {
  /** Under their names, in their order. */
  readonly tensors: Tensors;
  /** config.json of a folder. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What has no place in it, with the reason. */
  readonly dropped: readonly string[];
}

/** A layout of checkpoints. Models and methods each have their own; several may share a name, such as `timm`. */
export interface Layout {
  /** As `lacuna convert --to` names it. */
  readonly name: string;
  /** A file of torch.save, of safetensors, or a folder of transformers. */
  readonly form: "pth" | "safetensors" | "folder";
  /** Where a .pth keeps the tensors; at the top if absent. */
  readonly under?: string;
  /** Whether a .pth has several dictionaries side by side, each named by what stands before the first dot of a tensor's name. */
  readonly tables?: boolean;
  /** Patterns of names that stand in every such file exactly once: what is before one is a wrapper's. */
  readonly anchors: readonly string[];
  /**
   * Undefined for a file of another layout. @param inner reads what a method found inside: by the layouts of models
   * @throws CheckpointError for names or sizes that would compute something else
   */
  read(file: TensorFile, hints: ReadHints, inner: (view: TensorFile, hints: ReadHints) => Reading): Reading | undefined;
  /** Undefined for a model that is not of this layout. @throws CheckpointError where the layout would compute something else */
  write(model: Writable): Written | undefined;
}

/** A file of other names: what a method finds inside another file. */
export function viewOf(file: TensorFile, tensors: Tensors): TensorFile {
  return { ...file, ...tensorSource(tensors, file.path), prefix: "", besides: [] };
}

/** `decoder, 20 tensors: ViT has no decoder`, for parts that a layout has no place for; nothing where there are none. */
export function lost(part: string, count: number, reason: string): string[] {
  return count === 0 ? [] : [`${part}, ${count} tensors: ${reason}`];
}

/** The method's parts, for layouts of a model alone. @param what "a ViT" */
export function lostParts({ method, rest }: Pick<Writable, "method" | "rest">, what: string): string[] {
  return lost(`parts of ${method?.name ?? "a method"}`, rest?.size ?? 0, `${what} by itself has none`);
}

const usualSide = 224;

/** The size of the pictures, for models whose tensors do not show it: told, or `usual`, the side of ImageNet's if absent. */
export function imageOf(
  file: TensorFile,
  hints: ReadHints,
  usual = usualSide,
): { readonly imageSize: Size; readonly assumed: string[] } {
  const imageSize = hints.imageSize ?? imageSizeTold(file);
  if (imageSize !== undefined) return { imageSize, assumed: [] };
  return { imageSize: [usual, usual], assumed: [`pictures of ${usual} × ${usual} (--image-size says otherwise)`] };
}

/** For a tensor that a model does not have. @param what "this ResNet" */
export function unknownName(path: string, name: string, what: string, reason = ""): CheckpointError {
  const because = reason === "" ? "" : `: ${reason}, which ${what} does not have`;
  const remedy = "Leaving it out would change what the model computes.";
  return new CheckpointError({
    problem: `a tensor ${name} is not known${because}.`,
    code: "names",
    path,
    expected: `tensors of ${what}`,
    actual: name,
    remedy,
  });
}
