"""Images of a dataset that TFDS has prepared, whatever its features are called."""

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.decode import decode
from zoo.data.examples import Rejected
from zoo.data.tfds import check_known, class_names, plain, quiet, raw_records
from zoo.data.tfds_folders import described, find_prepared
from zoo.errors import UsageError, ZooError
from zoo.plugins import unknown

# What a group may be called, the strongest first.
GROUPS = (
    *("patient_id", "patient", "subject_id", "subject", "donor", "case_id", "case"),
    *("slide_id", "slide", "wsi", "specimen", "plate", "well", "source_image"),
)
# Datasets that name the group inside another feature: feature, pattern, what it is.
WITHIN = {"colorectal_histology": ("filename", r"CRC-Prim-HE-\d+", "slide")}
TAKEN = ("id", "image", "mask", "group", "split", "note", "rejected", "pixel_size", "window")
DTYPES = (np.uint8, np.uint16)


class TfdsImages:
    """Images with their labels, official splits and, where a feature names it, their group.

    Nothing is downloaded. Every class label, text and number becomes a field of its own name, or
    `tfds_NAME` where that has another meaning; the label that TFDS trains on becomes `label`.

    Args:
        name: As TFDS writes it, `NAME/CONFIG:VERSION`.
        image: The feature that holds the image, where TFDS does not say which.

    Raises:
        zoo.errors.ZooError: If it is not prepared, or damaged.
        zoo.errors.UsageError: If TFDS has no such dataset, or it holds no images that are read.
    """

    def __init__(self, name: str, *, image: str = "") -> None:
        if not name:
            raise UsageError("tfds: needs a name, as in tfds:malaria")
        self.name = f"tfds:{name}"
        self.folder = _prepared(name)
        self.builder = _opened(self.folder)
        # TFDS reads them from a protobuf map, whose order is another in each process.
        self.features = dict(sorted(self.builder.info.features.items()))
        self.image = image or self._found()
        if self.image not in (known := self._images()):
            raise unknown(f"image feature of {self.name}", self.image, known)
        self.names = class_names(self.features)
        self.scalars = [key for key, kind in self.features.items() if _is_scalar(kind)]
        self.label = self._label()
        self.group, self.pattern, self.grouped_by = self._group()
        self._read, self._encoded = self._reader()

    @property
    def content_key(self) -> str:
        """Hash of the prepared files' names and sizes and of what TFDS says of them."""
        digest = hashlib.sha256(self.image.encode())
        for file in sorted(path for path in self.folder.iterdir() if path.is_file()):
            state = file.stat()
            digest.update(f"{file.name}:{state.st_size}:{state.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """Licence, homepage and citation as TFDS states them, and what an image's group is."""
        return described(self.folder) | {"grouped_by": self.grouped_by}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with quiet():
            for split in self.builder.info.splits:
                for number, record in enumerate(raw_records(self.builder, split)):
                    yield self._example(f"{split}/{number:06d}", split, record)

    def _reader(self) -> tuple[Any, bool]:
        """What deserialises the features that are used, and whether the image is a file's bytes."""
        import tensorflow_datasets as tfds

        wanted = {key: self.features[key] for key in (self.image, *self.scalars)}
        encoded = isinstance(wanted[self.image], tfds.features.Image)
        decoders = {self.image: tfds.decode.SkipDecoding()} if encoded else None
        features = tfds.features.FeaturesDict(wanted)
        return partial(features.deserialize_example_np, decoders=decoders), encoded

    def _example(self, name: str, split: str, record: bytes) -> dict[str, Any]:
        values = self._read(record)
        stored = values.pop(self.image)
        try:
            image, note = decode(stored) if self._encoded else (stored, "")
        except Rejected as reason:
            return {"id": name, "rejected": str(reason)}
        fields = {key: plain(value, self.names.get(key)) for key, value in values.items()}
        group = self._grouped(fields)
        return {
            **{f"tfds_{key}" if key in TAKEN else key: value for key, value in fields.items()},
            **({"label": str(fields[self.label])} if self.label else {}),
            **({"group": group} if group else {}),
            "id": name,
            "image": image,
            "split": split,
            "note": note,
        }

    def _images(self) -> list[str]:
        return [key for key, kind in self.features.items() if _is_image(kind)]

    def _found(self) -> str:
        """The image feature, if there is no doubt about it."""
        known, trained = self._images(), self._trained_on(0)
        if not known:
            raise UsageError(f"{self.name} holds no images that are read: {self._told()}")
        if len(known) > 1 and trained not in known:
            raise UsageError(
                f"{self.name} has {len(known)} images in each example, {', '.join(known)}; "
                f"choose with --data-options image={known[0]}"
            )
        chosen = trained if trained in known else known[0]
        if _has_boxes(self.features) and not class_names(self.features):
            raise UsageError(
                f"{self.name} labels boxes inside its images, not images; --data-options "
                f"image={chosen} takes the whole images without a label"
            )
        return chosen

    def _told(self) -> str:
        return ", ".join(f"{key} is {type(kind).__name__}" for key, kind in self.features.items())

    def _trained_on(self, place: int) -> str:
        """The input (0) or the label (1) of supervised training, if TFDS says which it is."""
        keys = self.builder.info.supervised_keys or ("", "")
        return keys[place] if isinstance(keys[place], str) else ""

    def _label(self) -> str:
        for key in (self._trained_on(1), "label"):
            if key in self.scalars:
                return key
        return next(iter(self.names)) if len(self.names) == 1 else ""

    def _group(self) -> tuple[str, str, str]:
        """The feature that holds the group, the pattern to take from it, and what it is."""
        feature, pattern, what = WITHIN.get(self.builder.name, ("", "", ""))
        if feature in self.scalars:
            return feature, pattern, f"{what}, from `{feature}`"
        lower = {key.lower(): key for key in self.scalars}
        for name in GROUPS:
            if name in lower:
                return lower[name], "", f"`{lower[name]}`"
        return "", "", "image: no feature names a patient, slide or plate"

    def _grouped(self, fields: dict[str, Any]) -> str:
        if not self.group:
            return ""
        value = str(fields[self.group])
        match = re.search(self.pattern, value) if self.pattern else None
        return match[0] if match else value


def _prepared(name: str) -> Path:
    folder = find_prepared(name)
    if folder is None:
        check_known(name)
        raise ZooError(
            f"tfds:{name} is not prepared: `zoo data fetch tfds:{name}` downloads and prepares it"
        )
    return folder


def _opened(folder: Path) -> Any:
    import tensorflow_datasets as tfds

    try:
        with quiet():
            builder = tfds.builder_from_directory(folder)
            builder.info.features.items()
    except Exception as error:  # whatever TFDS makes of a damaged folder
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ZooError(f"{folder} cannot be read ({reason}); prepare it again") from error
    return builder


def _is_image(kind: Any) -> bool:
    """Whether a feature is an image of 1 to 4 channels in 8 or 16 bits, and no mask."""
    import tensorflow_datasets as tfds

    if isinstance(kind, tfds.features.LabeledImage):
        return False
    if not isinstance(kind, (tfds.features.Image, tfds.features.Tensor)):
        return False
    if len(kind.shape) != 3 or kind.shape[2] not in (None, 1, 2, 3, 4):
        return False
    return kind.np_dtype in DTYPES


def _is_scalar(kind: Any) -> bool:
    import tensorflow_datasets as tfds

    return isinstance(kind, tfds.features.Tensor) and kind.shape == ()


def _has_boxes(kind: Any) -> bool:
    import tensorflow_datasets as tfds

    if isinstance(kind, tfds.features.Sequence):
        return _has_boxes(kind.feature)
    if isinstance(kind, (dict, tfds.features.FeaturesDict)):
        return any(_has_boxes(inner) for inner in kind.values())
    return isinstance(kind, tfds.features.BBoxFeature)
