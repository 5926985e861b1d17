"""What a network is fed: latents, labels, and whatever further inputs it declares."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Tensor = Any
Named = dict[str, Any]
LABELS = "labels"


def names(network: keras.Model, default: str) -> list[str]:
    """The inputs of a network by name; one that takes a single tensor is said to take `default`."""
    structure = _structure(network)
    if isinstance(structure, Mapping):
        return list(structure)
    if isinstance(structure, Sequence):
        return [tensor.name for tensor in structure]
    return [default]


def feed(network: keras.Model, named: Mapping[str, Tensor]) -> Any:
    """Named tensors in the structure that the network was built with.

    Args:
        network: Built with one input, with a list of named ones, or with a mapping.
        named: Tensors by name; those that the network does not take are left out.
    """
    structure = _structure(network)
    if isinstance(structure, Mapping):
        return {name: named[name] for name in structure}
    if isinstance(structure, Sequence):
        return [named[tensor.name] for tensor in structure]
    return next(iter(named.values()))


def random_shapes(generator: keras.Model, latent_dim: int) -> dict[str, tuple[int, ...]]:
    """Shapes, without the batch, of what the generator draws: every input but `labels`."""
    structure = _structure(generator)
    if isinstance(structure, Mapping):
        shapes = {name: tuple(tensor.shape[1:]) for name, tensor in structure.items()}
    elif isinstance(structure, Sequence):
        shapes = {tensor.name: tuple(tensor.shape[1:]) for tensor in structure}
    else:
        shapes = {"latents": (latent_dim,)}
    # The latents come first: their numbers do not depend on what else is drawn.
    order = sorted(shapes, key=lambda name: (name != "latents", name))
    return {name: shapes[name] for name in order if name != LABELS}


def draw(shapes: Mapping[str, tuple[int, ...]], n: int, seed: int) -> Named:
    """Standard normal numbers for n images; image i of a seed does not depend on n.

    Args:
        shapes: What `random_shapes` gives.
        n: How many images.
        seed: The latents' seed; every further input has a stream of its own.
    """
    return Draws(shapes, seed).take(n)


class Draws:
    """The numbers of one image after another, so that many need no memory at once.

    Args:
        shapes: What `random_shapes` gives.
        seed: The latents' seed; every further input has a stream of its own.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], seed: int) -> None:
        self.shapes = shapes
        self.streams = [
            np.random.Generator(
                np.random.Philox(key=[seed, stream]) if stream else np.random.Philox(seed)
            )
            for stream in range(len(shapes))
        ]

    def take(self, n: int) -> Named:
        """The next n images' numbers by input, (n, …) float32 each."""
        pairs = zip(self.shapes.items(), self.streams, strict=True)
        return {
            name: stream.standard_normal((n, *shape)).astype(np.float32)
            for (name, shape), stream in pairs
        }


def draw_labels(shares: npt.ArrayLike, n: int, seed: int) -> npt.NDArray[np.int32]:
    """Classes as often as in the training images; label i of a seed does not depend on n.

    Args:
        shares: Share of each class, (classes,), summing to 1.
        n: How many labels.
        seed: Of the latents; the labels have a stream of their own.
    """
    bits = np.random.Philox(key=[seed, 2**32])
    uniform = np.random.Generator(bits).random(n)
    edges = np.cumsum(np.asarray(shares, np.float64))
    return np.minimum(np.searchsorted(edges, uniform, "right"), len(edges) - 1).astype(np.int32)


def _structure(network: keras.Model) -> Any:
    """The symbolic inputs as the network was built; one tensor if it does not say."""
    try:
        return network.input
    except (AttributeError, ValueError):
        return None
