import { type Command, Option } from "commander";
import type { Converted, Layout } from "../../index.js";
import { type Add, wholeNumber } from "../options.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";

interface Options {
  readonly to?: Layout;
  readonly heads?: number;
  readonly decoderHeads?: number;
  readonly imageSize?: [number, number];
  readonly overwrite?: boolean;
}

const layouts: readonly Layout[] = ["official", "timm", "hf-vitmae", "hf-vit", "lacuna"];

const details = `
What is read: facebookresearch/mae's .pth (pre-trained or fine-tuned, with or without the decoder), DeiT's and timm's ViT (.pth,
.safetensors), folders of transformers' ViTMAE and ViT, and runs and checkpoints of lacuna. The layout shows in the names. A .pth
is read without running anything in it: whatever is neither tensor nor container is refused.

What is written: official, a .pth for torch.load(weights_only=True); timm, a .safetensors; hf-vitmae and hf-vit, a folder with
config.json and preprocessor_config.json; lacuna, a checkpoint for every command that takes one. Every tensor keeps its bits.

Examples:
  lacuna convert mae_pretrain_vit_base_full.pth base.safetensors
  lacuna convert runs/first vitmae-mine --to hf-vitmae
  lacuna convert vitmae-mine back.pth --to official`;

/** `lacuna convert <in> <out> [--to layout]` */
export function convertCommand(program: Command, add: Add): void {
  const command = program
    .command("convert")
    .summary("checkpoints of others to ours, and ours to theirs")
    .description("Writes a model in another layout of checkpoints, every tensor bit for bit.")
    .argument("<in>", "a run, a checkpoint, a .pth, a .safetensors or a folder of transformers")
    .argument("<out>", "what to write: a .pth, a .safetensors or a folder")
    .addOption(new Option("--to <layout>", "default: by the name of <out>").choices([...layouts]))
    .option("--heads <n>", "attention heads, where the file does not say and 64 wide each is wrong", wholeNumber)
    .option("--decoder-heads <n>", "the decoder's, where 32 wide each is wrong", wholeNumber)
    .option("--image-size <height,width>", "of its pictures, where they are not square", sides)
    .option("--overwrite", "replace what is there")
    .addHelpText("after", details);
  add<Options>(command, async (report, operands, options) => {
    const [from, out] = operands as [string, string];
    const { convert } = await import("../../index.js");
    const { heads, decoderHeads, to, overwrite } = options;
    const converted = convert(from, out, {
      heads,
      decoderHeads,
      imageSize: options.imageSize,
      overwrite: overwrite === true,
      ...(to === undefined ? {} : { to }),
    });
    report.result({ in: from, out, ...converted }, () => tell(report, from, converted));
    return 0;
  });
}

/** For commander: `64` or `48,96`. */
function sides(text: string): [number, number] {
  const [height = 0, width = height] = text.split(",").map(wholeNumber);
  return [height, width];
}

function tell(report: Report, from: string, { shape, tensors, files, assumed, dropped, ...layout }: Converted): void {
  const { width, depth, heads, patchSize, grid, channels, decoder, head } = shape;
  const sizes = [grid[0] * patchSize[0], grid[1] * patchSize[1], channels].join(" × ");
  report.line(
    `${from}: ${layout.from}, ViT of ${depth} blocks, width ${width}, ${heads} heads, patches of ${patchSize.join(" × ")}, pictures of ${sizes}`,
  );
  if (decoder) report.line(`  decoder: ${decoder.depth} blocks, width ${decoder.width}, ${decoder.heads} heads`);
  if (head)
    report.line(
      `  classifier: ${head.classes} classes, ${head.pooling === "mean" ? "mean of the patch tokens" : "class token"}`,
    );
  for (const line of assumed) report.line(`  assumed: ${line}`);
  for (const line of dropped) report.line(`  left out: ${line}`);
  report.line(`${files.join(", ")}: ${layout.to}, ${whole(tensors)} tensors, bit for bit`);
}
