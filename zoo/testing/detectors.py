"""Checks of a detector: a classifier of uint8 images."""

import importlib
import inspect
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.testing.suite import Skipped, Subject

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[Any]
SHAPE = (28, 36, 1)
METHODS = ("fit", "predict_proba")
ROUNDING = {"keras": 1e-3}  # threads of TensorFlow add up in any order
SUFFIXES = {"sklearn": ".skops", "keras": ".keras"}


class DetectorCase:
    """A detector under test, and one that has learnt to tell discs from noise.

    Args:
        subject: The record; `seed` is no option.
    """

    def __init__(self, subject: Subject) -> None:
        self.record, self.options, self.folder = subject.record, subject.options, subject.folder

    def build(self, seed: int = 0) -> Any:
        """A new one."""
        return self.record.load()(seed=seed, **self.options)

    def trained(self, seed: int = 0, data: int = 0) -> Any:
        """A new one that has seen discs (0) and noise (1)."""
        return self.fit(discs_and_noise(30, data), discs_and_noise(8, data + 50), seed=seed)

    def fit(self, shown: Any, held_out: Any = None, *, seed: int = 0) -> Any:
        """A new one that has seen some images with their labels, whatever `fit` returns."""
        detector = self.build(seed)
        detector.fit(*shown, validation=held_out)
        return detector

    @cached_property
    def fitted(self) -> Any:
        """One that is trained, of seed 0."""
        return self.trained()


def discs(n: int, *, radius: float, seed: int, shape: tuple[int, int, int] = SHAPE) -> Images:
    """Bright discs (n, H, W, C) of about one radius on a dark noisy ground."""
    rng = np.random.default_rng(seed)
    height, width = shape[:2]
    y, x = np.mgrid[:height, :width]
    images = rng.normal(20, 5, (n, *shape))
    for image in images:
        cy, cx = rng.uniform(8, height - 8), rng.uniform(8, width - 8)
        image[np.hypot(y - cy, x - cx) < radius * rng.uniform(0.9, 1.1)] += 120
    return images.clip(0, 255).astype(np.uint8)


def discs_and_noise(
    n: int, seed: int, shape: tuple[int, int, int] = SHAPE
) -> tuple[Images, Labels]:
    """n discs and n images of noise, and their labels 0 and 1."""
    noise = np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)
    images = np.concatenate([discs(n, radius=5, seed=seed, shape=shape), noise])
    return images, np.repeat([0, 1], n)


def check_contract(case: DetectorCase) -> None:
    """It is called with `seed`, has the methods, and `fit` gives itself back."""
    parameters = inspect.signature(case.record.load()).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert "seed" in parameters or takes_all, (
        f"{case.record.target} takes no seed; let its constructor have seed: int = 0"
    )
    detector = case.build()
    lacking = [name for name in METHODS if not callable(getattr(detector, name, None))]
    assert not lacking, f"no method {' and '.join(lacking)}; write it as zoo.Detector says"
    assert "validation" in inspect.signature(detector.fit).parameters, (
        "fit takes no validation; end its parameters with validation=None"
    )
    fitted = detector.fit(*discs_and_noise(12, 0), validation=None)
    assert fitted is detector, f"fit returns {type(fitted).__name__}; end it with return self"


def check_classes(case: DetectorCase) -> None:
    """`classes_` are the sorted labels, numbers or names."""
    assert hasattr(case.fitted, "classes_"), (
        "no classes_ after fit; set self.classes_ = np.unique(labels) in it"
    )
    assert list(case.fitted.classes_) == [0, 1], (
        f"classes_ is {list(case.fitted.classes_)} for labels 0 and 1; sort them"
    )
    shape = (28, 28, 3)
    kinds = {"large": 9, "middle": 6, "small": 3}
    images = [discs(20, radius=r, seed=r, shape=shape) for r in kinds.values()]
    named = case.fit((np.concatenate(images), np.repeat(list(kinds), 20)))
    assert list(getattr(named, "classes_", [])) == sorted(kinds), (
        "classes_ are not the three names that were the labels; take np.unique(labels)"
    )
    answers = np.asarray(named.predict_proba(images[0]))
    assert answers.shape == (20, 3), (
        f"predict_proba gives {answers.shape} for 20 images of 3 classes; give (n, classes)"
    )


def check_probabilities(case: DetectorCase) -> None:
    """Each row holds a probability for each class."""
    answers = np.asarray(case.fitted.predict_proba(discs_and_noise(20, 1)[0]))
    assert answers.shape == (40, 2), (
        f"predict_proba gives {answers.shape} for 40 images of 2 classes; give (n, classes)"
    )
    assert np.isfinite(answers).all(), "a probability is not finite; look for divisions by zero"
    total = answers.sum(axis=1)
    worst = float(total[np.abs(total - 1).argmax()])
    assert np.allclose(total, 1, atol=1e-4), (
        f"the probabilities of an image sum to {worst:.4g}; divide them by their sum"
    )
    low = float(answers.min())
    assert low >= 0, f"a probability is {low:.4g}; none may be below 0"


def check_learns(case: DetectorCase) -> None:
    """Discs and noise are told apart in new images."""
    images, labels = discs_and_noise(40, 2)
    answers = np.asarray(case.fitted.predict_proba(images))
    right = float((answers.argmax(axis=1) == labels).mean())
    assert right > 0.9, (
        f"it is right about {right:.0%} of discs and noise; columns of predict_proba are in the "
        "order of classes_"
    )


def check_single(case: DetectorCase) -> None:
    """An image gets the answer that it gets among others."""
    images, _ = discs_and_noise(10, 3)
    whole = np.asarray(case.fitted.predict_proba(images))
    parts = np.concatenate([case.fitted.predict_proba(images[i : i + 1]) for i in (0, 7, 19)])
    assert np.allclose(whole[[0, 7, 19]], parts, atol=1e-4), (
        f"an image asked about by itself gets {np.abs(whole[[0, 7, 19]] - parts).max():.2g} more "
        "or less than among others; take means and scales from the training images"
    )


def check_repeats(case: DetectorCase) -> None:
    """Equal seeds give equal answers, whatever was computed between."""
    images, _ = discs_and_noise(10, 4)
    first = np.asarray(case.fitted.predict_proba(images))
    assert np.array_equal(first, case.fitted.predict_proba(images)), (
        "the same detector gives other answers to the same images; draw nothing in predict_proba"
    )
    case.trained(seed=1, data=5)
    again = np.asarray(case.trained().predict_proba(images))
    apart = float(np.abs(first - again).max())
    assert apart <= ROUNDING.get(case.record.framework, 0.0), (
        f"two detectors of seed 0 differ by up to {apart:.2g}; pass random_state=self.seed to "
        "whatever draws"
    )


def check_input(case: DetectorCase) -> None:
    """Neither `fit` nor `predict_proba` changes what it is given."""
    images, labels = discs_and_noise(12, 6)
    shown, told = images.copy(), labels.copy()
    fitted = case.fit((shown, told), (images.copy(), labels.copy()))
    assert np.array_equal(shown, images), "fit changes the images; copy them first"
    assert np.array_equal(told, labels), "fit changes the labels; copy them first"
    fitted.predict_proba(shown)
    assert np.array_equal(shown, images), "predict_proba changes the images; copy them first"


def check_saves(case: DetectorCase) -> None:
    """What `load(path)` of its module reads is what `save(path)` wrote."""
    if not hasattr(case.fitted, "save"):
        raise Skipped("it has no save, so runs do not keep it")
    module = importlib.import_module(case.record.target.partition(":")[0])
    assert hasattr(module, "load"), f"{module.__name__} has no load(path); write what save wrote"
    case.folder.mkdir(parents=True, exist_ok=True)
    path = case.folder / f"detector{SUFFIXES.get(case.record.framework, '')}"
    case.fitted.save(path)
    images, _ = discs_and_noise(10, 7)
    first, again = (d.predict_proba(images) for d in (case.fitted, module.load(path)))
    assert np.array_equal(first, again), "it answers otherwise after save and load; keep all of it"
