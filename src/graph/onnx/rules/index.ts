/**
 * How each operation is written as ONNX. The table is complete by its type: a new line in src/engine/ops.ts breaks the build
 * until it has a rule here, or says what to do instead.
 */
import type { OpName } from "../../../engine/dispatch.js";
import type { Rule, Rules, Unsupported } from "./call.js";
import { elementwise } from "./elementwise.js";
import { matrix } from "./matrix.js";
import { reduce } from "./reduce.js";
import { shape } from "./shape.js";

const loss: Unsupported = { unsupported: "Export what the loss is computed from; a file that is used has no loss." };
const inPlace: Unsupported = { unsupported: "Use the form without the underscore: a graph has no changing tensors." };
const decomposition: Unsupported = { unsupported: "Decompose before the export and keep the result in a Buffer." };
const kernel: Unsupported = { unsupported: "Record without asOn: what is no plan is made of ATen's operations." };

const unsupported = {
  cross_entropy_loss: loss,
  mse_loss: loss,
  smooth_l1_loss: loss,
  binary_cross_entropy_with_logits: loss,
  linalg_svd: decomposition,
  linalg_eigh: decomposition,
  atan2: { unsupported: "Compare cross products instead of angles: ONNX has no arctangent of two numbers." },
  cdist: { unsupported: "Write the distance as matrix products: |a|² − 2 a·b + |b|²." },
  "empty.memory_format": { unsupported: "Use zeros: memory as it is found has no value to write." },
  copy_: inPlace,
  zero_: inPlace,
  "fill_.Scalar": inPlace,
  "add_.Tensor": inPlace,
  "add_.Scalar": inPlace,
  "sub_.Tensor": inPlace,
  "mul_.Scalar": inPlace,
  "mul_.Tensor": inPlace,
  "div_.Scalar": inPlace,
  addcmul_: inPlace,
  addcdiv_: inPlace,
  "lerp_.Scalar": inPlace,
  _fused_adamw_: inPlace,
  _fused_sgd_: inPlace,
  "_foreach_norm.Scalar": { unsupported: "Take the norm of each tensor: lists are the optimisers'." },
  "_foreach_mul_.Scalar": inPlace,
  "_foreach_mul_.Tensor": inPlace,
  "_foreach_add_.List": inPlace,
  "_foreach_add_.Scalar": inPlace,
  "_foreach_lerp_.Scalar": inPlace,
  _foreach_copy_: inPlace,
  "lacuna::attention": kernel,
  "lacuna::linear": kernel,
  "lacuna::layer_norm": kernel,
  "lacuna::add_branch": kernel,
  "lacuna::block": kernel,
  "lacuna::conv3x3": kernel,
  "lacuna::gelu": kernel,
  "lacuna::take": kernel,
} as const satisfies Rules;

export const rules: { readonly [O in OpName]: Rule | Unsupported } = {
  ...elementwise,
  ...matrix,
  ...reduce,
  ...shape,
  ...unsupported,
};
