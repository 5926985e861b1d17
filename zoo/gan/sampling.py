"""Images from a trained generator, in integers."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from zoo.errors import UsageError
from zoo.gan.inputs import LABELS, Draws, draw_labels
from zoo.gan.pixels import quantise

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Array = npt.NDArray[Any]
BATCH = 64


def sample(
    gan: "GAN",
    n: int,
    labels: npt.ArrayLike | None,
    seed: int,
    truncation: float,
    dtype: Literal["uint8", "uint16"],
) -> Array:
    """Images from the averaged generator; `GAN.sample` documents it."""
    images = np.empty((n, *gan.image_shape), dtype)
    for i, batch in enumerate(batches(gan, n, labels, seed, truncation, dtype)):
        images[i * BATCH : i * BATCH + len(batch)] = batch
    return images


def batches(
    gan: "GAN",
    n: int,
    labels: npt.ArrayLike | None,
    seed: int,
    truncation: float,
    dtype: str,
) -> Iterator[Array]:
    """The images of `sample`, at most 64 at a time."""
    draws = Draws(gan.random_shapes, seed)
    chosen = find_labels(gan, n, labels, seed)
    for start in range(0, n, BATCH):
        here = slice(start, min(start + BATCH, n))
        named = draws.take(here.stop - start)
        if chosen is not None:
            named[LABELS] = chosen[here]
        yield _batch(gan, named, truncation, dtype)


def find_labels(
    gan: "GAN", n: int, labels: npt.ArrayLike | None, seed: int
) -> npt.NDArray[np.int32] | None:
    """Classes (n,) of a sample, drawn as often as in training unless they are given.

    Raises:
        zoo.errors.UsageError: If the generator takes none, or they are no classes of it.
    """
    if not gan.classes:
        if labels is not None:
            raise UsageError(f"{type(gan).__name__} is not conditional: it takes no labels")
        return None
    if labels is None:
        return draw_labels(gan.class_shares, n, seed)
    chosen = np.asarray(labels)
    if chosen.shape != (n,) or chosen.dtype.kind not in "iu":
        raise UsageError(f"labels must be {n} whole numbers, not {chosen.dtype} {chosen.shape}")
    if n and not 0 <= chosen.min() <= chosen.max() < gan.classes:
        raise UsageError(f"labels must be from 0 to {gan.classes - 1}")
    return chosen.astype(np.int32)


def rendered(
    gan: "GAN", named: Mapping[str, Array], truncation: float = 1.0, dtype: str = "uint8"
) -> Array:
    """Images of inputs that are given rather than drawn.

    Args:
        gan: Its averaged generator renders.
        named: The generator's inputs by name, (n, …) each.
        truncation: As in `GAN.sample`.
        dtype: `uint8` or `uint16`.

    Returns:
        (n, H, W, C).
    """
    n = len(next(iter(named.values())))
    images = np.empty((n, *gan.image_shape), dtype)
    for start in range(0, n, BATCH):
        here = slice(start, start + BATCH)
        part = {name: values[here] for name, values in named.items()}
        images[here] = _batch(gan, part, truncation, dtype)
    return images


def _batch(gan: "GAN", named: Mapping[str, Array], truncation: float, dtype: str) -> Array:
    """Images of a part, computed as a whole batch always, for the last bit may depend on it."""
    n = len(next(iter(named.values())))
    whole = {}
    for name, values in named.items():
        whole[name] = np.zeros((BATCH, *values.shape[1:]), values.dtype)
        whole[name][:n] = values
    return quantise(np.asarray(gan.render(whole, truncation))[:n], dtype)
