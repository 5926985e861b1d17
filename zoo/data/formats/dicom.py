"""DICOM images. Only the tags of a list of technical ones are read from a file at all."""

import hashlib
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from zoo.data.examples import Rejected
from zoo.data.formats.pixels import (
    MICROMETRES,
    check_area,
    check_bytes,
    in_micrometres,
    opened,
    pick,
    read_whole,
    rescaled,
)
from zoo.data.frames import Frame, Reading, planes

# None of these names a person, a place, a device, a date or an examination.
TECHNICAL = (
    *("Modality", "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration"),
    *("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("LossyImageCompression", "BurnedInAnnotation", "FrameTime", "ImageOrientationPatient"),
    *("KVP", "EchoTime", "RepetitionTime", "MagneticFieldStrength"),
)
# What decoding needs besides; none of it leaves this module.
FOR_PIXELS = (
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "ModalityLUTSequence"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "FrameTimeVector"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *(
        f"{segmented}{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for segmented, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
)
# What slices of one patient have in common, the surest first; only a hash leaves this module.
BELONGING = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
DEFLATED = b"1.2.840.10008.1.2.1.99"
HEAD = 2**16
JPEG_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81")
DECODERS = "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle"


def frames(content: Path | bytes, name: str, reading: Reading) -> Iterator[Frame]:
    """The image, or the frames of several: along `t` where they are timed, else along `z`.

    Rescale slope and intercept are applied, MONOCHROME1 is inverted, and the first window is
    given in the values that come out.

    Raises:
        zoo.data.examples.Rejected: If it is damaged or too large, holds no image, or is compressed
            in a way that nothing installed can read.
    """
    try:
        # From memory, because a file would take what a damaged length asks for before it is read.
        dataset = _dataset(io.BytesIO(read_whole(content)))
        _check(dataset)
        yield from _frames(dataset, reading)
    except Rejected:
        raise
    except Exception as error:  # the text of these may quote what the file says of a patient
        raise Rejected(f"does not decode as DICOM ({type(error).__name__})") from None


def facts(dataset: Any) -> Mapping[str, Any]:
    """The technical tags of a `pydicom.Dataset`, and no others, as text and numbers."""
    return {key: _plain(dataset[key].value) for key in TECHNICAL if key in dataset}


def encoding(content: Path | bytes) -> tuple[str, bool]:
    """Name of the format, and whether it has lost detail."""
    with opened(content) as file:
        dataset = _dataset(file, pixels=False)
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    return "DICOM", syntax in JPEG_LOSSY or str(dataset.get("LossyImageCompression")) == "01"


def _plain(value: Any) -> Any:
    from pydicom.multival import MultiValue

    if isinstance(value, MultiValue):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float) else str(value)


def _dataset(file: BinaryIO, *, pixels: bool = True) -> Any:
    from pydicom import dcmread

    if DEFLATED in file.read(HEAD):
        raise Rejected("deflated as a whole, which is not read; rewrite it without")
    file.seek(0)
    wanted: list[Any] = [*TECHNICAL, *FOR_PIXELS, *BELONGING]
    return dcmread(file, force=True, specific_tags=wanted, stop_before_pixels=not pixels)


def _check(dataset: Any) -> None:
    """Check what it claims to hold, and that something installed can decode it."""
    if not any(f"{kind}PixelData" in dataset for kind in ("", "Float", "DoubleFloat")):
        raise Rejected("DICOM without an image, or truncated before it")
    each = int(dataset.SamplesPerPixel) * max(1, int(dataset.BitsAllocated) // 8)
    check_area(int(dataset.Columns), int(dataset.Rows), each)
    check_bytes(int(dataset.Columns) * int(dataset.Rows) * each * _count(dataset))
    decoder = _decoder(dataset)
    if not decoder.is_encapsulated and len(dataset.get("PixelData", b"")) < _native(dataset):
        raise Rejected("truncated: it ends within its pixels")
    if not decoder.is_available:
        raise Rejected(f"compressed as {decoder.UID.name}, which needs: {DECODERS}")


def _native(dataset: Any) -> int:
    """Bytes of pixels that are not compressed; 0 for those that are floats."""
    if "PixelData" not in dataset:
        return 0
    area = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    bits = area * _count(dataset) * int(dataset.BitsAllocated)
    # Of three samples, two are stored for every second pixel only.
    shared = str(dataset.PhotometricInterpretation) == "YBR_FULL_422"
    return (bits * 2 // 3 if shared else bits) // 8


def _decoder(dataset: Any) -> Any:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID, ImplicitVRLittleEndian

    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)))
    try:
        return get_decoder(syntax)
    except NotImplementedError:
        known = syntax.name if syntax.is_transfer_syntax else "an unknown transfer syntax"
        raise Rejected(f"compressed as {known}, which is not read; convert it first") from None


def _count(dataset: Any) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _frames(dataset: Any, reading: Reading) -> Iterator[Frame]:
    decoder, count = _decoder(dataset), _count(dataset)
    timed = any(dataset.get(key) is not None for key in ("FrameTime", "FrameTimeVector"))
    sizes = {"t": count, "z": 1} if timed else {"t": 1, "z": count}
    notes: list[str] = []
    window: list[tuple[float, float] | None] = []

    def read(t: int, z: int) -> npt.NDArray[Any]:
        pixels, found = _decoded(decoder, dataset, t + z)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        pixels, window[:], notes[:] = _values(pixels, found, dataset, t + z)
        return pick(pixels, reading.channels)

    for place, pixels, chosen in planes(read, sizes, reading=reading, volume="tz"):
        note = ", ".join(filter(None, [*notes, *_warned(dataset), chosen]))
        yield Frame(pixels, place, note, _pixel_size(dataset), window[0], _pseudonym(dataset))


def _pseudonym(dataset: Any) -> str:
    """The same for all files of a patient, or of a study or series where no patient is named."""
    named = next((str(dataset[tag].value) for tag in BELONGING if dataset.get(tag)), "")
    if not named:
        return ""
    return f"patient {hashlib.blake2b(named.encode(), digest_size=6).hexdigest()}"


def _decoded(decoder: Any, dataset: Any, index: int) -> tuple[npt.NDArray[Any], Mapping[str, Any]]:
    try:
        pixels, found = decoder.as_array(dataset, index=index)
    except RuntimeError:  # of pydicom's, once every decoder that is installed has failed
        name = decoder.UID.name
        raise Rejected(f"compressed as {name}; damaged, or it needs: {DECODERS}") from None
    return pixels, found


def _values(
    pixels: npt.NDArray[Any], found: Mapping[str, Any], dataset: Any, index: int
) -> tuple[npt.NDArray[Any], list[tuple[float, float] | None], list[str]]:
    """Pixels as the file means them, the window in their values, and what was done."""
    kind = str(found.get("photometric_interpretation", dataset.PhotometricInterpretation))
    if kind == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        return apply_color_lut(pixels[..., 0], dataset), [None], ["palette converted to RGB"]
    if pixels.shape[-1] > 1:
        return pixels, [None], []
    pixels, limits, notes = _rescaled(pixels, dataset, index)
    window = _window(dataset, index)
    if kind != "MONOCHROME1":
        return pixels, [window], notes
    total = sum(limits)
    inverted = (total - pixels.astype(np.float64)).astype(pixels.dtype)
    turned = window and (total - window[1], total - window[0])
    return inverted, [turned], [*notes, "MONOCHROME1 inverted"]


def _rescaled(
    pixels: npt.NDArray[Any], dataset: Any, index: int
) -> tuple[npt.NDArray[Any], tuple[float, float], list[str]]:
    """Pixels after the modality's own scale, and the lowest and highest that could be stored."""
    if dataset.get("ModalityLUTSequence"):
        from pydicom.pixels import apply_modality_lut

        pixels = apply_modality_lut(pixels, dataset)
        return pixels, (0, int(np.iinfo(pixels.dtype).max)), ["modality table applied"]
    group = _group(dataset, index, "PixelValueTransformationSequence", "RescaleSlope")
    slope = float(group.get("RescaleSlope", 1))
    intercept = float(group.get("RescaleIntercept", 0))
    limits = _limits(pixels, dataset)
    if (slope, intercept) == (1, 0):
        return pixels, limits, []
    low, high = sorted(value * slope + intercept for value in limits)
    scaled = rescaled(pixels, slope, intercept, limits)
    return scaled, (low, high), [f"rescaled by {slope:g} and {intercept:+g}"]


def _limits(pixels: npt.NDArray[Any], dataset: Any) -> tuple[int, int]:
    if pixels.dtype.kind == "f":
        return 0, 0
    bits = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    limits = (low, high) if int(dataset.PixelRepresentation) else (0, 2**bits - 1)
    if int(pixels.min()) < limits[0] or int(pixels.max()) > limits[1]:
        raise Rejected(f"holds values beyond its {bits} bits")
    return limits


def _group(dataset: Any, index: int, sequence: str, key: str) -> Any:
    """Where a tag is: in the frame's own group, the one of all frames, or the file itself."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    shared = dataset.get("SharedFunctionalGroupsSequence") or ()
    for group in (*per_frame[index : index + 1], *shared[:1]):
        for item in group.get(sequence) or ():
            if key in item:
                return item
    return dataset


def _window(dataset: Any, index: int) -> tuple[float, float] | None:
    """PS3.3 C.11.2.1.2: the first window, as the values at which it begins and ends."""
    group = _group(dataset, index, "FrameVOILUTSequence", "WindowCenter")
    centre, width = _first(group.get("WindowCenter")), _first(group.get("WindowWidth"))
    if centre is None or width is None:
        return None
    if str(group.get("VOILUTFunction", "LINEAR")) == "LINEAR":
        centre, width = centre - 0.5, width - 1
    return (centre - width / 2, centre + width / 2) if width > 0 else None


def _first(value: Any) -> float | None:
    from pydicom.multival import MultiValue

    value = value[0] if isinstance(value, MultiValue) and value else value
    number = float(value) if value not in (None, "") else math.nan
    return number if math.isfinite(number) else None


def _pixel_size(dataset: Any) -> tuple[float, float] | None:
    group = _group(dataset, 0, "PixelMeasuresSequence", "PixelSpacing")
    return in_micrometres(group.get("PixelSpacing") or (), MICROMETRES["mm"])


def _warned(dataset: Any) -> list[str]:
    burned = str(dataset.get("BurnedInAnnotation", "")) == "YES"
    return ["says that text of the patient is burned into its pixels"] if burned else []
