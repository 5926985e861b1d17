"""The training step of zoo's DCGAN in PyTorch, for `step_speed.py`.

Layers, shapes, padding, initial weights, batch-norm constants, losses, Adam and the average are
zoo's. The step is the usual DCGAN: one pass of the generator serves both updates, and the
discriminator sees real and generated images apart. It is spared the gradients of the
discriminator's weights in the generator's update, which nothing uses, and what zoo logs.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus

BATCH, SIDE, LATENT = 64, 64, 100


def networks(width: int, channels: int) -> tuple[Any, Any]:
    """The generator and the discriminator of zoo's DCGAN."""
    norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
    c = [width, 2 * width, 4 * width, 8 * width]
    up: list[nn.Module] = [nn.Linear(LATENT, 16 * c[3], bias=False), nn.Unflatten(1, (c[3], 4, 4))]
    up += [norm(c[3]), nn.ReLU()]
    for before, after in ((c[3], c[2]), (c[2], c[1]), (c[1], c[0])):
        up += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), norm(after), nn.ReLU()]
    up += [nn.ConvTranspose2d(c[0], channels, 4, 2, 1), nn.Tanh()]
    down: list[nn.Module] = [nn.Conv2d(channels, c[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after in ((c[0], c[1]), (c[1], c[2]), (c[2], c[3])):
        down += [nn.Conv2d(before, after, 4, 2, 1, bias=False), norm(after), nn.LeakyReLU(0.2)]
    down += [nn.Flatten(), nn.Linear(16 * c[3], 1)]
    for layer in up + down:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return nn.Sequential(*up), nn.Sequential(*down)


def steps(variant: str, width: int, channels: int) -> tuple[Callable[[int], None], dict[str, Any]]:
    """A function that takes n training steps, and the facts of what it trains."""
    torch.manual_seed(0)
    g, d = networks(width, channels)
    images = torch.rand(BATCH, channels, SIDE, SIDE) * 2 - 1
    if variant.endswith("channels last"):
        g, d = (net.to(memory_format=torch.channels_last) for net in (g, d))
        images = images.to(memory_format=torch.channels_last)
    average = copy.deepcopy(g)
    averaged, averages = (
        [t for t in net.state_dict().values() if t.is_floating_point()] for net in (g, average)
    )
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999), eps=1e-7, fused=True)
    g_adam, d_adam = adam(g.parameters()), adam(d.parameters())
    weights = sum(p.numel() for net in (g, d) for p in net.parameters())
    g_net, d_net = g, d
    if variant.startswith("torch.compile"):
        g_net, d_net = (torch.compile(net, dynamic=False) for net in (g, d))
    done = 0

    def step() -> None:
        nonlocal done
        fake = g_net(torch.randn(BATCH, LATENT))
        d_adam.zero_grad()
        (softplus(-d_net(images)).mean() + softplus(d_net(fake.detach())).mean()).backward()
        d_adam.step()
        g_adam.zero_grad()
        softplus(-d_net(fake)).mean().backward(inputs=list(g.parameters()))
        g_adam.step()
        decay = min(0.995, (1 + done) / (10 + done))
        torch._foreach_lerp_(averages, averaged, 1 - decay)
        done += 1

    def take(n: int) -> None:
        for _ in range(n):
            step()

    return take, {"weights": weights, "versions": {"torch": torch.__version__}}
