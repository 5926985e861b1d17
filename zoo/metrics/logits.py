"""Inception Score (Salimans et al., arXiv:1606.03498), from the logits of a classifier.

It compares with nothing real: a generator that copies one image of each ImageNet class scores
highest. It is offered because older papers state it, and never stands for a run.
"""

from typing import ClassVar

import numpy as np

from zoo.errors import ZooError
from zoo.metrics.features import blocks
from zoo.metrics.protocol import Array, Context

SPLITS = 10
LEAST_FOR_SPLITS = 5000


def inception_score(logits: Array, *, splits: int = 1, seed: int = 0) -> list[float]:
    """exp E KL(p(y|x) ‖ p(y)) of each of several equal parts of generated images.

    Args:
        logits: (n, classes), before the softmax.
        splits: Number of parts that the images are dealt out to at random.
        seed: Seed of the dealing.

    Returns:
        A value from 1 to the number of classes for each part; it grows with the part's size.

    Raises:
        zoo.errors.ZooError: If there are fewer images than parts, or values that are not finite.
    """
    if len(logits) < splits:
        raise ZooError(f"{len(logits)} generated images are too few for {splits} parts")
    order = np.random.default_rng(seed).permutation(len(logits)) % splits
    counts = np.bincount(order, minlength=splits)
    marginal, negative_entropy = np.zeros((splits, logits.shape[1])), np.zeros(splits)
    start = 0
    for block in blocks(logits, "generated"):
        parts = order[start : start + len(block)]
        start += len(block)
        shifted = block - block.max(axis=1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        np.add.at(marginal, parts, np.exp(log_p))
        np.add.at(negative_entropy, parts, (np.exp(log_p) * log_p).sum(axis=1))
    marginal /= counts[:, None]
    entropy = -(marginal * np.log(np.maximum(marginal, np.finfo(np.float64).tiny))).sum(axis=1)
    return [float(value) for value in np.exp(negative_entropy / counts + entropy)]


class InceptionScore:
    """The mean Inception Score of the generated images; the reals' stands beside it.

    Attributes:
        settings: What the protocol card prints.
    """

    settings: ClassVar[dict[str, object]] = {
        "estimator": "exp of the mean KL divergence of the classes of an image from those of all",
        "splits": f"{SPLITS}; 1 under {LEAST_FOR_SPLITS} images",
    }

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The score from logits (n, classes) and (m, classes)."""
        return float(np.mean(_scores(fake, context)))

    def beside(self, real: Array, fake: Array, context: Context) -> dict[str, float]:
        """The real images' score, and the spread over the parts if there are several."""
        scores = _scores(fake, context)
        spread = {"standard_deviation_over_splits": float(np.std(scores))}
        real_score = {"real_images": float(np.mean(_scores(real, context)))}
        return real_score | (spread if len(scores) > 1 else {})


def _scores(logits: Array, context: Context) -> list[float]:
    splits = SPLITS if len(logits) >= LEAST_FOR_SPLITS else 1
    return inception_score(logits, splits=splits, seed=context.seed)


score = InceptionScore()
