import { Gelu, Relu } from "../../nn/activations.js";
import { BatchNorm1d } from "../../nn/batch-norm.js";
import { uniformFanIn } from "../../nn/init.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { Chain, type Module } from "../../nn/module.js";

/** A projector or predictor: linear layers, batch norm and ReLU between them. */
export interface HeadShape {
  readonly inputs: number;
  /** Linear layers; 0 gives what comes in. */
  readonly layers: number;
  /** Width between layers. */
  readonly hidden: number;
  readonly output: number;
  /** Batch norm behind every layer but the last. */
  readonly batchNorm: boolean;
  /** Batch norm behind the last layer, without weight and bias; `scale`: with a weight alone. */
  readonly lastNorm: boolean | "scale";
  /** Which layers have a bias; none if absent, for batch norm would take it away again. */
  readonly bias?: "last" | "every";
  /** ε of its batch norms; PyTorch's 1e-5 if absent. */
  readonly epsilon?: number;
}

/**
 * The MLP of MoCo v3 (`_build_mlp` of the official code), SimCLR's and BYOL's: numbered like PyTorch's
 * `Sequential`, ReLUs counted. Weights start as PyTorch's linear layers do, uniform ± 1 / √in, whatever the encoder's do.
 */
export function mlpHead({
  inputs,
  layers,
  hidden,
  output,
  batchNorm,
  lastNorm,
  bias,
  epsilon = 1e-5,
}: HeadShape): Chain<Module> {
  const links = Array.from({ length: layers }, (_, i): Module[] => {
    const [from, to] = [i === 0 ? inputs : hidden, i === layers - 1 ? output : hidden];
    const isLast = i === layers - 1;
    const linear = new Linear(from, to, {
      bias: bias === "every" || (isLast && bias === "last"),
      weightInit: uniformFanIn(from),
      biasInit: uniformFanIn(from),
    });
    if (isLast)
      return [
        linear,
        ...(lastNorm === false
          ? []
          : [new BatchNorm1d(to, { epsilon, affine: lastNorm === "scale" ? lastNorm : false })]),
      ];
    return [linear, ...(batchNorm ? [new BatchNorm1d(to, { epsilon })] : []), new Relu()];
  });
  return new Chain<Module>(links.flat());
}

/**
 * ExtreMA's head: linear layers with layer norm and GELU between them, numbered as in the official code. No picture meets another in it.
 * @param widths from the input to the output
 */
export function normedHead(widths: readonly number[]): Module {
  const last = widths.length - 2;
  return new Chain<Module>(
    widths.slice(1).flatMap((to, i): Module[] => {
      const linear = new Linear(widths[i] as number, to);
      return i === last ? [linear] : [linear, new LayerNorm(to, { epsilon: 1e-5 }), new Gelu()];
    }),
  );
}
