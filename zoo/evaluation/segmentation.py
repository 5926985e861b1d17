"""Are generated images with their masks worth training a segmentation on?

One U-Net, trained on real, on generated and on both kinds of pairs with the same steps, and tested
on real images which neither it nor the generator has seen.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.evaluation.card import card, data_facts, origin
from zoo.evaluation.cells import Cells
from zoo.evaluation.classification import DRAWS, summary
from zoo.evaluation.draw import draw
from zoo.metrics.features import to_uint8
from zoo.progress import progress

ARMS = ("real", "synthetic", "real + synthetic")
SCORES = ("dice", "iou")
MIN_GROUPS = 4
VALIDATION = 512  # images at most, spread over the groups: they are asked eight times a training

Masks = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Make = Callable[[int, int], tuple[npt.NDArray[Any], Masks]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        seeds: How many, of networks and of generated images.
        seed: The first.
        n: Real training images at most, spread over the groups; as many are generated.
        steps: Optimiser steps in every arm.
        width: Channels of the U-Net at full resolution.
    """

    seeds: int = 3
    seed: int = 0
    n: int = 2000
    steps: int = 800
    width: int = 16


@dataclass(frozen=True)
class Pairs:
    """Images with their masks.

    Attributes:
        images: (n, H, W, C) uint8.
        masks: (n, H, W), true inside.
        groups: (n,) str.
    """

    images: npt.NDArray[np.uint8]
    masks: Masks
    groups: npt.NDArray[np.str_]


def segmentation(
    images: ImageSet,
    make: Make,
    plan: Plan | None = None,
    *,
    build: Callable[..., Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Train in every arm, choose on `validation`, measure once on `test`.

    Args:
        images: Real images with masks and their splits; the generator has seen `train`.
        make: `make(n, seed)`, generated images of the images' type and masks (n, H, W) bool.
        plan: What to measure.
        build: Another network in place of `zoo.evaluation.unet.UNet`, called as
            `build(seed, steps=…, width=…)`, with its `fit` and `predict`.
        facts: What the generated images depend on.
        folder: Where finished trainings are kept, so that an interrupted measurement goes on.

    Returns:
        What segmentation.json holds.

    Raises:
        zoo.errors.UsageError: If there are no masks.
        zoo.errors.NotComputed: If the images are too few for any number to be believed.
        zoo.errors.ZooError: If generated images differ in type or size from the real ones.
    """
    plan = plan or Plan()
    if images.instances is None:
        raise UsageError(f"{images.name} has no masks")
    training, validation = (
        draw(images.split(part), n, seed=plan.seed)
        for part, n in (("train", plan.n), ("validation", VALIDATION))
    )
    parts = [_pairs(part) for part in (training, validation, images.split("test"))]
    _check(parts[1], parts[2])
    known = {"data": images.fingerprint, "n": len(training), "synthetic": dict(facts or {})}
    known |= {key: value for key, value in asdict(plan).items() if key != "seeds"}
    cells = Cells(folder)
    found: dict[str, list[Any]] = {arm: [] for arm in ARMS}
    with progress("Training U-Nets", plan.seeds * len(ARMS), "trainings") as advance:
        for seed in range(plan.seed, plan.seed + plan.seeds):
            made = _Once(partial(_generated, make, training, seed))
            for arm in ARMS:
                measure = partial(_measure, arm, parts, made, build, plan, seed)
                found[arm].append(cells.take({**known, "arm": arm, "number": seed}, measure))
                advance(1)
    groups = parts[2].groups
    scores = {arm: _scores(found[arm], groups) for arm in ARMS}
    return {
        "arms": list(ARMS),
        "table": [_row(arm, found[arm], scores[arm]) for arm in ARMS],
        "differences": [
            {
                "arm": arm,
                "against": ARMS[0],
                **{name: _difference(scores[arm][name], scores[ARMS[0]][name]) for name in SCORES},
            }
            for arm in ARMS[1:]
        ],
        "ratios": [
            {"of": name, **_difference(scores["synthetic"][name], scores["real"][name], ratio=True)}
            for name in SCORES
        ],
        "not_computed": [],
        "protocol": _protocol(images, parts, plan, known),
    }


class _Once:
    """Generated pairs of a seed, made when an arm that is not measured yet asks for them."""

    def __init__(self, make: Callable[[], Pairs]) -> None:
        self._make = make
        self._made: Pairs | None = None

    def __call__(self) -> Pairs:
        if self._made is None:
            self._made = self._make()
        return self._made


def _pairs(images: ImageSet) -> Pairs:
    masks = np.asarray(images.masks) > 0
    return Pairs(to_uint8(images[:]), masks, images.groups.astype(str))


def _check(validation: Pairs, test: Pairs) -> None:
    if not len(validation.images):
        raise NotComputed("no images in validation")
    if (groups := len(np.unique(test.groups))) < MIN_GROUPS:
        raise NotComputed(f"{groups} groups in test, at least {MIN_GROUPS} are needed")


def _generated(make: Make, training: ImageSet, seed: int) -> Pairs:
    images, masks = make(len(training), seed)
    if images.dtype != training.dtype or images.shape != training.shape:
        raise ZooError(
            f"real images are {training.dtype} {training.shape}, "
            f"generated ones {images.dtype} {images.shape}"
        )
    return Pairs(to_uint8(images), masks, np.full(len(images), "generated"))


def _measure(
    arm: str,
    parts: list[Pairs],
    made: Callable[[], Pairs],
    build: Callable[..., Any] | None,
    plan: Plan,
    seed: int,
) -> dict[str, Any]:
    start = time.perf_counter()
    real, validation, test = parts
    shown = [*([real] if arm != "synthetic" else []), *([made()] if arm != "real" else [])]
    images, masks = (np.concatenate([getattr(p, k) for p in shown]) for k in ("images", "masks"))
    fitted = (build or _unet())(seed, steps=plan.steps, width=plan.width).fit(
        images, masks, validation=(validation.images, validation.masks)
    )
    answer = fitted.predict(test.images)
    counts = {
        "hits": answer & test.masks,
        "false": answer & ~test.masks,
        "missed": ~answer & test.masks,
    }
    return {
        "arm": arm,
        **{name: where.sum((1, 2)).tolist() for name, where in counts.items()},
        "shown": len(images),
        "foreground": float(masks.mean()),
        "seconds": round(time.perf_counter() - start, 1),
    }


def _unet() -> Callable[..., Any]:
    from zoo.evaluation.unet import UNet

    return UNet


def _scores(cells: list[Any], groups: npt.NDArray[np.str_]) -> dict[str, Floats]:
    """(seeds, groups) of each score; a group's pixels count together."""
    _, code = np.unique(groups, return_inverse=True)
    hits, false, missed = (
        np.stack([np.bincount(code, weights=cell[name]) for cell in cells])
        for name in ("hits", "false", "missed")
    )
    # Nothing to find and nothing found is right.
    empty = hits + false + missed == 0
    whole = np.where(empty, 1, hits + false + missed)
    iou = np.where(empty, 1.0, hits / whole)
    return {"dice": 2 * iou / (1 + iou), "iou": iou}


def _row(arm: str, cells: list[Any], scores: Mapping[str, Floats]) -> dict[str, Any]:
    return {
        "arm": arm,
        "seeds": len(cells),
        **{name: summary(values.mean(axis=1)) for name, values in scores.items()},
        "shown": cells[0]["shown"],
        "foreground": float(np.mean([cell["foreground"] for cell in cells])),
        "seconds": sum(cell["seconds"] for cell in cells),
    }


def _difference(one: Floats, other: Floats, *, ratio: bool = False) -> dict[str, Any]:
    """Of the means over seeds and groups, with a 95 % interval from a bootstrap of groups."""
    means = np.stack([one.mean(axis=0), other.mean(axis=0)])
    groups = means.shape[1]
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=DRAWS) / groups
    first, second = drawn @ means[0], drawn @ means[1]
    if ratio:
        if second.min() <= 0:
            return {"value": None, "interval": None}
        found, value = first / second, means[0].mean() / means[1].mean()
    else:
        found, value = first - second, means[0].mean() - means[1].mean()
    alike = np.ptp(found) == 0
    interval = None if alike else [float(q) for q in np.quantile(found, [0.025, 0.975])]
    return {"value": float(value), "interval": interval}


def _protocol(
    images: ImageSet, parts: list[Pairs], plan: Plan, known: Mapping[str, Any]
) -> dict[str, Any]:
    training, validation, test = parts
    comparable = {
        **data_facts(images),
        "split": "by group: train to train, validation to choose, test to measure once",
        "training_images": len(training.images),
        "synthetic_images": len(training.images),
        "validation_images": len(validation.images),
        "test_images": len(test.images),
        "test_groups": len(np.unique(test.groups)),
        "network": f"U-Net, {plan.width} channels at full resolution",
        "optimiser_steps": plan.steps,
        "augmentation": "mirrored in both directions, in every arm",
        "score": "of the pixels of all test images of a group together, then the mean over groups",
        "mask": "foreground or not; a generated mask is cut at half of its range",
        "seeds": plan.seeds,
        "interval": "95 %, bootstrap of test groups, both arms with the same groups",
    }
    return card(comparable, {**origin(plan.seed, images), "synthetic": known["synthetic"]})
