"""A generator's training step in PyTorch, for `step_speed.py`, `first_step.py` and `gpu.py`.

Networks, losses, penalties, Adam, updates of the discriminator and the average are those that zoo
reports of its own. One pass of the generator serves both updates, and the discriminator sees real
and generated images apart. The step is spared the gradients of the discriminator's weights in the
generator's update, which nothing uses, and what zoo logs. PyTorch compiles no second derivative, so
under torch.compile the pass that a penalty differentiates is an eager one.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch_networks
import torch_style
from torch.nn.functional import relu, softplus

Training = dict[str, Any]
LOSSES: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "bce": (
        lambda real, fake: softplus(-real).mean() + softplus(fake).mean(),
        lambda fake: softplus(-fake).mean(),
    ),
    "least-squares": (
        lambda real, fake: 0.5 * ((real - 1).square().mean() + fake.square().mean()),
        lambda fake: 0.5 * (fake - 1).square().mean(),
    ),
    "hinge": (
        lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(),
        lambda fake: -fake.mean(),
    ),
    "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
}


def networks(training: Training) -> tuple[Any, Any]:
    """The generator and the discriminator."""
    family = torch_style if training["family"] == "style" else torch_networks
    return family.Generator(training), family.Discriminator(training)


class Step:
    """One training step at a time.

    Args:
        variant: `PyTorch` or `torch.compile`, and perhaps `, channels last`.
        training: What zoo reports of its own.
        device: `cpu` or `cuda`.
        precision: `float32`, or `bfloat16` for autocast.
    """

    def __init__(
        self, variant: str, training: Training, device: str = "cpu", precision: str = "float32"
    ) -> None:
        torch.manual_seed(0)
        self.training, self.done = training, 0
        self.place = {"device": device}
        layout = torch.contiguous_format
        if variant.endswith("channels last"):
            layout = torch.channels_last
        self.g, self.d = (net.to(device=device, memory_format=layout) for net in networks(training))
        self.layout = layout
        self.average = copy.deepcopy(self.g)
        self.averaged, self.averages = (
            [t for t in net.state_dict().values() if t.is_floating_point()]
            for net in (self.g, self.average)
        )
        options = {"betas": training["betas"], "eps": training["epsilon"], "fused": True}
        self.g_adam, self.d_adam = (
            torch.optim.Adam(net.parameters(), lr=rate, **options)
            for net, rate in zip((self.g, self.d), training["learning_rates"], strict=True)
        )
        self.d_loss, self.g_loss = LOSSES[training["loss"]]
        self.amp = partial(
            torch.autocast, device, dtype=torch.bfloat16, enabled=precision != "float32"
        )
        self.g_net, self.d_net, self.d_slopes = self.g, self.d, self.d
        if variant.startswith("torch.compile"):
            self.g_net, self.d_net = (torch.compile(n, dynamic=False) for n in (self.g, self.d))

    def drawn(self, n: int) -> tuple[Any, Any]:
        """Latents, and the noise where the generator takes it."""
        length, stages = self.training["latent_dim"], len(self.training["channels"])
        latents = torch.randn(n, length, **self.place)
        if self.training["family"] != "style":
            return latents, None
        rows = 2 * stages
        second, u = torch.randn(n, length, **self.place), torch.rand(n, 2, **self.place)
        crossover = 1 + (u[:, 1] * (rows - 1)).int()
        crossover = torch.where(u[:, 0] < self.training["mixing"], crossover, rows)
        first = torch.arange(rows, **self.place)[None] < crossover[:, None]
        latents = torch.where(first[..., None], latents[:, None], second[:, None])
        numbers = sum(k * 4**stage for stage, k in enumerate([1, *[2] * (stages - 1)])) * 16
        return latents, torch.randn(n, numbers, **self.place)

    def __call__(self, images: Any, labels: Any = None) -> Any:
        """Update both networks and the average; the generator's loss."""
        n = self.training["batch"]
        latents, extra = self.drawn(n)
        named = labels[:n] if labels is not None else extra
        with self.amp():
            fake = self.g_net(latents, named)
        self.d.requires_grad_(True)
        for part in range(self.training["n_critic"]):
            here = slice(part * n, (part + 1) * n)
            shown = fake.detach() if part == 0 else self.made(None if labels is None else named)
            self.update_discriminator(images[here], shown, None if labels is None else labels[here])
        self.d.requires_grad_(False)
        self.g_adam.zero_grad()
        with self.amp():
            loss = self.g_loss(self.d_net(fake, labels[:n] if labels is not None else None).float())
        loss.backward()
        self.g_adam.step()
        decay = min(self.training["ema_decay"], (1 + self.done) / (10 + self.done))
        torch._foreach_lerp_(self.averages, self.averaged, 1 - decay)
        self.done += 1
        return loss.detach()

    def made(self, labels: Any) -> Any:
        """Fresh images for another update of the discriminator."""
        latents, extra = self.drawn(self.training["batch"])
        with torch.no_grad(), self.amp():
            return self.g_net(latents, extra if labels is None else labels)

    def update_discriminator(self, real: Any, fake: Any, labels: Any) -> None:
        """The loss, and the penalties when they are due."""
        every = self.training["lazy_every"]
        r1, gp = ((self.done % every == 0) * self.training[k] for k in ("r1_gamma", "gp_weight"))
        self.d_adam.zero_grad()
        with self.amp():
            if r1:
                real = real.detach().requires_grad_()
            answer = self.d_slopes if r1 else self.d_net
            real_logits = answer(real, labels).float()
            loss = self.d_loss(real_logits, self.d_net(fake, labels).float())
            if r1:
                loss = loss + every * r1 * 0.5 * squared_slopes(real_logits, real).mean()
            if gp:
                mix = torch.rand(len(real), 1, 1, 1, **self.place)
                between = (mix * real + (1 - mix) * fake).requires_grad_()
                squared = squared_slopes(self.d_slopes(between, labels).float(), between)
                distance = torch.sqrt(squared + 1e-12) - 1
                loss = loss + every * gp * distance.square().mean()
        loss.backward()
        self.d_adam.step()


def squared_slopes(logits: Any, images: Any) -> Any:
    """The squared norm (n,) of the logits' gradient with respect to each image."""
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slopes.square().sum((1, 2, 3))


def why_not_compiled(training: Training, device: str = "cpu") -> str | None:
    """What PyTorch says of a compiled penalty, or `None` where there is none, or it is possible."""
    if not training["r1_gamma"] and not training["gp_weight"]:
        return None
    net = torch.compile(networks(training)[1].to(device), dynamic=False)
    side, _, colours = training["image_shape"]
    images = torch.rand(2, colours, side, side, device=device, requires_grad=True)
    try:
        squared_slopes(net(images), images).mean().backward()
    except RuntimeError as error:
        return str(error).strip().splitlines()[0]
    return None


def steps(
    variant: str, training: Training, device: str = "cpu", precision: str = "float32"
) -> tuple[Callable[[int], None], dict[str, Any]]:
    """A function that takes n training steps, and the facts of what it trains.

    Args:
        variant: As of `Step`.
        training: As of `Step`.
        device: As of `Step`.
        precision: As of `Step`.
    """
    compiled = variant.startswith("torch.compile")
    note = why_not_compiled(training, device) if compiled else None
    step = Step(variant, training, device, precision)
    side, _, colours = training["image_shape"]
    n = training["batch"] * training["n_critic"]
    images = torch.rand(n, colours, side, side, device=device) * 2 - 1
    images = images.to(memory_format=step.layout)
    labels = torch.arange(n, device=device) % training["classes"] if training["classes"] else None

    def take(count: int) -> None:
        for _ in range(count):
            loss = step(images, labels)
        float(loss)  # waits for a GPU

    facts = {"weights": sizes(step), "versions": {"torch": torch.__version__}}
    return take, facts | ({"note": f"its penalty is eager: {note}"} if note else {})


def sizes(step: Step) -> dict[str, list[int]]:
    """How many numbers each weight of both networks has, in order of size."""
    nets = {"generator": step.g, "discriminator": step.d}
    return {name: sorted(p.numel() for p in net.parameters()) for name, net in nets.items()}
