"""What a feature network and a metric look like to the code that scores with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Images(Protocol):
    """Images (n, H, W, C) that are read when they are indexed; an array is one of these."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W, C)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, which: Any, /) -> npt.NDArray[np.uint8]:
        """The images of a slice or of an array of positions."""
        ...


class Extractor(Protocol):
    """A feature network.

    One with a classifier may also have a method `logits(images)`, (n, classes) before the
    softmax, which the Inception Score is computed from.

    Attributes:
        suffix: What names a metric on its features, such as `keras` in `fid_keras`.
        dimension: Number of features of one image.
        facts: What must be equal for two scores to be set side by side: network, weight hash,
            layer, resize, scaling.
    """

    suffix: str
    dimension: int
    facts: Mapping[str, Any]

    def __call__(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Features (n, dimension) of images (n, H, W, C), one or three channels."""
        ...


@dataclass(frozen=True)
class Known:
    """What is known of the images of a set.

    Attributes:
        labels: (n,) str, their classes.
        ids: (n,) str; a real and a generated image of the same id are a true pair.
    """

    labels: Array | None = None
    ids: Array | None = None

    def take(self, rows: Any) -> "Known":
        """What is known of the images at some positions."""
        taken = (None if column is None else column[rows] for column in (self.labels, self.ids))
        return Known(*taken)


@dataclass(frozen=True)
class Context:
    """What a metric may depend on beside the two sets.

    Attributes:
        seed: Seed of projections, patches and subsets.
        resampled: Whether this is one of many values, for a floor or a range, so that an
            estimator which averages over subsets may take fewer of them.
        real: What is known of the real images.
        fake: What is known of the generated ones.
    """

    seed: int = 0
    resampled: bool = False
    real: Known = Known()
    fake: Known = Known()


class Score(Protocol):
    """A metric: real and generated images, or their features, to one number.

    It may have `settings`, a mapping that its protocol card states, and `settings_for(shape)`,
    more of it that depends on the images' (H, W, C); and `beside(real, fake, context)`, a mapping
    of further numbers that the card states under `provenance`, such as a standard error. One
    with `resampled = False` is not computed again on subsamples and has no range and no floor.
    """

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The value; rows of both arrays are images."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A metric that turns images into descriptors once and compares rows of these after.

    Metrics whose `prepare` is the same function share the descriptors.
    """

    def prepare(self, images: Images, *, seed: int) -> Any:
        """Descriptors whose rows belong to the images' rows."""
        ...

    def compare(self, real: Array, fake: Array, context: Context) -> float:
        """The value from descriptors."""
        ...


Function = TypeVar("Function", bound=Callable[..., Any])


def states(**settings: Any) -> Callable[[Function], Function]:
    """Note on a metric the settings that its protocol card prints, such as `ddof=1`."""

    def note(function: Function) -> Function:
        setattr(function, "settings", settings)  # noqa: B010  a function has no such field
        return function

    return note
