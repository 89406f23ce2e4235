// How a case of each kind is prepared, who takes part, and what must be equal before anything is timed.
import { join } from "node:path";
import { jpegCorpus } from "../pytorch/pictures.mjs";
import { preparedBy } from "./prepare.mjs";

/**
 * @typedef {object} Side
 * @property {string} title
 * @property {"node" | "python"} [program] whose worker it is; default: Python's for a peer
 * @property {object} [options] what its worker is told besides the case
 * @property {Readonly<Record<string, string>>} [env] of its process, besides what all have
 * @property {string} [as] the side that its worker is told it is, where that is not its name
 */
/**
 * @typedef {object} Check
 * @property {string} name
 * @property {object} [message] what both are asked besides { do: "check" }
 * @property {"largest" | "mean" | "share"} [measure] of the difference: agreement.mjs
 * @property {number} tolerance
 */
/**
 * @typedef {object} Kind
 * @property {Side} [ours]
 * @property {Readonly<Record<string, Side>>} peers all of them are asked unless --peers names some
 * @property {(context: import("./prepare.mjs").Context) => Promise<object>} prepare @returns what all workers are told
 * @property {(precision: string, settings: import("./index.mjs").Case) => readonly Check[]} checks
 * @property {Readonly<Record<string, number>>} [trained] tolerance of the loss after the last step, by precision
 * @property {boolean} [rated] whether its time is mostly that of matrix products, and is compared with their rate
 */

/** Sums in another order, each rounded to 8 bits: three times what was seen. */
const bfloat16Loss = 2e-3;
const forwardChecks = () => [
  { name: "float32", message: { precision: "float32" }, tolerance: 1e-5 },
  { name: "bfloat16", message: { precision: "bfloat16" }, tolerance: bfloat16Loss },
];
/** Gradients and optimiser agree as well. */
const trained = { float32: 1e-3, bfloat16: 2e-2 };

const eager = { title: "PyTorch eager" };
const compiled = { title: "torch.compile", options: { compile: "default" } };

/** "fused" attention is what timm uses today, "products" what timm 0.3.2 wrote out, which the official code asks for. */
const attentions = {
  eager: { ...eager, options: { attention: "fused" } },
  products: { title: "PyTorch eager, attention written out", options: { attention: "products" } },
  compiled: { ...compiled, options: { ...compiled.options, attention: "fused" } },
  compiledProducts: {
    title: "torch.compile, attention written out",
    options: { ...compiled.options, attention: "products" },
  },
};

/** What all kinds of training steps share. */
const training = {
  prepare: preparedBy("inputs.mjs", "inputs.safetensors"),
  checks: forwardChecks,
  trained,
  rated: true,
};

const pretrain = {
  ...training,
  peers: {
    ...attentions,
    autotuned: {
      title: "torch.compile (max-autotune), attention written out",
      options: { compile: "max-autotune", attention: "products" },
    },
    huggingface: { title: "Hugging Face ViTMAE" },
  },
};

const fcmae = {
  ...training,
  peers: {
    eager,
    channelsLast: { title: "PyTorch eager, channels last", options: { channelsLast: true } },
    compiled: { title: "torch.compile, channels last", options: { ...compiled.options, channelsLast: true } },
  },
};

/** Where something enlarges what bfloat16 rounds. @param tolerance three times what was seen */
const enlarged = (tolerance) => () =>
  forwardChecks().map((check) => (check.name === "bfloat16" ? { ...check, tolerance } : check));
/** Batch norm over few pictures does. */
const mocoV3 = { ...training, peers: attentions, checks: enlarged(1.2e-2) };

const simsiam = { ...fcmae, checks: enlarged(1.2e-2) };
/** The teacher's low temperature does. */
const dino = { ...training, peers: attentions, checks: enlarged(2.5e-2) };

const finetune = { ...training, peers: { eager: { title: "timm eager" }, compiled } };

const embed = {
  peers: { eager: { title: "timm eager" }, compiled, huggingface: { title: "Hugging Face ViT" } },
  prepare: training.prepare,
  checks: (precision) => [{ name: precision, tolerance: precision === "float32" ? 1e-5 : 1e-2 }],
  rated: true,
};

/** Both files are run by one onnxruntime. */
const onnx = {
  ours: { program: "python", options: { file: "lacuna.onnx" } },
  peers: { exporter: { title: "the file of PyTorch's exporter", options: { file: "pytorch.onnx" } } },
  prepare: async (context) => {
    const { folder, settings, runPython, runNode } = context;
    await runPython("models/export.py", [folder, JSON.stringify(settings)]);
    await runNode("onnx-export.mjs", [folder]);
    return { folder };
  },
  checks: () => [{ name: "float32", tolerance: 1e-4 }],
};

/** JPEG files, and the packed set of them where the case is of one. */
async function picturesOf(context) {
  const pictures = context.pictures ?? (await jpegCorpus(context.python, context.say));
  const { from, format } = context.settings;
  if (from !== "packed") return { pictures };
  const packed = join(context.folder, "packed");
  await context.runLacuna(["data", "pack", pictures, "--out", packed, "--format", format]);
  return { pictures, packed };
}

const crops = {
  peers: { pillow: { title: "torchvision + Pillow" } },
  prepare: async (context) => {
    const pictures = await picturesOf(context);
    const written = await preparedBy("crops-plan.mjs", "plan.json", pictures)(context);
    return { ...written, ...pictures };
  },
  // Lacuna's decoder takes the fast inverse DCT: about a level of 255 darker (src/data/decode/jpeg.ts). Packed pixels were
  // decoded and resized as Pillow does, to the bit, and for the check the peer resizes first as well.
  checks: (_precision, { format }) => [
    { name: "pixels", measure: "mean", tolerance: format === "pixels" ? 0 : 2 / 255 },
  ],
};

/** Lacuna on both sides. The same first batch, whoever decodes it. */
const loop = {
  peers: { memory: { title: "the same steps on a batch in memory", program: "node" } },
  prepare: picturesOf,
  checks: () => [{ name: "loss", tolerance: 0 }],
};

const knn = {
  peers: {
    chunks: { title: "PyTorch, as DINO's eval_knn.py" },
    sklearn: { title: "scikit-learn, brute force" },
  },
  prepare: preparedBy("knn-inputs.mjs", "features.safetensors"),
  checks: () => [{ name: "predictions", measure: "share", tolerance: 1e-3 }],
};

const start = {
  peers: { python: { title: "python: import torch", program: "node" } },
  prepare: async ({ python }) => ({ python }),
  checks: () => [{ name: "answer", tolerance: 0 }],
};

const door = {
  peers: { python: { title: "Python, less its boxed call looped in C++" } },
  prepare: async (context) => {
    const library = join(context.folder, "boxed.so");
    await context.runPython("kinds/boxed.py", [library]);
    return { library };
  },
  checks: () => [{ name: "float32", tolerance: 1e-6 }],
};

/** Lacuna once more, with another environment: what a setting changes. @param {Kind} kind @param {string} setting NAME=VALUE */
export function variant(kind, setting) {
  const [name, ...value] = setting.split("=");
  return {
    program: "node",
    ...kind.ours,
    title: `Lacuna with ${setting}`,
    as: "lacuna",
    env: { [name]: value.join("=") },
  };
}

/** @type {Readonly<Record<string, Kind>>} */
export const kinds = { pretrain, fcmae, mocoV3, simsiam, dino, finetune, embed, onnx, crops, loop, knn, start, door };
