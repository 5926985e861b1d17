"""The TFDS builder that prepared datasets share: archives in, source images out."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.examples import Rejected, Rejection
from zoo.errors import ZooError

Example = dict[str, Any]
PNG_CHANNELS = (1, 3, 4)


# skip_registration keeps the class out of TFDS' global names, which other packages share.
class ImageBuilder(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder,  # type: ignore[misc]
    skip_registration=True,
):
    """Source images of a dataset from its archives, in their files' own values.

    A subclass, also with `skip_registration=True`, sets `VERSION` and the attributes below and
    defines `examples`. Pixels are stored without loss: uint8 of 1, 3 or 4 channels as PNG, all
    else as compressed arrays.

    Attributes:
        channels: Of every image, 1 to 4.
        dtype: Of every image, `np.uint8` or `np.uint16`.
        masks: Whether images have a `mask`; one without is read back without.
        fields: Further fields: `str`, `int`, `float`, or the names of the classes. `codec`, as
            `zoo.data.decode.encoding` gives it, tells which files lost detail to compression.
        splits: Names of the official splits; those without an image are left out.
        pixel_size: (y, x) in micrometres, where all images have the same; else `None`.
        rejected: What was set aside while preparing.
        counts: Masked objects, and images `by` each class of each field that holds classes,
            and by codec.
    """

    channels: ClassVar[int]
    dtype: ClassVar[type[np.generic]] = np.uint8
    masks: ClassVar[bool] = False
    fields: ClassVar[Mapping[str, type | tuple[str, ...]]] = {}
    splits: ClassVar[tuple[str, ...]] = ("train",)
    pixel_size: ClassVar[tuple[float, float] | None] = None
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put the official archives there under their own names."

    def examples(self, archives: Mapping[str, Path], split: str) -> Iterator[Mapping[str, Any]]:
        """Yield the images of a split.

        Args:
            archives: Official file name to file.
            split: One of `splits`.

        Yields:
            `id` (unique in the dataset), `image` (H, W, C) or (H, W), a value for each of
            `fields`, and optionally `mask` (H, W) instances if `masks`, `group` (the id if left
            out) and `note`; or `id` and `rejected`, the reason why a file is set aside.
        """
        raise NotImplementedError

    def _info(self) -> Any:
        text = tfds.features.Text()
        features = {"id": text, "group": text, "note": text, "image": self._image_feature()}
        if self.masks:
            features["mask"] = _array((None, None), np.uint16)
        features |= {name: _feature(kind) for name, kind in self.fields.items()}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _image_feature(self) -> Any:
        shape = (None, None, self.channels)
        # features.Image would need OpenCV to decode uint16 without TensorFlow.
        if self.dtype is not np.uint8 or self.channels not in PNG_CHANNELS:
            return _array(shape, self.dtype)
        return tfds.features.Image(shape=shape, dtype=np.uint8, encoding_format="png")

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        classes = {name: kind for name, kind in self.fields.items() if isinstance(kind, tuple)}
        classes |= {"codec": ()} if self.fields.get("codec") is str else {}
        self.rejected: list[Rejection] = []
        self.counts: dict[str, Any] = {"masks": 0} if self.masks else {}
        if classes:
            self.counts["by"] = {name: dict.fromkeys(kind, 0) for name, kind in classes.items()}
        self._seen: set[str] = set()
        files = sorted(Path(dl_manager.manual_dir).iterdir())
        archives = {file.name: file for file in files if file.is_file()}
        found = {name: self._generate_examples(archives, name) for name in self.splits}
        # TFDS refuses a split without examples.
        filled = {name: _unless_empty(examples) for name, examples in found.items()}
        if not any(filled.values()):
            reason = f"; {self.rejected[0].file}: {self.rejected[0].reason}" * bool(self.rejected)
            raise ZooError(f"no image in {' or '.join(archives)} can be read{reason}")
        return {name: examples for name, examples in filled.items() if examples is not None}

    def _generate_examples(
        self, archives: Mapping[str, Path], split: str
    ) -> Iterator[tuple[str, Example]]:
        for example in self.examples(archives, split):
            key = str(example["id"])
            try:
                if reason := example.get("rejected"):
                    raise Rejected(reason)
                checked = self._checked(key, example)
            except Rejected as reason:
                self.rejected.append(Rejection(key, str(reason)))
                continue
            self._seen.add(key)
            self._count(checked)
            yield key, checked

    def _checked(self, key: str, example: Mapping[str, Any]) -> Example:
        if key in self._seen:
            raise Rejected("another image has the same id")
        image = self._image(example["image"])
        stored = {"id": key, "group": str(example.get("group", key)), "image": image}
        stored["note"] = example.get("note") or ""
        if self.masks:
            stored["mask"] = _mask(example.get("mask"), image.shape[:2])
        for name, kind in self.fields.items():
            if isinstance(kind, tuple) and example[name] not in kind:
                raise Rejected(f"{name} {example[name]!r} is none of {', '.join(kind)}")
            stored[name] = example[name]
        return stored

    def _image(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        pixels = image[..., None] if image.ndim == 2 else image
        if pixels.dtype != self.dtype:
            raise Rejected(f"{pixels.dtype} pixels, not {np.dtype(self.dtype)}")
        if pixels.ndim != 3 or pixels.shape[2] != self.channels:
            raise Rejected(f"shape {image.shape} is not H×W×{self.channels}")
        if 0 in pixels.shape:
            raise Rejected(f"zero area: {pixels.shape[1]}×{pixels.shape[0]} pixels")
        return np.ascontiguousarray(pixels)

    def _count(self, example: Example) -> None:
        if self.masks:
            self.counts["masks"] += len(np.setdiff1d(example["mask"], 0))
        for name, counted in self.counts.get("by", {}).items():
            counted[example[name]] = counted.get(example[name], 0) + 1


def _unless_empty(examples: Iterator[Any]) -> Iterator[Any] | None:
    first = next(examples, None)
    return None if first is None else itertools.chain([first], examples)


def _mask(mask: npt.NDArray[Any] | None, shape: tuple[int, ...]) -> npt.NDArray[np.uint16]:
    if mask is None:
        return np.zeros((0, 0), np.uint16)  # `stored_examples` leaves it out
    if mask.shape != shape:
        raise Rejected(f"mask of {mask.shape} for an image of {shape}")
    if mask.min() < 0 or mask.max() > np.iinfo(np.uint16).max:
        raise Rejected("its mask numbers more objects than 16 bits can")
    return np.ascontiguousarray(mask.astype(np.uint16))


def _feature(kind: type | tuple[str, ...]) -> Any:
    if isinstance(kind, tuple):
        return tfds.features.ClassLabel(names=list(kind))
    if kind is str:
        return tfds.features.Text()
    return tfds.features.Scalar(dtype={int: np.int64, float: np.float64}[kind])


def _array(shape: tuple[int | None, ...], dtype: type[np.generic]) -> Any:
    return tfds.features.Tensor(shape=shape, dtype=dtype, encoding="zlib")
