"""ImageSet: what everything after the data works on."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.intensity import Intensity
from zoo.errors import UsageError

PARTS = ("train", "detect_train", "validation", "test")
HELD_OUT = PARTS[1:]


class Fields(Mapping[str, npt.NDArray[Any]]):
    """Facts of images, gathered from their columns on disk when they are asked for.

    Args:
        columns: Name to (column, rows): image i has the value `column[rows[i]]`.
    """

    def __init__(
        self, columns: Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[np.int64]]]
    ) -> None:
        self._columns = dict(columns)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        column, rows = self._columns[name]
        return np.asarray(column[rows])

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def take(self, which: npt.NDArray[np.int64]) -> "Fields":
        """The facts of the images at the given positions."""
        shared = {id(rows): rows[which] for _, rows in self._columns.values()}
        return Fields({n: (c, shared[id(rows)]) for n, (c, rows) in self._columns.items()})


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images of one size with their provenance; pixels stay on disk until they are read.

    Attributes:
        name: The resolved dataset name, such as `bbbc/bbbc038-fluorescence`.
        pixels: (N, H, W, C) raw values, usually memory-mapped and shared by all splits.
        index: (n,) int64, the rows of `pixels` that this set holds.
        groups: (n,) str; images of one group (source image, patient, well) share a split.
        ids: (n,) str, unique.
        parts: (n,) str, one of `PARTS`: which split each image is in.
        labels: (n,) int64 indices into `class_names`, or `None`.
        class_names: Names of the classes; empty without labels.
        instances: (N, H, W) uint16 instance masks, or `None`; rows as in `pixels`.
        fields: Other metadata, each (n,).
        intensity: The mapping from raw values to what indexing returns, uint8 or uint16.
        masked: Whether indexing appends a channel that is full where there is an instance.
        provenance: Licence, homepage, citation, archive hash, view, counts, rejected files.
        fingerprint: SHA-256 of the content and of how it was cut and split.
    """

    name: str
    pixels: npt.NDArray[Any]
    index: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]
    ids: npt.NDArray[np.str_]
    parts: npt.NDArray[np.str_]
    labels: npt.NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    instances: npt.NDArray[np.uint16] | None = None
    fields: Fields = field(default_factory=lambda: Fields({}))
    intensity: Intensity = field(default_factory=Intensity)
    masked: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, H, W, C)."""
        _, height, width, channels = self.pixels.shape
        return len(self), height, width, channels + self.masked

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return self.pixels.dtype if self.intensity.low is None else self.intensity.stored_dtype

    @property
    def masks(self) -> npt.NDArray[np.uint16] | None:
        """(n, H, W) instance masks, read into memory, or `None`."""
        return None if self.instances is None else np.asarray(self.instances[self.index])

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, which: Any) -> npt.NDArray[Any]:
        """Images by position, slice or array of positions, read into memory."""
        rows = self.index[which]
        images = self.intensity.apply(np.asarray(self.pixels[rows]), rows)
        return self._append_mask(images, rows) if self.masked else images

    def digests(self) -> set[bytes]:
        """A digest of each image's raw values; images are equal if theirs are.

        They know an image again in another dataset, under other names and another intensity.
        """
        return {
            hashlib.blake2b(self.pixels[row].tobytes(), digest_size=16).digest()
            for row in self.index
        }

    def _append_mask(self, images: npt.NDArray[Any], rows: Any) -> npt.NDArray[Any]:
        assert self.instances is not None
        inside = np.asarray(self.instances[rows])[..., None] > 0
        mask = np.zeros((*images.shape[:-1], 1), images.dtype)
        mask[inside] = np.iinfo(images.dtype).max
        return np.concatenate([images, mask], axis=-1)

    def with_masks(self) -> "ImageSet":
        """The same images with their mask as one more channel.

        Raises:
            zoo.errors.UsageError: If there are no masks, or already four channels.
        """
        if self.instances is None:
            raise UsageError(f"{self.name} has no masks")
        if self.pixels.shape[-1] > 3:
            raise UsageError(f"{self.name} has 4 channels; a mask needs images of up to 3")
        return replace(self, masked=True)

    def split(self, *names: str) -> "ImageSet":
        """The images of one or several parts, in their stored order."""
        if unknown := set(names) - set(PARTS):
            raise UsageError(f"no split {min(unknown)!r}; choose from {', '.join(PARTS)}")
        return self.take(np.flatnonzero(np.isin(self.parts, names)))

    def take(self, which: npt.NDArray[np.int64]) -> "ImageSet":
        """The images at the given positions."""
        return replace(
            self,
            index=self.index[which],
            groups=self.groups[which],
            ids=self.ids[which],
            parts=self.parts[which],
            labels=None if self.labels is None else self.labels[which],
            fields=self.fields.take(which),
        )

    def spread(self, n: int) -> "ImageSet":
        """At most n images, evenly spaced from the first to the last."""
        return self.take(np.unique(np.linspace(0, len(self) - 1, n).astype(np.int64)))

    @classmethod
    def from_array(
        cls,
        images: npt.NDArray[Any],
        labels: npt.NDArray[np.int64] | None = None,
        *,
        name: str = "array",
    ) -> "ImageSet":
        """Images (n, H, W, C) as a training set, each its own group; labels (n,) if any."""
        classes = () if labels is None else tuple(map(str, range(int(labels.max()) + 1)))
        ids = np.array([str(i) for i in range(len(images))])
        return cls(
            name=name,
            pixels=images,
            index=np.arange(len(images)),
            groups=ids,
            ids=ids,
            parts=np.full(len(images), PARTS[0]),
            labels=None if labels is None else np.asarray(labels, np.int64),
            class_names=classes,
            intensity=Intensity("none", images.dtype.name),
        )

    def batches(
        self, first: int, last: int, *, batch_size: int, seed: int = 0
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[np.int64] | None]]:
        """Shuffled (images, labels) for training steps `first` to `last - 1`.

        A batch is a function of the step and the seed alone: every image is shown once before any
        is shown again, in an order drawn from the seed and the epoch. A batch may span two epochs.
        """
        epoch, order = -1, np.empty(0, np.int64)
        for step in range(first, last):
            which = np.empty(batch_size, np.int64)
            for i, shown in enumerate(range(step * batch_size, (step + 1) * batch_size)):
                if shown // len(self) != epoch:
                    epoch = shown // len(self)
                    order = _shuffled(len(self), seed, epoch)
                which[i] = order[shown % len(self)]
            yield self[which], None if self.labels is None else self.labels[which]


def _shuffled(n: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(n)
