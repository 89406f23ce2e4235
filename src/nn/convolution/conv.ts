import { ShapeError } from "../../engine/errors.js";
import { ConfigError } from "../../errors.js";
import { type Convolution, conv2d, depthwiseConv, linear } from "../../tensor/functional.js";
import type { Tensor } from "../../tensor/tensor.js";
import { kaimingUniform, uniformFanIn } from "../init.js";
import { Module } from "../module.js";
import { type Initializer, Parameter } from "../parameter.js";

/** Options of a convolution, as `torch.nn.Conv2d`'s, and its first values. */
export interface ConvOptions extends Convolution {
  readonly bias?: boolean;
  /** First values of the weight; PyTorch's own if absent. */
  readonly weightInit?: Initializer;
  /** First values of the bias; PyTorch's own if absent. */
  readonly biasInit?: Initializer;
}

/** Convolution of maps [B C H W], as `torch.nn.Conv2d`: the same options, state and first values. */
export class Conv2d extends Module {
  readonly weight: Parameter; // [O I/groups k k]
  readonly bias: Parameter | null; // [O]
  readonly options: Convolution;

  /** @param side of the square window @throws ConfigError where channels do not fall into groups */
  constructor(
    readonly inputs: number,
    readonly outputs: number,
    side: number,
    { bias = true, weightInit = kaimingUniform, biasInit, ...options }: ConvOptions = {},
  ) {
    super();
    const { groups = 1 } = options;
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new ConfigError({
        problem: `a convolution from ${inputs} to ${outputs} channels does not fall into ${groups} groups.`,
        code: "groups",
        expected: `channels that are multiples of ${groups}`,
        actual: { inputs, outputs, groups },
      });
    }
    this.options = options;
    const seen = inputs / groups;
    this.weight = new Parameter([outputs, seen, side, side], weightInit);
    this.bias = bias ? new Parameter([outputs], biasInit ?? uniformFanIn(seen * side * side)) : null;
  }

  /** x [B I H W] -> [B O h w] */
  protected forward(x: Tensor): Tensor {
    checkChannels("convolution", x, 1, `[B ${this.inputs} H W]`, this.inputs);
    return conv2d(x, this.weight, this.bias, this.options);
  }
}

/** How weight and bias begin; PyTorch's own where nothing is said. */
export interface FirstValues {
  readonly weightInit?: Initializer;
  readonly biasInit?: Initializer;
}

/** A convolution of each channel by itself, of maps that lie channels last; the map keeps its sides. State as `Conv2d`'s. */
export class DepthwiseConv extends Module {
  readonly weight: Parameter; // [C 1 k k]
  readonly bias: Parameter; // [C]

  /** @param side of the square window, odd */
  constructor(
    readonly width: number,
    side: number,
    { weightInit = kaimingUniform, biasInit = uniformFanIn(side * side) }: FirstValues = {},
  ) {
    super();
    this.weight = new Parameter([width, 1, side, side], weightInit);
    this.bias = new Parameter([width], biasInit);
  }

  /** x [B H W C] -> [B H W C] */
  protected forward(x: Tensor): Tensor {
    checkChannels("depthwise convolution", x, 3, `[B H W ${this.width}]`, this.width);
    return depthwiseConv(x, this.weight, this.bias);
  }
}

/** A convolution whose stride is its window, of maps that lie channels last: a product over unfolded windows. State as `Conv2d`'s. */
export class PatchConv extends Module {
  readonly weight: Parameter; // [O I p p]
  readonly bias: Parameter; // [O]

  /** @param side of the square window; it divides the maps' sides */
  constructor(
    readonly inputs: number,
    readonly outputs: number,
    readonly side: number,
    { weightInit = kaimingUniform, biasInit = uniformFanIn(inputs * side * side) }: FirstValues = {},
  ) {
    super();
    this.weight = new Parameter([outputs, inputs, side, side], weightInit);
    this.bias = new Parameter([outputs], biasInit);
  }

  /** x [B H W I] -> [B H/p W/p O] */
  protected forward(x: Tensor): Tensor {
    const { inputs: I, side: p } = this;
    checkChannels("convolution", x, 3, `[B H W ${I}]`, I);
    const [B = 0, H = 0, W = 0] = x.shape;
    const windows = x.reshape([B, H / p, p, W / p, p, I]).permute([0, 1, 3, 2, 4, 5]); // [B h w p p I]
    const weight = this.weight.permute([0, 2, 3, 1]).flatten(1); // [O p·p·I]
    return linear(windows.reshape([B, H / p, W / p, p * p * I]), weight, this.bias); // [B h w O]
  }
}

function checkChannels(what: string, x: Tensor, at: number, expected: string, width: number): void {
  if (x.rank === 4 && x.shape[at] === width) return;
  throw new ShapeError({
    problem: `${what} expects ${expected}, got [${x.shape.join(" ")}].`,
    code: "shape",
    expected,
    actual: x.shape,
  });
}
