// Pictures, neighbours, and what comes before and between the large operations.

/** Pictures on the way to a model, on one core. */
const pictures = {
  kind: "crops",
  batch: 64,
  unit: "images",
  precisions: ["uint8"],
  threads: 1,
  count: 384,
  size: 224,
  seed: 0,
};

/** @type {readonly import("./index.mjs").Case[]} */
export const dataCases = [
  { name: "jpeg", title: "JPEG (about 500 × 375) → 224 px random crop, one core", from: "files", ...pictures },
  // What `lacuna data pack` makes of the same files by default, and with --format jpeg; the peer goes on reading the files.
  ...[
    ["packed", "pixels", "packed data set"],
    ["packed-jpeg", "jpeg", "packed data set of JPEGs"],
  ].map(([name, format, title]) => ({
    name,
    title: `${title} → 224 px random crop, one core`,
    from: "packed",
    format,
    ...pictures,
  })),
];

/**
 * What data cost a run: milliseconds of a step in the middle of one, with the loader's own number of threads. The model is what
 * `lacuna pretrain` takes for some thousands of pictures (src/plan/defaults/model.ts), the smallest that is trained at this size.
 */
const training = {
  kind: "loop",
  batch: 64,
  unit: "images",
  precisions: ["bfloat16"],
  count: 384,
  steps: 8,
  imageSize: 224,
  patchSize: 16,
  width: 192,
  depth: 12,
  heads: 3,
  decoderWidth: 128,
  decoderDepth: 2,
  decoderHeads: 4,
  maskRatio: 0.75,
  baseLearningRate: 6e-4,
  weightDecay: 0.05,
};

/** @type {readonly import("./index.mjs").Case[]} */
export const loopCases = [
  { name: "loop-jpeg", title: "training from JPEG, ViT-Ti/16, 224 px", from: "files", ...training },
  {
    name: "loop-packed",
    title: "training from a packed data set, ViT-Ti/16, 224 px",
    from: "packed",
    format: "pixels",
    ...training,
  },
];

/** @type {readonly import("./index.mjs").Case[]} */
export const smallCases = [
  {
    name: "knn",
    kind: "knn",
    title: "k-NN, 50,000 × 10,000 × 384, k = 20",
    batch: 10_000,
    unit: "queries",
    precisions: ["float32"],
    bank: 50_000,
    width: 384,
    classes: 100,
    k: 20,
    temperature: 0.07,
  },
  ...[
    ["start-help", "help", "`lacuna --help`"],
    ["start-import", "import", "import"],
    ["start-tensor", "tensor", "import and one small sum"],
  ].map(([name, what, title]) => ({
    name,
    kind: "start",
    title: `start-up: ${title}`,
    what,
    batch: 1,
    unit: "starts",
    precisions: ["float32"],
  })),
  ...[
    ["door-matmul", "matmul", "matmul, 8 × 8"],
    ["door-add", "add", "add, 8 × 8"],
  ].map(([name, operation, title]) => ({
    name,
    kind: "door",
    title: `${title}: a call's time less the same boxed call looped in C++`,
    operation,
    batch: 20_000,
    unit: "calls",
    per: "call",
    precisions: ["float32"],
    threads: 1,
  })),
];
