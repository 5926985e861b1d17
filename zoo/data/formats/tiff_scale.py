"""The size of a TIFF's pixels, where the file gives it with a unit."""

from typing import Any
from xml.etree import ElementTree

from zoo.data.formats.pixels import MICROMETRES, in_micrometres

RESOLUTION_UNITS = {2: "inch", 3: "cm"}
# Coarser than this is the resolution of a screen or a printer, which many programs write.
COARSEST = 10.0


def pixel_size(file: Any) -> tuple[float, float] | None:
    """(y, x) in micrometres from OME-XML, ImageJ or the resolution tags of a `TiffFile`."""
    if file.is_ome:
        return _ome(file)
    return _imagej(file) if file.is_imagej else _tags(file)


def _ome(file: Any) -> tuple[float, float] | None:
    try:
        root = ElementTree.fromstring(file.ome_metadata)
    except ElementTree.ParseError:
        return None
    pixels = next((item for item in root.iter() if item.tag.endswith("}Pixels")), None)
    sides = [_ome_side(pixels.attrib, axis) for axis in "YX"] if pixels is not None else []
    return in_micrometres(sides, 1)


def _ome_side(attributes: dict[str, str], axis: str) -> float:
    unit = MICROMETRES.get(attributes.get(f"PhysicalSize{axis}Unit", "µm"), 0.0)
    try:
        return float(attributes[f"PhysicalSize{axis}"]) * unit
    except (KeyError, ValueError):
        return 0.0


def _imagej(file: Any) -> tuple[float, float] | None:
    unit = MICROMETRES.get(str((file.imagej_metadata or {}).get("unit", "")))
    return _resolution(file, unit) if unit else None


def _tags(file: Any) -> tuple[float, float] | None:
    tag = file.pages.first.tags.get("ResolutionUnit")
    unit = MICROMETRES.get(RESOLUTION_UNITS.get(int(tag.value), "")) if tag else None
    found = _resolution(file, unit) if unit else None
    return found if found and max(found) < COARSEST else None


def _resolution(file: Any, unit: float) -> tuple[float, float] | None:
    """A pixel is the unit over the resolution, which is a fraction."""
    tags = [file.pages.first.tags.get(f"{axis}Resolution") for axis in "YX"]
    if not all(tag is not None and tag.value[0] for tag in tags):
        return None
    return in_micrometres([tag.value[1] / tag.value[0] for tag in tags], unit)
