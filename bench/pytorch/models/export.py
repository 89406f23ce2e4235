"""timm's encoder with drawn weights: as timm's safetensors, which Lacuna reads, and as ONNX by PyTorch's own exporter.

usage: python export.py FOLDER '<a case>'
"""

import json
import os
import sys

import torch
from safetensors.torch import save_file

from published import timm_encoder


def main(folder, settings):
    torch.manual_seed(0)
    model = timm_encoder(settings)
    save_file(model.state_dict(), os.path.join(folder, "model.safetensors"))
    side = settings["imageSize"]
    torch.onnx.export(
        model,
        (torch.randn(2, 3, side, side),),
        os.path.join(folder, "pytorch.onnx"),
        dynamo=True,
        opset_version=18,
        input_names=["pixel_values"],
        output_names=["last_hidden_state"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
    )


main(sys.argv[1], json.loads(sys.argv[2]))
