"""Walks through the latent space: between latents, and styles mixed at a layer."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoo.errors import UsageError
from zoo.gan.inputs import LABELS, draw
from zoo.gan.sampling import find_labels, rendered

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Images = npt.NDArray[Any]


def interpolation(
    gan: "GAN",
    rows: int,
    steps: int,
    *,
    seed: int = 0,
    to_seed: int | None = None,
    labels: npt.ArrayLike | None = None,
    truncation: float = 1.0,
    dtype: str = "uint8",
) -> Images:
    """Images along arcs between random latents, row by row.

    Latents of many dimensions lie near a sphere, so the way between two goes along it, not across
    (spherical interpolation). Whatever else the generator draws, and the class, stay the same
    within a row.

    Args:
        gan: Its averaged generator renders.
        rows: Pairs of latents.
        steps: Images in a row, both ends included, at least 2.
        seed: Of the latents.
        to_seed: Of the latents at the ends of the rows, which are those of its first images; by
            default the ends follow the beginnings in the latents of `seed`.
        labels: Class indices (rows,) for a conditional generator.
        truncation: As in `GAN.sample`.
        dtype: `uint8` or `uint16`.

    Returns:
        (rows · steps, H, W, C).
    """
    if rows < 1 or steps < 2:
        raise UsageError(f"interpolation needs 1 row and 2 steps or more, not {rows} and {steps}")
    named = draw(gan.random_shapes, 2 * rows, seed)
    first, last = named["latents"][:rows], named["latents"][rows:]
    if to_seed is not None:
        last = draw(gan.random_shapes, rows, to_seed)["latents"]
    ways = [_arc(first, last, share) for share in np.linspace(0.0, 1.0, steps)]
    held = {name: np.repeat(values[:rows], steps, 0) for name, values in named.items()}
    held["latents"] = np.stack(ways, axis=1).reshape(rows * steps, *first.shape[1:])
    if (chosen := find_labels(gan, rows, labels, seed)) is not None:
        held[LABELS] = np.repeat(chosen, steps)
    return rendered(gan, held, truncation, dtype)


def _arc(first: Images, last: Images, share: float) -> Images:
    """The point at a share of the way along the arc from the first to the last latents (n, d)."""
    lengths = [np.linalg.norm(ends, axis=-1, keepdims=True) for ends in (first, last)]
    cosine = (first * last).sum(-1, keepdims=True) / (lengths[0] * lengths[1])
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    sine = np.maximum(np.sin(angle), 1e-6)
    way = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / sine
    found: Images = way.astype(np.float32)
    return found


def style_mixing(gan: "GAN", n: int, *, seed: int = 0) -> Images:
    """A table of images: each row's coarse styles with each column's fine ones.

    Args:
        gan: A GAN that `mixes_styles`: `mix(coarse, fine, crossover, noise=…)` and `style_layers`.
        n: Rows, and columns.
        seed: Of the latents.

    Returns:
        ((n + 1)², H, W, C): the first row and column are the unmixed images, the corner is empty.

    Raises:
        zoo.errors.UsageError: If the generator has no styles.
    """
    if not getattr(gan, "mixes_styles", False):
        raise UsageError(f"{type(gan).__name__} has no styles to mix")
    model: Any = gan
    named = draw(gan.random_shapes, 2 * n, seed)
    latents, noise = named["latents"], np.repeat(named["noise"][:1], n, 0)
    coarse, fine = latents[:n], latents[n:]
    crossover = model.style_layers // 2
    columns = model.mix(fine, fine, crossover, noise=noise)
    table = [np.zeros_like(columns[:1]), columns]
    for row in coarse:
        same = np.repeat(row[None], n, 0)
        table += [model.mix(row[None], row[None], crossover, noise=noise[:1])]
        table += [model.mix(same, fine, crossover, noise=noise)]
    return np.concatenate(table)
