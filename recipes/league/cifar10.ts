/**
 * Every pre-training method on CIFAR-10 in one fair table: a ViT-Ti/4 of six blocks for all, siamese methods with a ResNet-18 beside it, FCMAE with
 * its ConvNeXt V2; the same pictures, the same multiply-adds of forward and backward passes, two seeds.
 *
 *   npx lacuna compare recipes/league/cifar10.ts
 *
 * Cost: 27.5 T multiply-adds of training a run, some eight minutes of two cores in float32.
 * Expected: so short a run ranks methods by how fast they begin to learn, not by where they would end; what came out is in records/.
 */
import { defineLeague } from "lacuna/sweep";

export default defineLeague({
  title: "Methods on CIFAR-10, 27.5 T multiply-adds of training each",
  train: { kind: "cifar10", split: "train" },
  test: { kind: "cifar10", split: "test" },
  imageSize: 32,
  models: {
    vit: { width: 192, depth: 6, heads: 3, patchSize: 4 },
    resnet: { size: "resnet18", stem: "cifar" },
  },
  multiplyAdds: 27.5e12,
  seeds: [0, 1],
  labelsPerClass: 100,
});
