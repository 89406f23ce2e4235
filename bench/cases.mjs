// What is compared. Sizes: ViT table 1, DeiT table 1; the decoder of ViT-B is MAE's default (table 1a, 1b).

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {number} batch images a step
 * @property {number} imageSize
 * @property {number} patchSize
 * @property {number} width
 * @property {number} depth
 * @property {number} heads
 * @property {number} decoderWidth
 * @property {number} decoderDepth
 * @property {number} decoderHeads
 * @property {number} maskRatio
 * @property {number} baseLearningRate for 256 images a step
 * @property {number} weightDecay
 */

const recipe = { maskRatio: 0.75, baseLearningRate: 1.5e-4, weightDecay: 0.05 };

/** @type {readonly Case[]} */
export const cases = [
  {
    name: "vit-b16",
    title: "MAE step, ViT-B/16, 224 px",
    batch: 16,
    imageSize: 224,
    patchSize: 16,
    width: 768,
    depth: 12,
    heads: 12,
    decoderWidth: 512,
    decoderDepth: 8,
    decoderHeads: 16,
    ...recipe,
  },
  {
    name: "vit-ti4",
    title: "MAE step, ViT-Ti/4, 32 px",
    batch: 256,
    imageSize: 32,
    patchSize: 4,
    width: 192,
    depth: 12,
    heads: 3,
    decoderWidth: 96,
    decoderDepth: 2,
    decoderHeads: 3,
    ...recipe,
  },
];

/**
 * Variants of the plain PyTorch model. "fused" attention is what timm uses today, "products" what timm 0.3.2 wrote out.
 * @type {Readonly<Record<string, { title: string, attention: string, compile: boolean }>>}
 */
export const peers = {
  eager: { title: "PyTorch eager", attention: "fused", compile: false },
  products: { title: "PyTorch eager, attention written out", attention: "products", compile: false },
  compiled: { title: "torch.compile", attention: "fused", compile: true },
};
export const peerNames = Object.keys(peers);

export const precisions = ["bfloat16", "float32"];

/** The absolute learning rate of a case (mae.md section 8: base × batch / 256). */
export function learningRate({ baseLearningRate, batch }) {
  return (baseLearningRate * batch) / 256;
}
