"""Images that differ in one thing, their contrast, for the tests of detection."""

import numpy as np

from zoo.data.imageset import ImageSet
from zoo.plugins import find

SIDE = 24
PARTS = ("train", "detect_train", "validation", "test")


def textured(n, *, contrast, seed, channels=1):
    """A coarse random field, enlarged, with fine noise; the contrast is what may differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, contrast, (n, SIDE // 4, SIDE // 4, channels))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2)
    return (90 + fine + rng.normal(0, 2, fine.shape)).clip(0, 255).astype(np.uint8)


def image_set(*, contrast=20, groups=80, tiles=3, seed=0, name="made", channels=1):
    group = np.repeat(np.arange(groups), tiles)
    n = groups * tiles
    return ImageSet(
        name=name,
        pixels=textured(n, contrast=contrast, seed=seed, channels=channels),
        index=np.arange(n),
        groups=np.array([f"{name}-{g}" for g in group]),
        ids=np.array([f"{name}-image-{i}" for i in range(n)]),
        parts=np.array([PARTS[g % 4] for g in group]),
        fingerprint=name,
    )


def generator(contrast):
    return lambda n, seed: textured(n, contrast=contrast, seed=100_000 + seed)


def logistic():
    return find("detectors", "logistic")
