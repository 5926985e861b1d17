"""Small images at a size at which they can be seen, with a scale bar where it is known."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from zoo.generating import Generated
from zoo.report.scale import with_bar
from zoo.runs.pictures import encode_png, enlarged, grid_png, to_rgb

SIDE = 144  # CSS pixels; images are enlarged by whole factors up to it
PAGE = 700


def visible(image: npt.NDArray[Any], pixel_um: float | None, side: int = SIDE) -> bytes:
    """A picture to look at as PNG, never to measure or to keep.

    Args:
        image: (H, W, C) uint8 or uint16; shown as `zoo.runs.pictures.to_rgb` says.
        pixel_um: Width of a pixel in µm, for the scale bar under the picture.
        side: Its longer side is enlarged up to so many pixels, each pixel to a square.
    """
    rgb = enlarged(to_rgb(image[None]), side)[0]
    factor = rgb.shape[1] // image.shape[1]
    return with_bar(encode_png(np.ascontiguousarray(rgb)), pixel_um and pixel_um / factor)


def enlarged_picture(png: bytes, pixel_um: float | None) -> bytes:
    """A picture as wide as a page by a whole factor, each pixel a square, with its scale bar."""
    with Image.open(io.BytesIO(png)) as image:
        factor = max(1, PAGE // image.width)
        buffer = io.BytesIO()
        size = (image.width * factor, image.height * factor)
        image.resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return with_bar(buffer.getvalue(), pixel_um and pixel_um / factor)


def zipped(made: Generated) -> bytes:
    """All images with their sidecars in one ZIP; the same bytes for the same images."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in made.files():
            _add(archive, {file.name: file.content, file.sidecar_name: file.sidecar})
        if made.steps:
            _add(archive, {"interpolation.png": made.sheet()})
        for file in made.mask_files():
            names = (f"masks/{name}" for name in (file.name, file.sidecar_name))
            _add(archive, dict(zip(names, (file.content, file.sidecar), strict=True)))
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, whenever it is made


def enlarged_grid(images: npt.NDArray[Any], columns: int) -> bytes:
    """Images in rows as a PNG wide enough for a page, enlarged by a whole factor."""
    factor = max(1, PAGE // (columns * images.shape[2]))
    return grid_png(images.repeat(factor, axis=1).repeat(factor, axis=2), columns)
