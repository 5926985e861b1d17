"""The networks of zoo's small StyleGAN2 in PyTorch, for the benchmarks of speed."""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, linear

SLOPE, RATE, GRID = 0.2, 0.01, 4
GAIN = math.sqrt(2 / (1 + SLOPE**2))


class Equalised(nn.Module):
    """A dense layer, or a convolution, whose kernel is scaled when it is used."""

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        gain: float = 1.0,
        rate: float = 1.0,
        activate: bool = False,
        bias: float | None = 0.0,
    ) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(shape) / rate)
        self.scale, self.rate = gain * rate / math.sqrt(math.prod(shape[1:])), rate
        self.bias = None
        if bias is not None:
            self.bias = nn.Parameter(torch.full(shape[:1], bias / rate))
        self.activate = activate

    def forward(self, x: Any) -> Any:
        kernel, bias = self.kernel * self.scale, self.bias
        if bias is not None and self.rate != 1:
            bias = bias * self.rate
        if kernel.ndim == 2:
            x = linear(x, kernel, bias)
        else:
            x = conv2d(x, kernel, bias, padding=kernel.shape[2] // 2)
        return leaky_relu(x, SLOPE) if self.activate else x


class Modulated(nn.Module):
    """A convolution whose input channels are scaled by a row of the styles (n, rows, d)."""

    def __init__(
        self, shape: tuple[int, ...], style_dim: int, *, row: int, gain: float, demodulate: bool
    ) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(shape))
        self.bias = None if demodulate else nn.Parameter(torch.zeros(shape[0]))
        self.affine = Equalised((shape[1], style_dim), bias=1.0)
        self.scale = gain / math.sqrt(math.prod(shape[1:]))
        self.row, self.gain, self.demodulate = row, gain, demodulate

    def forward(self, x: Any, styles: Any) -> Any:
        style, kernel = self.affine(styles[:, self.row]), self.kernel * self.scale
        x = x * style[:, :, None, None]
        x = conv2d(x, kernel, self.bias, padding=kernel.shape[2] // 2)
        if not self.demodulate:
            return x
        power = style.float().square() @ kernel.float().square().sum((2, 3)).T
        factor = self.gain * torch.rsqrt(power + 1e-8)
        return x * factor.to(x.dtype)[:, :, None, None]


class Styled(nn.Module):
    """A modulated convolution, upsampling where it is asked for, noise, bias and leaky ReLU."""

    def __init__(self, convolution: Modulated, start: int, doubled: bool) -> None:
        super().__init__()
        self.convolution, self.start, self.doubled = convolution, start, doubled
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(convolution.kernel.shape[0]))

    def forward(self, x: Any, styles: Any, noise: Any) -> Any:
        x = self.convolution(x, styles)
        x = double(x) if self.doubled else x
        height, width = x.shape[2:]
        own = noise[:, self.start : self.start + height * width] * self.strength
        own = own.reshape(-1, 1, height, width)
        return leaky_relu(x + (own + self.bias[:, None, None]), SLOPE)


class Generator(nn.Module):
    """Latents (n, rows, d), and noise (n, N), to images (n, c, H, W)."""

    def __init__(self, training: dict[str, Any]) -> None:
        super().__init__()
        c, colours = training["channels"], training["image_shape"][2]
        dim, depth = training["style_dim"], training["mapping_layers"]
        lengths = [training["latent_dim"], *[dim] * depth]
        self.mapping = nn.ModuleList(
            Equalised((after, before), gain=GAIN, rate=RATE, activate=True)
            for before, after in pairwise(lengths)
        )
        sides = [GRID, *(GRID * 2**stage for stage in range(1, len(c)) for _ in range(2))]
        starts = [sum(side**2 for side in sides[:row]) for row in range(len(sides))]
        share = len(c) ** -0.5

        def styled(before: int, after: int, row: int) -> Styled:
            shape = (after, before, 3, 3)
            layer = Modulated(shape, dim, row=row, gain=GAIN, demodulate=True)
            return Styled(layer, starts[row], row % 2 == 1)

        def coloured(before: int, row: int) -> Modulated:
            shape = (colours, before, 1, 1)
            return Modulated(shape, dim, row=row, gain=share, demodulate=False)

        self.constant = nn.Parameter(torch.randn(1, c[-1], GRID, GRID))
        wide = c[::-1]
        self.styled = nn.ModuleList([styled(c[-1], c[-1], 0)])
        self.coloured = nn.ModuleList([coloured(c[-1], 1)])
        for stage, (before, after) in enumerate(pairwise(wide)):
            self.styled.append(styled(before, after, 2 * stage + 1))
            self.styled.append(styled(after, after, 2 * stage + 2))
            self.coloured.append(coloured(after, 2 * stage + 3))

    def forward(self, latents: Any, noise: Any) -> Any:
        styles = latents * torch.rsqrt(latents.square().mean(-1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            styles = layer(styles)
        x = self.constant.expand(len(latents), -1, -1, -1)
        x = self.styled[0](x, styles, noise)
        image = self.coloured[0](x, styles)
        for stage, colour in enumerate(list(self.coloured)[1:]):
            x = self.styled[2 * stage + 1](x, styles, noise)
            x = self.styled[2 * stage + 2](x, styles, noise)
            image = double(image) + colour(x, styles)
        return image.float()


class Halved(nn.Module):
    """A residual block that halves the sides."""

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        part = math.sqrt(0.5)
        self.first = Equalised((channels, channels, 3, 3), gain=GAIN, activate=True)
        self.second = Equalised((wider, channels, 3, 3), gain=GAIN * part, activate=True)
        self.skip = Equalised((wider, channels, 1, 1), gain=part, bias=None)

    def forward(self, x: Any) -> Any:
        return self.second(avg_pool2d(self.first(x), 2)) + self.skip(avg_pool2d(x, 2))


class Discriminator(nn.Module):
    """Images (n, c, H, W) to logits (n, 1)."""

    def __init__(self, training: dict[str, Any]) -> None:
        super().__init__()
        c, colours = training["channels"], training["image_shape"][2]
        self.look = Equalised((c[0], colours, 1, 1), gain=GAIN, activate=True)
        self.blocks = nn.Sequential(*(Halved(a, b) for a, b in pairwise(c)))
        self.last = Equalised((c[-1], c[-1] + 1, 3, 3), gain=GAIN, activate=True)
        self.dense = Equalised((c[-1], c[-1] * GRID * GRID), gain=GAIN, activate=True)
        self.judge = Equalised((1, c[-1]))

    def forward(self, x: Any, labels: Any = None) -> Any:
        x = self.blocks(self.look(x))
        wide = x.float()
        variance = (wide - wide.mean(0)).square().mean(0)
        deviation = torch.sqrt(variance + 1e-8).mean().to(x.dtype)
        x = torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], 1)
        return self.judge(self.dense(self.last(x).flatten(1)))


def double(x: Any) -> Any:
    """Bilinear upsampling by 2."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
