"""Membership inference: can somebody tell training images from held-out ones?

LOGAN (Hayes et al., arXiv:1705.07663) scores an image by the discriminator, GAN-Leaks (Chen et
al., arXiv:1909.03935, full black box) by its distance to the nearest generated image.
"""

import numpy as np
import numpy.typing as npt

FALSE_POSITIVES = 0.01

Scores = npt.NDArray[np.float64]


def auc(members: Scores, others: Scores) -> float:
    """Probability that a member scores higher than a non-member, ties by half; 0.5 is a guess.

    Args:
        members: (n,) scores of training images, higher for likelier members.
        others: (m,) scores of held-out images.
    """
    ordered = np.sort(others)
    below = np.searchsorted(ordered, members, side="left")
    up_to = np.searchsorted(ordered, members, side="right")
    return float((below + up_to).mean() / (2 * len(others)))


def true_positives(
    members: Scores, others: Scores, *, false_positives: float = FALSE_POSITIVES
) -> float:
    """Share of members found at a threshold that calls at most this share of others members.

    Args:
        members: (n,) scores of training images, higher for likelier members.
        others: (m,) scores of held-out images.
        false_positives: Share, 0 to 1; of fewer than 1 / share others none may be called one.
    """
    allowed = int(false_positives * len(others))
    threshold = np.sort(others)[len(others) - 1 - allowed]
    return float(np.mean(members > threshold))
