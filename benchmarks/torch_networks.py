"""The networks of zoo's DCGAN family in PyTorch, for the benchmarks of speed.

Layers, shapes, padding, initial weights and the constants of the normalisations are zoo's; both
networks take the labels (n,) as their second argument and ignore them where there are no classes.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import leaky_relu, relu
from torch.nn.utils.parametrizations import spectral_norm

GRID = 4
batch_norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)


class ClassNorm(nn.Module):
    """Batch normalisation whose gain and bias depend on the class."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.normalise = batch_norm(features, affine=False)
        self.gain, self.bias = nn.Embedding(classes, features), nn.Embedding(classes, features)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, x: Any, labels: Any) -> Any:
        gain, bias = (table(labels)[:, :, None, None] for table in (self.gain, self.bias))
        return self.normalise(x) * gain + bias


class Generator(nn.Module):
    """Latents (n, d) to images (n, c, H, W)."""

    def __init__(self, training: dict[str, Any]) -> None:
        super().__init__()
        c, colours = training["channels"], training["image_shape"][2]
        self.deepest, self.classes = c[-1], training["classes"]
        self.project = nn.Linear(training["latent_dim"], GRID * GRID * c[-1], bias=False)
        up = partial(nn.ConvTranspose2d, kernel_size=4, stride=2, padding=1)
        pairs = list(zip(c[:0:-1], c[-2::-1], strict=True))
        self.ups = nn.ModuleList(up(before, after, bias=False) for before, after in pairs)
        self.norms = nn.ModuleList(
            ClassNorm(n, self.classes) if self.classes else batch_norm(n) for n in c[::-1]
        )
        self.paint = up(c[0], colours)
        start(self)

    def forward(self, latents: Any, labels: Any = None) -> Any:
        first, *others = self.norms
        x = self.project(latents).unflatten(1, (self.deepest, GRID, GRID))
        x = relu(self.normalise(first, x, labels))
        for up, norm in zip(self.ups, others, strict=True):
            x = relu(self.normalise(norm, up(x), labels))
        return torch.tanh(self.paint(x))

    def normalise(self, norm: nn.Module, x: Any, labels: Any) -> Any:
        return norm(x, labels) if self.classes else norm(x)


class Discriminator(nn.Module):
    """Images (n, c, H, W) to logits (n, 1)."""

    def __init__(self, training: dict[str, Any]) -> None:
        super().__init__()
        c, norm, (side, _, colours) = (training[k] for k in ("channels", "norm", "image_shape"))
        down = partial(nn.Conv2d, kernel_size=4, stride=2, padding=1)
        downs = [down(colours, c[0])]
        biased = norm in ("spectral", "none")
        downs += [down(a, b, bias=biased) for a, b in pairwise(c)]
        sides = [side // 2 ** (stage + 2) for stage in range(len(c) - 1)]
        norms = [normalisation(norm, n, s) for n, s in zip(c[1:], sides, strict=True)]
        self.downs, self.norms = nn.ModuleList(downs), nn.ModuleList([nn.Identity(), *norms])
        self.judge = nn.Linear(GRID * GRID * c[-1], 1)
        start(self)
        self.wanted = nn.Embedding(training["classes"], c[-1]) if training["classes"] else None
        if self.wanted is not None:
            nn.init.uniform_(self.wanted.weight, -0.05, 0.05)
        if norm == "spectral":
            for layer in (*self.downs, self.judge):
                spectral_norm(layer)

    def forward(self, x: Any, labels: Any = None) -> Any:
        for down, norm in zip(self.downs, self.norms, strict=True):
            x = leaky_relu(norm(down(x)), 0.2)
        logits = self.judge(x.flatten(1))
        if self.wanted is None:
            return logits
        return logits + (x.mean((2, 3)) * self.wanted(labels)).sum(1, keepdim=True)


def normalisation(name: str, features: int, side: int) -> nn.Module:
    """What a convolution of the discriminator is followed by."""
    if name == "batch":
        return batch_norm(features)
    return nn.LayerNorm((features, side, side), eps=1e-3) if name == "layer" else nn.Identity()


def start(network: nn.Module) -> None:
    """Draw the weights of dense layers and convolutions from N(0, 0.02²)."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
