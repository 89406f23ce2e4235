import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { LoadedClassifier, LoadedModel } from "../../index.js";
import type { OnnxFile } from "../../public/export.js";
import type { ForeignHints, LoadOptions } from "../../public/models.js";
import { foreignOptions, loadOptions, poolOption } from "../config/foreign.js";
import { parseSource } from "../config/sources.js";
import { UsageError } from "../errors.js";
import { type Add, checkOut, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { bytes, quoted } from "../words.js";

interface OnnxWishes {
  readonly what?: "encoder" | "autoencoder" | "classifier";
  readonly precision: "fp32" | "fp16" | "int8";
  readonly layers: readonly number[];
  readonly attention: readonly number[];
  readonly license?: string;
}

interface Options extends OnnxWishes, ForeignHints, Pick<LoadOptions, "pool"> {
  readonly onnx?: string;
  readonly huggingFace?: string;
  readonly overwrite?: boolean;
  readonly page?: string;
  readonly examples?: string;
  readonly count: number;
  readonly title?: string;
}

/** It comes with the package. */
const guide = fileURLToPath(new URL("../../../docs/guide/export.md", import.meta.url));

/** `lacuna export <run> --onnx model.onnx`, `--hugging-face folder/`, `--page out/` */
export function exportCommand(program: Command, add: Add): void {
  const command = program
    .command("export")
    .summary("write what a run learned for other programs: ONNX, a page for browsers")
    .description(
      "Writes an ONNX file (opset 18, any batch size), whose metadata says how pictures are prepared. Or a folder that transformers and transformers.js load. Or a page: a folder that any web server " +
        "can serve, also without a network, on which visitors hide parts of a picture and see them filled in by their own browser.",
    )
    .argument("<model>", "a run folder or a checkpoint file")
    .option("--onnx <file>", "the file to write, a .onnx")
    .addOption(
      new Option(
        "--what <part>",
        "the encoder, the whole autoencoder with the mask as an input, or a fine-tuned classifier; default: the classifier of a run of finetune, else the encoder",
      ).choices(["encoder", "autoencoder", "classifier"]),
    )
    .addOption(
      new Option("--precision <p>", "of the weights: half the bytes, or a quarter of those of linear layers")
        .choices(["fp32", "fp16", "int8"])
        .default("fp32"),
    )
    .option("--layers <list>", "also the tokens after these blocks: 3,7,-1", blocks, [])
    .option("--attention <list>", "also the attention of these blocks", blocks, [])
    .option("--license <text>", "under which terms the weights, and a page's examples, may be used")
    .option("--hugging-face <folder>", "the encoder for transformers and transformers.js: weights, ONNX, a model card")
    .option("--overwrite", "replace a model in the folder of --hugging-face")
    .option("--page <folder>", "where a page goes; an earlier page there is replaced")
    .option(
      "--examples <pictures>",
      "of the page: a folder, a list, cifar10:test …; default: held-out pictures of the run",
    )
    .option("--count <n>", "how many examples; they are published with the page", wholeNumber, 24)
    .option("--title <text>", "what stands above the page");
  poolOption(foreignOptions(command));
  command.addHelpText("after", `\nEvery input and output of an ONNX file: ${guide}`);
  add<Options>(command, async (report, operands, options) => {
    await writeAll(report, operands[0] as string, options);
    return 0;
  });
}

/** Everything that was asked for. */
async function writeAll(report: Report, path: string, options: Options): Promise<void> {
  const { onnx: out } = options;
  if (out !== undefined) await checkOut(out, "--onnx", [".onnx"]);
  const { huggingFace } = options;
  if (out === undefined && options.page === undefined && huggingFace === undefined) throw nothingToWrite();
  const { checkRoom } = await import("../../public/export.js");
  if (options.page !== undefined) checkRoom(options.page); // before anything long begins
  using opened = await openFor(path, options);
  if ("assumed" in opened) for (const line of opened.assumed) report.line(`assumed: ${line}`);
  const written: Written[] = [];
  if (out !== undefined) written.push(await writeOnnx(opened, out, options));
  if ("encoder" in opened) {
    if (huggingFace !== undefined) written.push(await writeFolder(opened, huggingFace, options));
    if (options.page !== undefined) written.push(await writeAsPage(opened, options.page, options));
  }
  const all = Object.assign({}, ...written.map(({ result }) => result)) as Record<string, unknown>;
  report.result({ ...all, model: opened.path, step: opened.step }, () => {
    for (const each of written) each.tell(report);
  });
}

/** What was written, for programs and for people. */
interface Written {
  readonly result: Record<string, unknown>;
  tell(report: Report): void;
}

/** A classifier where one is asked for, or where it is all that there is and its ONNX all that is wanted; else the model. */
async function openFor(path: string, options: Options): Promise<LoadedModel | LoadedClassifier> {
  const { loadClassifier, loadModel } = await import("../../index.js");
  const { loadTrained } = await import("../../public/train.js");
  const { what, page, huggingFace } = options;
  const isOnnxAlone = page === undefined && huggingFace === undefined;
  if (what === "classifier" && !isOnnxAlone) throw onnxAlone();
  const wanted = { ...loadOptions(options), device: "cpu" };
  if (what === "classifier") return loadClassifier(path, wanted);
  if (what === undefined && isOnnxAlone) return loadTrained(path, wanted);
  const model = loadModel(path, wanted);
  return page === undefined ? model : withMethodOrClosed(model); // before anything is written
}

async function withMethodOrClosed(model: LoadedModel): Promise<LoadedModel> {
  const { withMethod } = await import("../../public/models.js");
  try {
    return withMethod(model);
  } catch (error) {
    model.close();
    throw error;
  }
}

async function writeOnnx(opened: LoadedModel | LoadedClassifier, out: string, options: OnnxWishes): Promise<Written> {
  const { autoencoderOnnx } = await import("../../public/export.js");
  const { classifierOnnx, encoderOnnx } = await import("../../index.js");
  const { withMethod } = await import("../../public/models.js");
  if (!("encoder" in opened))
    return writeFile(classifierOnnx(opened, wishes(options)), out, "classifier", opened, options);
  const what = options.what ?? "encoder";
  const file =
    what === "encoder" ? encoderOnnx(opened, wishes(options)) : autoencoderOnnx(withMethod(opened), wishes(options));
  return writeFile(file, out, what, opened, options);
}

function wishes({ precision, layers, attention, license }: OnnxWishes): Omit<OnnxWishes, "what"> {
  return { precision, layers, attention, ...(license === undefined ? {} : { license }) };
}

function writeFile(
  file: OnnxFile,
  out: string,
  what: string,
  { path: model }: { readonly path: string },
  { precision }: OnnxWishes,
): Written {
  const files = file.write(out);
  const size = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const inputs = file.inputs.map(valueText);
  const outputs = file.outputs.map(valueText);
  return {
    result: { files, bytes: size, what, precision, inputs, outputs },
    tell: (report) => {
      report.line(`${files.join(", ")}: ${bytes(size)}, the ${what} of ${model}, ${precision}`);
      report.table([...inputs.map((text) => ["in", text]), ...outputs.map((text) => ["out", text])]);
    },
  };
}

async function writeFolder(model: LoadedModel, out: string, { license, overwrite }: Options): Promise<Written> {
  const { writeHuggingFace } = await import("../../index.js");
  const wishes = { overwrite: overwrite === true, ...(license === undefined ? {} : { license }) };
  const { files, dropped } = writeHuggingFace(model, out, wishes);
  const size = files.reduce((sum, path) => sum + statSync(path).size, 0);
  return {
    result: { huggingFace: out, huggingFaceFiles: files, dropped },
    tell: (report) => {
      report.line(`${out}: ${files.length} files, ${bytes(size)}, for transformers and transformers.js`);
      for (const line of dropped) report.line(`  left out: ${line}`);
    },
  };
}

async function writeAsPage(model: LoadedModel, out: string, options: Options): Promise<Written> {
  const { withMethod } = await import("../../public/models.js");
  const { writePage } = await import("../../public/export.js");
  const { makePage } = await import("../../public/export.js");
  const { examples, count, title, license } = options;
  const made = await makePage(withMethod(model), {
    count: Math.max(1, count),
    ...(examples === undefined ? {} : { examples: parseSource(examples, "test") }),
    ...(title === undefined ? {} : { title }),
    ...(license === undefined ? {} : { license }),
  });
  writePage(out, made);
  const shown = made.description.examples.length;
  const modelBytes = made.description.model.bytes;
  return {
    result: { page: out, modelBytes, examples: shown },
    tell: (report) => {
      report.line(`${out}: the page, with ${bytes(modelBytes)} of model and ${shown} example${shown === 1 ? "" : "s"}`);
      if (license === undefined) report.line("No license is stated: say one with --license before you publish it.");
      report.line(`See it: lacuna page ${quoted(out)}`);
    },
  };
}

/** `pixel_values float32 [batch 3 224 224]` */
function valueText({
  name,
  type: { tensorType },
}: {
  name: string;
  type: { tensorType: { elemType: number; shape: { dim: readonly { dimValue?: number; dimParam?: string }[] } } };
}): string {
  const sides = tensorType.shape.dim.map(({ dimValue, dimParam }) => dimParam ?? dimValue);
  return `${name} ${tensorType.elemType === 7 ? "int64" : "float32"} [${sides.join(", ")}]`;
}

/** For commander: `3,7,-1` */
function blocks(text: string): number[] {
  const numbers = text.split(",").map(Number);
  if (text === "" || !numbers.every(Number.isInteger)) throw new InvalidArgumentError("Expected numbers like 3,7,-1.");
  return numbers;
}

function nothingToWrite(): UsageError {
  return new UsageError({
    code: "out",
    path: "the command line",
    expected: "what to write",
    actual: "nothing",
    remedy: "For example: lacuna export runs/mine --onnx encoder.onnx, or --hugging-face folder, or --page site",
  });
}

function onnxAlone(): UsageError {
  return new UsageError({
    code: "what",
    path: "--what",
    expected: "classifier with --onnx alone: a page and a folder for transformers are made of pre-trained models",
    actual: "--page or --hugging-face beside it",
  });
}
