"""ConvNeXt V2's encoder on the visible sites of a masked picture, by plain loops over sites in NumPy and float64: independent of the
official code, of our dense form of it and of PyTorch. make_fcmae.py stores what `features` returns as `sparse/features`.

usage: python make_sparse.py FILE.safetensors    compares `sparse/features` in a file with what is computed from its weights"""
import math, sys
import numpy as np

erf = np.vectorize(math.erf)
gelu = lambda x: .5 * x * (1 + erf(x / math.sqrt(2)))


def layer_norm(x, weights, at):
    centred = x - x.mean()
    return centred / math.sqrt((centred ** 2).mean() + 1e-6) * weights[at + ".weight"] + weights[at + ".bias"]


def block(sites, weights, at):
    """{(row, column): vector} of one image -> the same sites"""
    kernel, bias = weights[at + ".dwconv.weight"], weights[at + ".dwconv.bias"]  # [c 1 7 7]
    hidden = {}
    for row, column in sites:
        total = bias.copy()
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                neighbour = sites.get((row + dy, column + dx))
                if neighbour is not None: total = total + kernel[:, 0, dy + 3, dx + 3] * neighbour
        x = layer_norm(total, weights, at + ".norm")
        hidden[row, column] = gelu(weights[at + ".pwconv1.weight"] @ x + weights[at + ".pwconv1.bias"])
    norm = np.sqrt(sum(x ** 2 for x in hidden.values()))
    share = norm / (norm.mean() + 1e-6)
    gamma, beta = weights[at + ".grn.gamma"].reshape(-1), weights[at + ".grn.beta"].reshape(-1)
    second = lambda x: weights[at + ".pwconv2.weight"] @ (gamma * (x * share) + beta + x) + weights[at + ".pwconv2.bias"]
    return {site: sites[site] + second(x) for site, x in hidden.items()}


def halve(sites, weights, at):
    kernel, bias = weights[at + ".1.weight"], weights[at + ".1.bias"]  # [out in 2 2]
    normed = {site: layer_norm(x, weights, at + ".0") for site, x in sites.items()}
    coarse = {(row // 2, column // 2): bias.copy() for row, column in sites}
    for (row, column), x in normed.items(): coarse[row // 2, column // 2] += kernel[:, :, row % 2, column % 2] @ x
    return coarse


def stem(image, visible, weights):
    """image [C H W] -> sites of 4 x 4 pixels that lie in a visible cell"""
    kernel, bias = weights["downsample_layers.0.0.weight"], weights["downsample_layers.0.0.bias"]  # [c C 4 4]
    each = image.shape[1] // 4 // len(visible)  # sites of a cell, down and across
    sites = {}
    for row in range(image.shape[1] // 4):
        for column in range(image.shape[2] // 4):
            if not visible[row // each][column // each]: continue
            pixels = image[:, 4 * row:4 * row + 4, 4 * column:4 * column + 4]
            x = np.tensordot(kernel, pixels, axes=3) + bias
            sites[row, column] = layer_norm(x, weights, "downsample_layers.0.1")
    return sites


def features(weights, images, mask, depths):
    """dense names of weights, images [B C H W], mask [B N] with 1 = hidden -> [B D h w], zero where hidden"""
    weights = {name: np.asarray(w, dtype=np.float64) for name, w in weights.items()}
    side, out = math.isqrt(mask.shape[1]), []
    for image, hidden in zip(np.asarray(images, dtype=np.float64), np.asarray(mask)):
        sites = stem(image, hidden.reshape(side, side) == 0, weights)
        for stage, depth in enumerate(depths):
            if stage > 0: sites = halve(sites, weights, f"downsample_layers.{stage}")
            for i in range(depth): sites = block(sites, weights, f"stages.{stage}.{i}")
        whole = np.zeros((len(next(iter(sites.values()))), side, side))
        for (row, column), x in sites.items(): whole[:, row, column] = x
        out.append(whole)
    return np.stack(out)


if __name__ == "__main__":
    import json
    from safetensors import safe_open
    with safe_open(sys.argv[1], "np") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}
        depths = json.loads(file.metadata()["config"])["model"]["depths"]
    weights = {name[7:]: w for name, w in stored.items() if name.startswith("weight/")}
    found = features(weights, stored["view/image"], stored["out/mask"], depths)
    for name in ("sparse/features", "out/features"):
        print(name, "max |a - b| / max |b|", np.abs(found - stored[name]).max() / np.abs(stored[name]).max())
