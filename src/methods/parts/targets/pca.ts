import { withoutAutocast } from "../../../engine/modes.js";
import { ConfigError } from "../../../errors.js";
import { Buffer, Module } from "../../../nn/module.js";
import { patchify, type Size } from "../../../nn/patches.js";
import { full } from "../../../tensor/creation.js";
import { aten, type Shape, type Tensor } from "../../../tensor/tensor.js";
import { patchesToFit, type Target, type TargetFit } from "./target.js";

/** Until a basis is fitted or loaded, the loss is NaN, and training says so. */
const unknown = (shape: Shape): Tensor => full(shape, Number.NaN);

/**
 * A patch's largest PCA coefficients (MAE, table 1d: 96 of the 768 values of a patch; how the basis was fitted and
 * whether it was whitened is not stated). Here: principal axes of the first patches that the run will see, centred, not
 * whitened. One number scales all coefficients so that their mean square is 1: their weights among each other stay.
 */
export class PcaTarget extends Module<[Tensor], Tensor> implements Target {
  readonly mean: Buffer; // [P]
  /** Orthonormal rows, largest variance first. */
  readonly basis: Buffer; // [O P]
  readonly scale: Buffer; // [1]
  readonly outputs: number;

  /** @param coefficients absent: an eighth of the patch's values, which is the paper's 96 of 768 */
  constructor(
    readonly patchSize: Size,
    channels: number,
    coefficients: number | undefined,
  ) {
    super();
    const values = patchSize[0] * patchSize[1] * channels;
    this.outputs = coefficients ?? Math.max(1, Math.round(values / 8));
    if (this.outputs > values) {
      throw new ConfigError({
        problem: `a patch of ${values} values has no ${this.outputs} principal axes.`,
        code: "pca",
        path: "method.pcaCoefficients",
        expected: `at most ${values}`,
        actual: this.outputs,
        remedy: "Leave pcaCoefficients out for an eighth of the patch's values.",
      });
    }
    this.mean = new Buffer([values], unknown);
    this.basis = new Buffer([this.outputs, values], unknown);
    this.scale = new Buffer([1], unknown);
  }

  /** image [B C H W] -> coefficients [B N O] */
  protected forward(image: Tensor): Tensor {
    const patches = patchify(image, this.patchSize, "channelsLast").float(); // [B N P]
    return withoutAutocast(() => patches.sub(this.mean).matmul(this.basis.transpose(0, 1))).div(this.scale); // [B N O]
  }

  loss(predicted: Tensor, wanted: Tensor): Tensor {
    return predicted.float().sub(wanted).pow(2).mean(); // []
  }

  pixels(predicted: Tensor): Tensor {
    const coefficients = predicted.float().mul(this.scale); // [B N O]
    return withoutAutocast(() => coefficients.matmul(this.basis)).add(this.mean); // [B N P]
  }

  /** The mean square of what is predicted. */
  baseline(): number {
    return 1;
  }

  note(): string {
    return `predictions are the ${this.outputs} largest of ${this.mean.size} PCA coefficients of a patch, projected back to pixels`;
  }

  fit(): TargetFit {
    return {
      patches: patchesToFit,
      run: (images) => {
        const patches = patchify(images, this.patchSize, "channelsLast").toDevice("cpu").reshape([-1, this.mean.size]);
        const { mean, basis, scale } = principalAxes(patches, this.outputs);
        this.mean.copy_(mean);
        this.basis.copy_(basis);
        this.scale.copy_(scale);
      },
    };
  }
}

/** rows [n P] -> their mean [P], the k axes of largest variance [k P], the root of the variances' mean along them [1] */
export function principalAxes(rows: Tensor, k: number): { mean: Tensor; basis: Tensor; scale: Tensor } {
  const wide = rows.to("float64"); // [n P]
  const mean = wide.mean([0]); // [P]
  const centred = wide.sub(mean);
  const covariance = centred.transpose(0, 1).matmul(centred).div(wide.side(0)); // [P P]
  const [variances, axes] = aten("linalg_eigh", covariance); // rising [P], columns [P P]
  const first = axes.side(0) - k;
  const scale = variances.slice(0, first).mean([0], true).clamp(1e-12).sqrt(); // [1]
  return { mean, basis: axes.slice(1, first).flip([1]).transpose(0, 1), scale };
}
