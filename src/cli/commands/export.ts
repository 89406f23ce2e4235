import { statSync } from "node:fs";
import { dirname } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { UsageError } from "../errors.js";
import type { Add } from "../options.js";
import { bytes } from "../words.js";

interface Options {
  readonly onnx?: string;
  readonly what: "encoder" | "autoencoder";
  readonly precision: "fp32" | "fp16" | "int8";
  readonly layers: readonly number[];
  readonly attention: readonly number[];
  readonly license?: string;
}

/** `lacuna export <run> --onnx model.onnx` */
export function exportCommand(program: Command, add: Add): void {
  const command = program
    .command("export")
    .summary("write what a run learned for other programs: ONNX")
    .description(
      "Writes an ONNX file (opset 18, any batch size). Its metadata says how pictures are prepared; `docs/guide/export.md` has " +
        "every input and output.",
    )
    .argument("<model>", "a run folder or a checkpoint file")
    .option("--onnx <file>", "the file to write, a .onnx")
    .addOption(
      new Option("--what <part>", "the encoder, or the whole autoencoder with the mask as an input")
        .choices(["encoder", "autoencoder"])
        .default("encoder"),
    )
    .addOption(
      new Option("--precision <p>", "of the weights: half the bytes, or a quarter of those of linear layers")
        .choices(["fp32", "fp16", "int8"])
        .default("fp32"),
    )
    .option("--layers <list>", "also the tokens after these blocks: 3,7,-1", blocks, [])
    .option("--attention <list>", "also the attention of these blocks", blocks, [])
    .option("--license <text>", "under which terms the weights may be used, into the metadata");
  add<Options>(command, async (report, operands, options) => {
    const out = checkOut(options.onnx);
    const { autoencoderOnnx, encoderOnnx, loadModel } = await import("../../index.js");
    using model = loadModel(operands[0] as string, { device: "cpu" });
    const { what, precision, layers, attention, license } = options;
    const wanted = { precision, layers, attention, ...(license === undefined ? {} : { license }) };
    const file = what === "encoder" ? encoderOnnx(model, wanted) : autoencoderOnnx(model, wanted);
    const files = file.write(out);
    const size = files.reduce((sum, path) => sum + statSync(path).size, 0);
    const inputs = file.inputs.map(valueText);
    const outputs = file.outputs.map(valueText);
    report.result({ files, bytes: size, what, precision, model: model.path, step: model.step, inputs, outputs }, () => {
      report.line(`${files.join(", ")}: ${bytes(size)}, the ${what} of ${model.path}, ${precision}`);
      report.table([...inputs.map((text) => ["in", text]), ...outputs.map((text) => ["out", text])]);
    });
    return 0;
  });
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

function checkOut(out: string | undefined): string {
  if (out === undefined)
    throw new UsageError({
      code: "out",
      path: "the command line",
      expected: "what to write",
      actual: "nothing",
      remedy: "For example: lacuna export runs/mine --onnx encoder.onnx",
    });
  if (!out.toLowerCase().endsWith(".onnx"))
    throw new UsageError({ code: "out", path: "--onnx", expected: "a file that ends in .onnx", actual: out });
  if (statSync(dirname(out), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError({ code: "out", path: "--onnx", expected: "a folder that exists", actual: dirname(out) });
  return out;
}
