// Which folder may import which: ARCHITECTURE.md, section 3. Checked by `npm run check`.

const below = (...folders) => folders.map((folder) => (folder.endsWith("$") ? `^src/${folder}` : `^src/${folder}/`));

/** The base of errors, keys of configurations, and what a schema makes of a value: they load nothing. */
const base = "^src/(errors|keys|checked)\\.ts$";

/** `folder` may import itself, the base and `allowed`, and nothing else of ours. */
function only(folder, allowed, comment) {
  return {
    name: `${folder}-imports`,
    severity: "error",
    comment,
    from: { path: below(folder) },
    to: { path: "^src/", pathNot: [base, ...below(folder, ...allowed)] },
  };
}

/** What every layer may know of the engine: its errors, its scopes and its modes; never the door or the addon. */
const engineFaces = ["engine/(errors|scope|modes|dtype|record|device)\\.ts$"];

/** What commands read before the library is loaded, which would take them a second. */
const light = ["data/sources/names\\.ts$"];

/** How a file is written whole or not at all, and what the system refused, in words. */
const wholeFiles = "runs/(errors|write-atomic)\\.ts$";

const everythingBelowTraining = [
  "engine",
  "tensor",
  "nn",
  "optim",
  "formats",
  "data",
  "runs",
  "models",
  "methods",
  "graph",
];

module.exports = {
  forbidden: [
    only("engine", [], "the engine stands on the addon alone"),
    only("tensor", ["engine"], "tensors stand on the engine"),
    only("nn", ["tensor", ...engineFaces], "layers are written in tensors"),
    only("optim", ["tensor", ...engineFaces], "optimisers take named tensors, not modules"),
    only("formats", [], "formats are pure bytes"),
    only("data", ["formats", wholeFiles], "data is images and bytes: its workers must never load libtorch"),
    only("runs", [], "the run folder is read by programs that have no engine"),
    only("page", [wholeFiles], "a page is served and described by programs that have no engine"),
    {
      name: "page-imports",
      severity: "error",
      comment: "the browser gets pure functions on pixels and random numbers, and the type of page.json",
      from: { path: "^page/src/" },
      to: {
        path: "^src/",
        pathNot: "^src/(errors|data/(resample|random|decode/colour)|data/resample/.*|page/description)\\.ts$",
      },
    },
    {
      name: "page-description-as-a-type",
      severity: "error",
      comment: "zod would weigh more than the page",
      from: { path: "^page/src/" },
      to: { path: "^src/page/", dependencyTypesNot: ["type-only"] },
    },
    only("models", ["nn", "tensor", "formats", ...engineFaces], "a model knows neither methods nor training"),
    only(
      "methods",
      [
        "models",
        "nn",
        "tensor",
        "optim/(average|clip|groups|optimizer|schedule)\\.ts$",
        "data/(views|random)\\.ts$",
        ...engineFaces,
      ],
      "a method knows models and describes its views; it does not read data or train",
    ),
    only(
      "graph",
      ["engine/dispatch\\.ts$", "nn", "tensor", "formats", wholeFiles, ...engineFaces],
      "readers of a recording know no models",
    ),
    only(
      "train",
      [...everythingBelowTraining, "inspect/(input|finding)\\.ts$"],
      "probes are handed in by the caller: training knows no evaluation",
    ),
    only("plan", [...everythingBelowTraining, "train", "finetune"], "what a run would be and cost, before it begins"),
    only("inspect", ["runs", "data/sources/names\\.ts$"], "a verdict is read from run folders alone"),
    only("finetune", [...everythingBelowTraining, "train"], "supervised training runs in the same loop"),
    only(
      "sweep",
      [...everythingBelowTraining, "train", "plan", "finetune", "evaluate", "inspect"],
      "a sweep plans, trains and judges its points",
    ),
    only("export", [...everythingBelowTraining, "train", "finetune", "page"], "what was trained, for other programs"),
    only("evaluate", [...everythingBelowTraining, "train", "finetune"], "evaluation knows no commands"),
    only(
      "evaluate/probes",
      ["tensor", "optim/lbfgs\\.ts$", "data/sources/labelled\\.ts$", "evaluate/features/extract\\.ts$", ...engineFaces],
      "a probe judges features, and knows neither pictures nor models",
    ),
    only("cli", ["index\\.ts$", "public", ...light], "commands use what everybody can use: the public surface"),
    {
      name: "light-modules",
      severity: "error",
      comment: "the command line reads them before the library is loaded",
      from: { path: below(...light) },
      to: { path: "^(src|node_modules)/" },
    },
    {
      name: "nobody-imports-the-commands",
      severity: "error",
      comment: "the library works without its command line",
      from: { path: "^src/", pathNot: "^src/cli/" },
      to: { path: "^src/cli/" },
    },
    {
      name: "public-surface-is-a-leaf",
      severity: "error",
      comment: "src/index.ts and src/public export; code inside imports what it needs from its own file",
      from: { path: "^src/", pathNot: ["^src/cli/", "^src/index\\.ts$"] },
      to: { path: ["^src/index\\.ts$", "^src/public/"] },
    },
    {
      name: "only-engine-has-the-binding",
      severity: "error",
      comment: "the addon is behind src/engine; the two files that are the face of its handles reach it too",
      from: { path: "^src/", pathNot: ["^src/engine/", "^src/tensor/(tensor|grad)\\.ts$"] },
      to: { path: ["^src/engine/binding\\.ts$", "\\.node$"] },
    },
    {
      name: "no-cycles",
      severity: "error",
      comment: "a cycle has no beginning to read from",
      from: { path: "^src/" },
      to: { circular: true },
    },
    {
      name: "no-tests-in-sources",
      severity: "error",
      comment: "tests import sources, never the other way",
      from: { path: "^src/" },
      to: { path: "^(test|bench|tools)/" },
    },
    {
      name: "resolvable",
      severity: "error",
      comment: "an import that leads nowhere",
      from: { path: "^src/" },
      to: { couldNotResolve: true },
    },
    {
      name: "declared",
      severity: "error",
      comment: "a package that is published must be in dependencies",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true, // a type import is a dependency of the reader
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node", "default"] },
  },
};
