"""What the driver wrote: weights by their official names, and the other tensors."""

from safetensors import safe_open


def open_inputs(path):
    """-> {official name: tensor}, {name: tensor}"""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
    weights = {name.removeprefix("weight/"): tensors.pop(name) for name in list(tensors) if name.startswith("weight/")}
    return weights, tensors
