"""SimSiam with torchvision's ResNet-18 for small pictures in plain PyTorch: the peer that the bench compares with.

The method as in the paper (Chen and He 2020, arXiv 2011.10566) and its official code, written anew for the bench: a view after the other,
heads with batch norm, the negative cosine with a constant target. The network is torchvision's with a 3 × 3 stem and no pooling.
Parameter names are Lacuna's, which are torchvision's within the encoder and the official ones within a head.
"""

from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18


class Simsiam(nn.Module):
    """`shape` as the bench's cases state it. Weights are not initialised here: they are loaded by name."""

    def __init__(self, shape):
        super().__init__()
        width, hidden, output = 512, shape["hidden"], shape["output"]
        self.encoder = resnet18(weights=None)
        self.encoder.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.encoder.maxpool, self.encoder.fc = nn.Identity(), nn.Identity()
        self.projector = nn.Sequential(
            *(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)),
            *(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)),
            *(nn.Linear(width, output, bias=False), nn.BatchNorm1d(output, affine=False)),
        )
        self.predictor = nn.Sequential(
            *(nn.Linear(output, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True)),
            nn.Linear(hidden, output),
        )

    def forward(self, first, second):
        """Two views [B 3 S S] -> the loss, a scalar."""
        z1, z2 = self.projector(self.encoder(first)), self.projector(self.encoder(second))
        p1, p2 = self.predictor(z1), self.predictor(z2)
        near = F.cosine_similarity(p1.float(), z2.detach().float()).mean()
        return -(near + F.cosine_similarity(p2.float(), z1.detach().float()).mean()) / 2
