"""BBBC038 (2018 Data Science Bowl, stage 1 train) as a TensorFlow Datasets builder."""

import zipfile
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow_datasets as tfds

from zoo.data.archive import check_entry, open_zip, read_entry
from zoo.data.decode import decode
from zoo.data.examples import Rejected, Rejection
from zoo.errors import ZooError
from zoo.progress import progress
from zoo_datasets.bbbc import ARCHIVE, MODALITIES

Pixels = npt.NDArray[np.uint8]
Members = dict[str, dict[str, list[zipfile.ZipInfo]]]


# skip_registration keeps the class out of TFDS' global names, which other packages share.
class Bbbc(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder,  # type: ignore[misc]
    skip_registration=True,
):
    """Nucleus images with one instance label per pixel, group = source image.

    The archive names no patient, plate or experiment, so nothing stronger can be grouped by.

    Attributes:
        rejected: Members that were set aside while preparing.
        counts: Masks and images of each modality.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "First."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Put {ARCHIVE.filename} from {ARCHIVE.url} there."
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name="bbbc038", description="Stage 1 train.")
    ]

    def _info(self) -> Any:
        self.rejected: list[Rejection] = []
        self.counts: dict[str, Any] = {"masks": 0, "by": {"modality": dict.fromkeys(MODALITIES, 0)}}
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(None, None, 3), dtype=np.uint8, encoding_format="png"
                    ),
                    # features.Image would need OpenCV to decode uint16 without TensorFlow.
                    "mask": tfds.features.Tensor(
                        shape=(None, None), dtype=np.uint16, encoding="zlib"
                    ),
                    "id": tfds.features.Text(),
                    "group": tfds.features.Text(),
                    "modality": tfds.features.ClassLabel(names=list(MODALITIES)),
                    "note": tfds.features.Text(),
                }
            ),
            homepage="https://bbbc.broadinstitute.org/BBBC038",
            citation="doi:10.1038/s41592-019-0612-7",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples(dl_manager.manual_dir / ARCHIVE.filename)}

    def _generate_examples(self, path: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        with open_zip(path) as archive:
            members = self._members(archive)
            if not members:
                raise ZooError(f"{path.name} holds no <id>/images/<id>.png; it is not BBBC038")
            with progress(f"Reading {path.name}", len(members), "images") as advance:
                for key in sorted(members):
                    try:
                        yield key, self._example(archive, key, members[key])
                    except Rejected as reason:
                        self.rejected.append(Rejection(key, str(reason)))
                    advance(1)

    def _members(self, archive: zipfile.ZipFile) -> Members:
        """Image and mask entries of each id, the layout being `<id>/{images,masks}/*.png`."""
        members: Members = defaultdict(lambda: {"images": [], "masks": []})
        for entry in archive.infolist():
            parts = entry.filename.split("/")
            if entry.is_dir() or not entry.filename.lower().endswith(".png"):
                continue
            try:
                check_entry(entry)
                if len(parts) < 3 or parts[-2] not in ("images", "masks"):
                    raise Rejected("not in the layout <id>/images or <id>/masks")
            except Rejected as reason:
                self.rejected.append(Rejection(entry.filename, str(reason)))
                continue
            members[parts[-3]][parts[-2]].append(entry)
        return members

    def _example(
        self, archive: zipfile.ZipFile, key: str, entries: dict[str, list[zipfile.ZipInfo]]
    ) -> dict[str, Any]:
        if len(entries["images"]) != 1:
            raise Rejected(f"{len(entries['images'])} images under one id")
        image, note = decode(read_entry(archive, entries["images"][0]))
        if image.dtype != np.uint8:
            raise Rejected(f"{image.dtype} pixels, not 8 bits")
        rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
        mask = _instances(archive, entries["masks"], rgb.shape[:2])
        kind = modality(rgb)
        self.counts["masks"] += len(entries["masks"])
        self.counts["by"]["modality"][kind] += 1
        return {
            "image": rgb,
            "mask": mask,
            "id": key,
            "group": key,
            "modality": kind,
            "note": note,
        }


def modality(rgb: Pixels) -> str:
    """Which of `MODALITIES` an image is, from its colours.

    Histology is coloured (mean of the largest minus the smallest channel above 2 of 255); of the
    grey ones, fluorescence is dark (median below 128) and brightfield bright.

    Args:
        rgb: (H, W, 3).
    """
    if np.ptp(rgb, axis=2).mean() > 2:
        return "histology"
    return "fluorescence" if np.median(rgb) < 128 else "brightfield"


def _instances(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], shape: tuple[int, ...]
) -> npt.NDArray[np.uint16]:
    """(H, W): 0 is background, every mask file has a number in the order of the names."""
    if len(entries) > np.iinfo(np.uint16).max:
        raise Rejected(f"{len(entries)} masks are more than 16 bits can number")
    instances = np.zeros(shape, np.uint16)
    for number, entry in enumerate(sorted(entries, key=lambda e: e.filename), start=1):
        try:
            mask, _ = decode(read_entry(archive, entry))
        except Rejected as reason:
            raise Rejected(f"mask {entry.filename.rpartition('/')[2]}: {reason}") from None
        if mask.shape[:2] != shape:
            raise Rejected(f"mask of {mask.shape[:2]} for an image of {shape}")
        instances[mask.any(axis=2)] = number
    return instances
