import type { Command } from "commander";
import type { Converted, ForeignHints, WeightSize } from "../../public/models.js";
import { foreignHints, foreignOptions } from "../config/foreign.js";
import type { Add } from "../options.js";
import type { Report } from "../report.js";
import { whole } from "../words.js";

interface Options extends ForeignHints {
  readonly to?: string;
  readonly overwrite?: boolean;
  readonly normsOf?: string;
}

const details = `
What is read, of each model and method:
  vit         official (facebookresearch/mae, DeiT; .pth), timm (.safetensors), hf-vit (a folder of transformers)
  convnextV2  official (facebookresearch/ConvNeXt-V2; .pth), timm, hf-convnextv2
  swin        official (microsoft/Swin-Transformer; .pth), timm
  resnet      torchvision (.pth), timm
  mae, emae   official, hf-vitmae, with the decoder
  supmae      official, with decoder and classifier
  fcmae       fcmae (facebookresearch/ConvNeXt-V2's sparse pre-training; .pth)
  simmim      simmim (microsoft/SimMIM's pre-training; .pth)
  beit        beit (microsoft/unilm's pre-training, BEiT v2's too; .pth), the encoder; written with all but the tokenizer
  vqkd        vqkd (microsoft/unilm's tokenizers of BEiT v2; .pth)
  mocoV3      moco-v3 (facebookresearch/moco-v3; .pth), student or teacher
  dino        dino (facebookresearch/dino; .pth), teacher or student
  moco        moco (facebookresearch/moco, v1 and v2; .pth), query or key encoder
  simsiam     simsiam (facebookresearch/simsiam; .pth), with projector and predictor
  byol        solo-learn, lightly (the encoder of student or target; .pth; read alone)
  swav        swav (facebookresearch/swav; .pth), with head and prototypes
and runs and checkpoints of lacuna. The layout shows in the names. A .pth is read without running anything in it: whatever is
neither tensor nor container is refused.

What is written: the same layouts, where they hold such a model, and lacuna, a checkpoint for every command that takes one. A .pth
is for torch.load(weights_only=True); folders of transformers have config.json and preprocessor_config.json. Every tensor keeps
its bits.

With --norms-of, weights with a batch norm behind them get the norms of the same weights of another model, and that batch norm's
statistics go with them: the model computes what it did, and a learning rate moves it as it moves the other (NormRescale, Huang et al.
2022). A report of every weight's size is in --json.

Examples:
  lacuna convert mae_pretrain_vit_base_full.pth base.safetensors
  lacuna convert runs/first vitmae-mine --to hf-vitmae
  lacuna convert vitmae-mine back.pth --to official
  lacuna convert runs/byol-lars rescaled.safetensors --norms-of runs/moco-sgd`;

/** `lacuna convert <in> <out> [--to layout]` */
export function convertCommand(program: Command, add: Add): void {
  const command = program
    .command("convert")
    .summary("checkpoints of others to ours, and ours to theirs")
    .description("Writes a model in another layout of checkpoints, every tensor bit for bit.")
    .argument("<in>", "a run, a checkpoint, a .pth, a .safetensors or a folder of transformers")
    .argument("<out>", "what to write: a .pth, a .safetensors or a folder")
    .option("--to <layout>", "lacuna, or one of those named below; default: by the name of <out>")
    .option("--overwrite", "replace what is there")
    .option("--norms-of <model>", "give its weights the norms of this model's, as before fine-tuning what LARS trained")
    .addHelpText("after", details);
  foreignOptions(command);
  add<Options>(command, async (report, operands, options) => {
    const [from, out] = operands as [string, string];
    const { convert } = await import("../../index.js");
    const { to, overwrite, normsOf } = options;
    const converted = convert(from, out, {
      ...foreignHints(options),
      overwrite: overwrite === true,
      ...(to === undefined ? {} : { to }),
      ...(normsOf === undefined ? {} : { normsOf }),
    });
    report.result({ in: from, out, ...converted }, () => tell(report, from, converted));
    return 0;
  });
}

function tell(report: Report, from: string, converted: Converted): void {
  const { model, method, image, classifier, tensors, files, assumed, dropped, sizes: changed, ...layout } = converted;
  const sizes = [...image.imageSize, image.channels].join(" × ");
  report.line(`${from}: ${layout.from}, ${described(model)}, pictures of ${sizes}`);
  if (method) report.line(`  method: ${described(method)}`);
  if (classifier) {
    const pooled = classifier.pool === "mean" ? "mean over positions" : "class token";
    report.line(`  classifier: ${classifier.classes} classes, ${pooled}`);
  }
  for (const line of assumed) report.line(`  assumed: ${line}`);
  for (const line of dropped) report.line(`  left out: ${line}`);
  const kept = changed === undefined ? "bit for bit" : `of which ${changed.length} weights have other norms`;
  report.line(`${files.join(", ")}: ${layout.to}, ${whole(tensors)} tensors, ${kept}`);
  if (changed) tellSizes(report, changed);
}

/** Those whose norms differed the most, the largest factor first. */
function tellSizes(report: Report, sizes: readonly WeightSize[]): void {
  const factor = ({ norm, theirs }: WeightSize): number => theirs / norm;
  const apart = [...sizes].sort((a, b) => Math.abs(Math.log(factor(b))) - Math.abs(Math.log(factor(a)))).slice(0, 5);
  const width = Math.max(...apart.map(({ name }) => name.length));
  report.line("Norms that changed the most:");
  for (const size of apart) {
    const [before, after] = [size.norm, size.theirs].map((norm) => norm.toPrecision(3));
    report.line(`  ${size.name.padEnd(width)}  ${before} to ${after}  × ${factor(size).toPrecision(3)}`);
  }
}

/** `vit (width 192, depth 12, heads 3)` */
function described({ name, ...sizes }: Converted["model"]): string {
  const texts = textsOf(sizes);
  return texts.length === 0 ? name : `${name} (${texts.join(", ")})`;
}

function textsOf(values: object, above = ""): string[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    if (value === undefined) return [];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return textsOf(value, `${key}.`);
    return [`${above}${key} ${Array.isArray(value) ? value.join(" ") : String(value)}`];
  });
}
