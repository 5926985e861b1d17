"""What a feature network and a metric look like to the code that scores with them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Extractor(Protocol):
    """A feature network.

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
class Context:
    """What a metric may depend on beside the two sets.

    Attributes:
        seed: Seed of projections, patches and subsets.
        resampled: Whether this is one of many values, for a floor or a range, so that an
            estimator which averages over subsets may take fewer of them.
    """

    seed: int = 0
    resampled: bool = False


class Score(Protocol):
    """A metric: real and generated images, or their features, to one number."""

    def __call__(self, real: Array, fake: Array, context: Context) -> float:
        """The value; rows of both arrays are images."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A metric that turns images into descriptors once and compares rows of these after."""

    def prepare(self, images: npt.NDArray[np.uint8], *, seed: int) -> Array:
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
