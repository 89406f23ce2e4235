"""Stands in for the parts of MinkowskiEngine that facebookresearch/ConvNeXt-V2 uses; the engine itself runs on NVIDIA GPUs with an
old PyTorch only. Written from its documentation's definition of a submanifold convolution: an output where there is an input, a sum
over those neighbours that are there. Kernels are stored as the engine's: [k², in, out] or [k², channels], the row of the kernel
running fastest, which is what the repository's own remap_checkpoint_keys takes them for. The sites keep the size of the picture's
grid, so that `dense` gives all of it where the engine cuts off rows without a site."""
import sys, types
import torch


class Sites:
    """Where there is something: coordinates [S, 3] of (image, row, column) on a grid [B, H, W]."""

    def __init__(self, coordinates, grid):
        self.coordinates, self.grid = coordinates, grid
        self.index = torch.full(grid, -1, dtype=torch.long)
        self.index[tuple(coordinates.T)] = torch.arange(len(coordinates))

    def neighbour(self, coordinates):
        """coordinates [R, 3] -> rows of these sites [R], -1 where there is none"""
        image, row, column = coordinates.T
        inside = (row >= 0) & (row < self.grid[1]) & (column >= 0) & (column < self.grid[2])
        found = self.index[image, row.clamp(0, self.grid[1] - 1), column.clamp(0, self.grid[2] - 1)]
        return torch.where(inside, found, -1)


class SparseTensor:
    def __init__(self, features, coordinate_map_key=None, coordinate_manager=None):
        self.F, self.coordinate_map_key, self.coordinate_manager = features, coordinate_map_key, coordinate_manager

    def __add__(self, other):
        return SparseTensor(self.F + other.F, self.coordinate_map_key, self.coordinate_manager)

    def dense(self):
        sites = self.coordinate_manager
        image, row, column = sites.coordinates.T
        whole = self.F.new_zeros(*sites.grid, self.F.shape[1])
        return whole.index_put((image, row, column), self.F).permute(0, 3, 1, 2), None, None


def to_sparse(x):
    """[B C H W] -> the sites at which any channel is not zero"""
    coordinates = (x != 0).any(1).nonzero()
    image, row, column = coordinates.T
    return SparseTensor(x.permute(0, 2, 3, 1)[image, row, column], coordinate_manager=Sites(coordinates, (x.shape[0], *x.shape[2:])))


def gathered(features, rows):
    """rows of features, zero for -1"""
    return torch.cat([features, features.new_zeros(1, features.shape[1])])[rows]


class MinkowskiDepthwiseConvolution(torch.nn.Module):
    def __init__(self, channels, kernel_size, bias, dimension):
        super().__init__()
        self.kernel_size = kernel_size
        self.kernel = torch.nn.Parameter(torch.randn(kernel_size ** 2, channels))
        self.bias = torch.nn.Parameter(torch.zeros(1, channels))

    def forward(self, x):
        sites, half, total = x.coordinate_manager, self.kernel_size // 2, 0
        for k in range(self.kernel_size ** 2):
            offset = torch.tensor([0, k % self.kernel_size - half, k // self.kernel_size - half])
            total = total + gathered(x.F, sites.neighbour(sites.coordinates + offset)) * self.kernel[k]
        return SparseTensor(total + self.bias, None, sites)


class MinkowskiConvolution(torch.nn.Module):
    def __init__(self, inputs, outputs, kernel_size, stride, bias, dimension):
        super().__init__()
        assert kernel_size == stride
        self.stride = stride
        self.kernel = torch.nn.Parameter(torch.randn(stride ** 2, inputs, outputs))
        self.bias = torch.nn.Parameter(torch.zeros(1, outputs))

    def forward(self, x):
        sites, s = x.coordinate_manager, self.stride
        scale = torch.tensor([1, s, s])
        coarse = Sites(torch.unique(sites.coordinates // scale, dim=0), (sites.grid[0], sites.grid[1] // s, sites.grid[2] // s))
        total = 0
        for k in range(s ** 2):
            total = total + gathered(x.F, sites.neighbour(coarse.coordinates * scale + torch.tensor([0, k % s, k // s]))) @ self.kernel[k]
        return SparseTensor(total + self.bias, None, coarse)


class MinkowskiLinear(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = torch.nn.Linear(inputs, outputs)

    def forward(self, x):
        return SparseTensor(self.linear(x.F), None, x.coordinate_manager)


class MinkowskiGELU(torch.nn.Module):
    def forward(self, x):
        return SparseTensor(torch.nn.functional.gelu(x.F), None, x.coordinate_manager)


def grn_of_each_image(self, x):
    """The repository's MinkowskiGRN.forward with the norm over the sites of an image, as the paper and its JAX code have it, where
    the release takes all sites of the batch together."""
    image = x.coordinate_manager.coordinates[:, 0]
    squares = x.F.new_zeros(x.coordinate_manager.grid[0], x.F.shape[1]).index_add(0, image, x.F ** 2)
    norm = squares.sqrt()
    share = norm / (norm.mean(dim=-1, keepdim=True) + 1e-6)
    return SparseTensor(self.gamma * (x.F * share[image]) + self.beta + x.F, None, x.coordinate_manager)


def install():
    engine, ops = types.ModuleType("MinkowskiEngine"), types.ModuleType("MinkowskiOps")
    for part in (MinkowskiConvolution, MinkowskiDepthwiseConvolution, MinkowskiLinear, MinkowskiGELU, SparseTensor):
        setattr(engine, part.__name__, part)
    ops.to_sparse = to_sparse
    sys.modules.update(MinkowskiEngine=engine, MinkowskiOps=ops)
