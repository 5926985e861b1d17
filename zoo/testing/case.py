"""A generator under test: small, at sizes that its record allows."""

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from zoo.data import ImageSet
from zoo.errors import UsageError, ZooError
from zoo.gan import GAN
from zoo.signatures import options as stated_options
from zoo.specs import Generator
from zoo.testing.suite import Subject

CLASSES = 3
SMALL = {
    "width": 4,
    "latent_dim": 8,
    "style_dim": 8,
    "mapping_layers": 2,
    "n_critic": 2,
    "lazy_every": 1,
}
"""Few channels, and no more updates of the discriminator than show that there are several."""
BATCH = 4
IMAGES = 24
DEPTHS = (1, 3, 4)  # numbers of channels: grey, colour, and both at their most
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """A generator and how it is built for its checks.

    Attributes:
        record: What it says of itself.
        kind: Its class.
        folder: Where files are written.
        network: Keywords of `__init__`.
        training: Keywords of `compile`.
        wanted: The (H, W, C) asked for, if any.
    """

    record: Generator
    kind: type[GAN]
    folder: Path
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    wanted: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.kind.__name__

    @property
    def importable(self) -> bool:
        """Whether the record's target leads to the class."""
        module, _, name = self.record.target.partition(":")
        return getattr(sys.modules.get(module), name, None) is self.kind

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """Two rectangles, the first also with every number of channels that is checked."""
        (height, width), turned = rectangles(self.record)
        depths = [c for c in DEPTHS if c in self.record.channels] or [self.record.channels[0]]
        found = [(height, width, c) for c in depths]
        return [*found[:1], (*turned, depths[-1]), *found[1:]]

    @property
    def shape(self) -> tuple[int, ...]:
        """What it is trained at."""
        return self.wanted or self.shapes[0]

    def build(
        self, shape: Sequence[int] | None = None, *, seed: int = 0, classes: int | None = None
    ) -> GAN:
        """An uncompiled GAN.

        Args:
            shape: (H, W, C).
            seed: Of its weights and of all that it draws.
            classes: How many; by default none where the generator can do without.
        """
        if classes is None:
            classes = CLASSES if self.record.conditional == "required" else 0
        given = {**({"classes": classes} if classes else {}), **self.network}
        return self.kind(shape or self.shape, seed=seed, **given)

    def compiled(self, *, seed: int = 0, classes: int | None = None, **training: Any) -> GAN:
        """A GAN ready for a step, with small batches that pass no augmentation."""
        gan = self.build(seed=seed, classes=classes)
        gan.compile(**self.settings(**training))
        return gan

    def settings(self, **training: Any) -> dict[str, Any]:
        """Keywords of `compile`; those given win."""
        return {"batch_size": BATCH, "augment": "none", **self.training, **training}

    def batch(self, gan: GAN, *, seed: int = 0) -> Any:
        """What `train_step` takes: random images, with labels if the GAN has classes."""
        images, labels = pixels(gan, gan.images_per_step, seed)
        return images if labels is None else (images, labels)

    def image_set(self, gan: GAN) -> ImageSet:
        """Random images to train on."""
        return ImageSet.from_array(*pixels(gan, max(IMAGES, gan.images_per_step), 0))


def rectangles(record: Generator) -> list[tuple[int, int]]:
    """Two rectangles (H, W), one wide and one high, small and as the record allows."""
    step, (least, most) = record.multiple_of, record.sides
    low, high = -(-least // step) * step, most // step * step
    longer = min(-(-3 * low // 2 // step) * step, high)
    return [(low, longer), (min(longer + step, high), low)]


def pixels(
    gan: GAN, n: int, seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64] | None]:
    """Images (n, H, W, C) of noise, and labels (n,) if the GAN has classes."""
    images = np.random.default_rng(seed).integers(0, 160, (n, *gan.image_shape), np.uint8)
    return images, np.arange(n) % gan.classes if gan.classes else None


def values(variables: Sequence[Any]) -> Arrays:
    """Variables by position and path, copied."""
    return {f"{i} {v.path}": v.numpy().copy() for i, v in enumerate(variables)}


def assign(variables: Sequence[Any], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put back what `values` gave."""
    for variable, array in zip(variables, arrays.values(), strict=True):
        variable.assign(array)


def differing(one: Arrays, other: Arrays) -> list[str]:
    """Paths of the variables that are not bit for bit the same."""
    pairs = zip(one.items(), other.values(), strict=True)
    return [name.partition(" ")[2] for (name, a), b in pairs if not np.array_equal(a, b)]


def scatter(network: keras.Model, average: keras.Model | None = None, *, seed: int = 0) -> None:
    """Add random numbers to a network's weights, so that each of its inputs shows at its output.

    Args:
        network: Whose trainable weights are changed.
        average: A network that is then given all of its weights.
        seed: Of the numbers.
    """
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        spread = 1 / np.sqrt(max(1, np.prod(variable.shape[:-1])))
        variable.assign(variable.numpy() + spread * rng.standard_normal(variable.shape))
    if average is not None:
        average.set_weights(network.get_weights())


def small(record: Generator) -> dict[str, int]:
    """The options of `SMALL` that would make a generator smaller."""
    known = stated_options(record)
    return {k: v for k, v in SMALL.items() if k in known and v <= max(1, _number(known[k].default))}


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else 0.0


def case_of(subject: Subject) -> Case:
    """The case of a record, small unless its options say otherwise."""
    subject.folder.mkdir(parents=True, exist_ok=True)
    try:
        options = {**small(subject.record), **subject.options}
    except ZooError:  # the check of its options says why they cannot be read
        options = dict(subject.options)
    return as_case(subject.record, None, subject.folder, options)


def as_case(
    generator: Any,
    image_shape: Sequence[int] | None,
    folder: Path,
    options: Mapping[str, Any],
) -> Case:
    """The case of a record or a class.

    Raises:
        AssertionError: If the target is no GAN.
        zoo.errors.UsageError: If an option is none of its keywords.
    """
    record = generator if isinstance(generator, Generator) else _record_of(generator)
    kind = record.load() if generator is record else generator
    is_gan = isinstance(kind, type) and issubclass(kind, GAN)
    assert is_gan, f"{record.target} is {kind!r}, no subclass of zoo.gan.GAN"
    names = {method: keywords(kind, method) for method in ("__init__", "compile")}
    if unknown := set(options) - names["__init__"] - names["compile"]:
        raise UsageError(f"{kind.__name__} has no options {', '.join(sorted(unknown))}")
    network = {k: v for k, v in options.items() if k in names["__init__"]}
    training = {k: v for k, v in options.items() if k not in network}
    wanted = tuple(image_shape) if image_shape else None
    return Case(record, kind, folder, network, training, wanted)


def _record_of(kind: Any) -> Generator:
    name = getattr(kind, "__name__", repr(kind))
    return Generator(name, f"{getattr(kind, '__module__', '?')}:{name}")


def keywords(kind: type, method: str) -> set[str]:
    """Keywords of a method, and of those of its bases to which `**options` passes them."""
    found: set[str] = set()
    for owner in kind.__mro__:
        if method not in vars(owner):
            continue
        parameters = inspect.signature(vars(owner)[method]).parameters.values()
        found |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if owner is GAN or not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found - {"self"}
