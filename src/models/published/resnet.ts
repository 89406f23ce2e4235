/** Layouts of ResNet checkpoints, whose names ours are: `torchvision`'s files of torch.save and `timm`'s safetensors. */
import type { TensorFile } from "./files.js";
import { imageOf, type Layout, lost, lostParts, type ReadHints, type Reading, unknownName } from "./layout.js";
import { type PublishedTensor, sides, type Tensors, tensorIn } from "./tensors.js";

const anchor = "layer1.0.conv1.weight";
const isCounter = (name: string): boolean => name.endsWith(".num_batches_tracked");

/** @param name the model's, as configurations say it */
export function resnetLayouts(name: string): readonly Layout[] {
  return [layoutOf(name, "torchvision", "pth"), layoutOf(name, "timm", "safetensors")];
}

function layoutOf(model: string, name: string, form: "pth" | "safetensors"): Layout {
  return {
    name,
    form,
    anchors: [anchor.replaceAll(".", String.raw`\.`)],
    read(file, hints) {
      const isForm = (file.format === "torch") === (form === "pth");
      if (!isForm || !file.names.includes(anchor) || !file.names.includes("conv1.weight")) return undefined;
      return readingOf(model, name, file, hints);
    },
    write(published) {
      if (published.model.name !== model) return undefined;
      const tensors = new Map([...published.tensors].map(([own, tensor]) => [own.replace(/^head\./, "fc."), tensor]));
      return { tensors, dropped: lostParts(published, "a ResNet") };
    },
  };
}

function readingOf(name: string, layout: string, file: TensorFile, hints: ReadHints): Reading {
  const tensors = renamed(file);
  const [width = 0, channels = 0, window = 0] = sides(tensors, file.path, "conv1.weight", 4);
  const { imageSize, assumed } = imageOf(file, hints);
  const classes = tensors.get("head.weight")?.shape[0];
  const counters = file.names.filter(isCounter).length;
  return {
    layout,
    model: {
      name,
      block: tensors.has("layer1.0.conv3.weight") ? "bottleneck" : "basic",
      depths: [1, 2, 3, 4].map((layer) => blocksOf(tensors, layer)),
      width,
      stem: window === 3 ? "cifar" : "imagenet",
    },
    guessed: [],
    image: { imageSize, channels },
    tensors,
    ...(classes !== undefined && { classifier: { classes, pool: "mean" } }),
    assumed,
    dropped: lost("num_batches_tracked", counters, "counters of batches, which nothing reads"),
  };
}

function renamed(file: TensorFile): Tensors {
  const known =
    /^(?:conv1|bn1|layer[1-4]\.\d+\.(?:conv[123]|bn[123]|downsample\.[01])|fc)\.(?:weight|bias|running_(?:mean|var))$/;
  return new Map(
    file.names.flatMap((name): [string, PublishedTensor][] => {
      if (isCounter(name)) return [];
      if (!known.test(name)) throw unknownName(file.path, name, "this ResNet");
      return [[name.replace(/^fc\./, "head."), tensorIn(file, name)]];
    }),
  );
}

function blocksOf(tensors: Tensors, layer: number): number {
  const found = [...tensors.keys()].flatMap((name) => {
    const [, l, b] = /^layer(\d)\.(\d+)\./.exec(name) ?? [];
    return Number(l) === layer ? [Number(b) + 1] : [];
  });
  return Math.max(0, ...found);
}
