// What may go over a rule, each with its reason. An entry that is no longer needed fails the check.

/** Budgets. key: "src/x.ts" (lines of a file), "src/x.ts:name" (lines of a function), "src/x" (entries of a folder). */
export const budgets = [
  {
    key: "test/reference/make_ops.py",
    reason: "one list of cases for 146 operations; in two files it would have to be run and read twice",
  },
  { key: "bench", reason: "five benches and the parts that they share; a folder for one program would hide it" },
  {
    key: "native",
    reason: "the door's parts, a file each, with the headers that all of them share; kernels and pixels are folders",
  },
  { key: "src/cli/commands", reason: "one file a command, found by the command's name" },
  { key: "src", reason: "one folder a layer of the import table, and the public surface" },
];

/** Sources without a test of their own, and tests without a source. key: the file. */
export const mirror = [
  ...["avx2", "avx512"].map((path) => ({
    key: `test/tensor/kernels-${path}.test.ts`,
    reason: "src/tensor/kernels.ts on another path than the processor's best; a path is a process's",
  })),
  { key: "page/src/model/messages.ts", reason: "types" },
  { key: "page/src/model/runtime.ts", reason: "onnxruntime-web in a browser: page/test/browser" },
  { key: "page/src/model/worker.ts", reason: "a browser's worker: page/test/browser" },
  { key: "page/src/session/state.ts", reason: "a type; page/test/session/session.test.ts has what changes it" },
  { key: "src/cli/html/style.ts", reason: "a style sheet and ten lines of a browser: page/test/browser" },
  {
    key: "src/methods/method.ts",
    reason: "types and an abstract class; test/methods/index.test.ts sweeps what extends it",
  },
  {
    key: "src/methods/parts/tokenizers/tokenizer.ts",
    reason: "a type; test/methods/parts/tokenizers/build.test.ts sweeps what implements it",
  },
  ...[
    "data",
    "errors",
    "evaluate",
    "export",
    "formats",
    "methods",
    "models",
    "nn",
    "optim",
    "plan",
    "runs",
    "sweep",
    "tensor",
    "train",
  ].map((name) => ({
    key: `src/public/${name}.ts`,
    reason: "a list of exports: test/subpaths.test.ts imports each as a stranger does",
  })),
  ...["call", "elementwise", "matrix", "reduce", "shape"].map((name) => ({
    key: `src/graph/onnx/rules/${name}.ts`,
    reason: "test/graph/onnx/rules/index.test.ts runs every rule against PyTorch's numbers",
  })),
  { key: "src/methods/health.ts", reason: "types; test/methods/index.test.ts sweeps what every method says" },
  {
    key: "src/methods/defaults.ts",
    reason: "types and a warm-up; test/plan/defaults/choose.test.ts asks every method",
  },
  { key: "src/models/exports.ts", reason: "types and one graph; test/export and test/models sweep what models offer" },
  { key: "src/train/loop/spec.ts", reason: "a type; test/train/loop/loop.test.ts runs both kinds" },
  { key: "src/models/encoder.ts", reason: "a type; test/models/index.test.ts sweeps what implements it" },
  { key: "test/docs/methods.test.ts", reason: "holds the pages in docs/methods to the schemas" },
  { key: "test/examples/examples.test.ts", reason: "runs examples/ and holds the documents to what they show" },
  {
    key: "test/tensor/finite-differences.test.ts",
    reason: "tests derivatives of src/engine/ops.ts, by a method of its own",
  },
];

/** Words that may stand in a file. key: "file: word". */
export const words = [];

/** Files that may name a method or a model. key: the file. */
export const names = [
  { key: "src/cli/quickstart/configuration.ts", reason: "one configuration, as a recipe is" },
  ...["src/data/transform.ts", "src/data/views.ts", "src/evaluate/features/correspondence.ts"].map((key) => ({
    key,
    reason: "flip is a step of a view too: pictures mirrored left and right",
  })),
  { key: "src/tensor/tensor.ts", reason: "flip is ATen's operation too" },
];
