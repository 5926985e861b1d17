"""Generated images as files in the units of the training data, each marked as synthetic."""

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngInfo

from zoo.data.intensity import Intensity
from zoo.data.view import unpad
from zoo.errors import UsageError
from zoo.runs.files import write_bytes, write_json
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
    return list(_written(images, folder, dict(facts), start, form, pixel_size))


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
    inside = (masks > np.iinfo(masks.dtype).max // 2)[..., None].astype(np.uint8) * 255
    margins = (data.get("view") or {}).get("margins")
    if isinstance(margins, list):
        inside = unpad(inside, margins)
    return write_synthetic(inside, folder, facts={**facts, "mask": True}, start=start, form="png")


def _written(
    images: Images,
    folder: Path,
    facts: dict[str, Any],
    start: int,
    form: str,
    pixel_size: tuple[float, float] | None,
) -> Iterator[Path]:
    suffix = _suffix(images, form)
    if pixel_size is not None:
        facts["pixel_size_um"] = list(pixel_size)
    for number, image in enumerate(images, start):
        told = {**facts, "number": number}
        path = folder / f"{number:05d}{suffix}"
        content = _png(image, told) if suffix == ".png" else _tiff(image, told, pixel_size)
        write_bytes(path, content)
        sidecar = {"file": path.name, "synthetic": True, "software": "zoo", **told}
        write_json(path.with_suffix(".json"), sidecar)
        yield path


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
