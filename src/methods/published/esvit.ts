/**
 * `esvit`: checkpoints of microsoft/esvit's training: DINO's, with a second head in each network, `head_dense`, and the centre of its scores. In
 * a Swin Transformer the heads stand beside its layers; a ResNet is below `backbone.backbone.`.
 */
import type { Layout } from "../../models/published/layout.js";
import { selfDistilledLayout } from "./dino.js";

/** Of the norms of the authors' Swin Transformers. */
const normEpsilon = 1e-6;

const isSwin = (names: readonly string[]): boolean => names.some((own) => own.startsWith("patch_embed."));

/** @param name the method's, as configurations say it */
export function esvitLayout(name: string): Layout {
  return selfDistilledLayout({
    layout: "esvit",
    name,
    is: (names) => names.some((own) => /^(student|teacher)\.(module\.)?(head_dense|layers)\./.test(own)),
    encoderAt: (names) => (isSwin(names) ? "" : "backbone.backbone."),
    heads: [
      { theirs: "head.", student: "projector.", teacher: "teacher.projector." },
      { theirs: "head_dense.", student: "region_projector.", teacher: "region_teacher.projector." },
    ],
    centres: [
      ["dino_loss.center", "centre"],
      ["dino_loss.center_grid", "region_centre"],
    ],
    known: (model) => ("window" in model ? { model: { normEpsilon } } : {}),
    differs: ({ tensors, model: { normEpsilon: own = 1e-5 } }) =>
      isSwin([...tensors.keys()]) && own !== normEpsilon
        ? [`model.normEpsilon ${own}: the authors' code has ${normEpsilon}, and computes a little otherwise`]
        : [],
  });
}
