"""Generated images as files in the units of the training data, each marked as synthetic."""

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngInfo

from zoo.data.intensity import Intensity
from zoo.data.view import unpad
from zoo.errors import UsageError
from zoo.runs.files import json_text, write_bytes
from zoo.runs.pictures import encode_png

Images = npt.NDArray[Any]

FORMATS = ("auto", "png", "tiff")


def as_source(images: Images, data: Mapping[str, Any]) -> Images:
    """Generated images without padding and in raw values, as the training data's files hold them.

    Args:
        images: (n, H, W, C) of the stored type, uint8 or uint16.
        data: What the run's `data.json` holds.

    Returns:
        (n, H', W', C) of the raw type.
    """
    margins = (data.get("view") or {}).get("margins")
    if isinstance(margins, list):
        images = unpad(images, margins)
    return Intensity.from_facts(data.get("intensity") or {}).invert(images)


def write_synthetic(
    images: Images,
    folder: Path,
    *,
    facts: Mapping[str, Any],
    start: int = 0,
    form: str = "auto",
    pixel_size: tuple[float, float] | None = None,
) -> list[Path]:
    """Write generated images, each marked as synthetic inside the file and beside it.

    PNG holds 8 bits, or 16 of one channel: one channel grey, three RGB, four RGBA with the fourth
    channel as alpha. Two give RGB with red = blue = first and green = second channel: grey and
    alpha would hide one behind the other, and this loses nothing. OME-TIFF holds every type and
    number of channels, and the size of a pixel. The same input gives the same bytes.

    Args:
        images: (n, H, W, C), 1 to 4 channels.
        folder: Made if it is missing; `00000.png` and `00000.json` onwards are replaced.
        facts: Where the images come from, such as `{"run": …, "seed": 1}`; JSON values.
        start: Number of the first file.
        form: `"png"`, `"tiff"`, or `"auto"` for PNG where images have 8 bits.
        pixel_size: (y, x) in µm.

    Returns:
        The image files, in order.

    Raises:
        zoo.errors.UsageError: If the format cannot hold the images, or there is no such format.
    """
    files = synthetic_files(images, facts=facts, start=start, form=form, pixel_size=pixel_size)
    return [_write(image, folder) for image in files]


@dataclass(frozen=True)
class SyntheticFile:
    """A generated image as a file that is marked, and the file beside it that says the same.

    Attributes:
        name: Such as `00000.png`.
        content: Of the image's file.
        sidecar: Content of the JSON file beside it.
    """

    name: str
    content: bytes
    sidecar: bytes

    @property
    def sidecar_name(self) -> str:
        """Such as `00000.json`."""
        return Path(self.name).with_suffix(".json").name


def synthetic_files(
    images: Images,
    *,
    facts: Mapping[str, Any],
    start: int = 0,
    form: str = "auto",
    pixel_size: tuple[float, float] | None = None,
) -> Iterator[SyntheticFile]:
    """The files of `write_synthetic`, one at a time and not written."""
    suffix = _suffix(images, form)
    size = {} if pixel_size is None else {"pixel_size_um": list(pixel_size)}
    for number, image in enumerate(images, start):
        told = {**facts, **size, "number": number}
        name = f"{number:05d}{suffix}"
        content = _png(image, told) if suffix == ".png" else _tiff(image, told, pixel_size)
        sidecar = {"file": name, "synthetic": True, "software": "zoo", **told}
        yield SyntheticFile(name, content, json_text(sidecar).encode())


def write_masks(
    masks: Images,
    folder: Path,
    data: Mapping[str, Any],
    *,
    facts: Mapping[str, Any],
    start: int = 0,
) -> list[Path]:
    """Write generated masks as PNG, 255 where there is something and 0 elsewhere.

    Args:
        masks: (n, H, W) uint8 or uint16, as the generator made them; from half of the range on,
            a pixel is inside.
        folder: As in `write_synthetic`; files have the images' names.
        data: What the run's `data.json` holds, for the margins to cut off.
        facts: As in `write_synthetic`.
        start: Number of the first file.
    """
    return [_write(mask, folder) for mask in mask_files(masks, data, facts=facts, start=start)]


def mask_files(
    masks: Images, data: Mapping[str, Any], *, facts: Mapping[str, Any], start: int = 0
) -> Iterator[SyntheticFile]:
    """The files of `write_masks`, one at a time and not written."""
    inside = (masks > np.iinfo(masks.dtype).max // 2)[..., None].astype(np.uint8) * 255
    margins = (data.get("view") or {}).get("margins")
    if isinstance(margins, list):
        inside = unpad(inside, margins)
    return synthetic_files(inside, facts={**facts, "mask": True}, start=start, form="png")


def _write(image: SyntheticFile, folder: Path) -> Path:
    write_bytes(folder / image.name, image.content)
    write_bytes(folder / image.sidecar_name, image.sidecar)
    return folder / image.name


def _suffix(images: Images, form: str) -> str:
    if images.ndim != 4 or len(images) == 0 or images.shape[-1] not in (1, 2, 3, 4):
        raise UsageError(f"images must be (n, H, W, 1 to 4), not {images.shape}")
    if form not in FORMATS:
        raise UsageError(f"no format {form!r}; choose from {', '.join(FORMATS)}")
    fits = images.dtype == np.uint8 or (images.dtype == np.uint16 and images.shape[-1] == 1)
    if form == "png" and not fits:
        raise UsageError(
            f"PNG holds no {images.dtype} images of {images.shape[-1]} channels; choose tiff"
        )
    return ".png" if form == "png" or (form == "auto" and images.dtype == np.uint8) else ".tif"


def _png(image: Images, facts: Mapping[str, Any]) -> bytes:
    marks = PngInfo()
    for name, value in {"Software": "zoo", "Synthetic": "true", **facts}.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        marks.add_text(name, text)
    return encode_png(image, marks)


def _tiff(image: Images, facts: Mapping[str, Any], pixel_size: tuple[float, float] | None) -> bytes:
    import tifffile

    told = json.dumps({"synthetic": True, "software": "zoo", **facts}, ensure_ascii=False)
    metadata: dict[str, Any] = {"axes": "CYX", "Description": told}
    # The library would draw a new one for every file.
    metadata["UUID"] = str(uuid.uuid5(uuid.NAMESPACE_OID, told))
    if pixel_size is not None:
        for axis, side in zip("YX", pixel_size, strict=True):
            metadata |= {f"PhysicalSize{axis}": side, f"PhysicalSize{axis}Unit": "µm"}
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(np.moveaxis(image, -1, 0)),
        ome=True,
        photometric="minisblack",
        compression="zlib",
        software="zoo",
        metadata=metadata,
    )
    return buffer.getvalue()
