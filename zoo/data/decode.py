"""Image files to arrays. What cannot be read is refused with a reason, before memory is taken."""

import contextlib
import dataclasses
import importlib
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from zoo.data.examples import Rejected, check_image
from zoo.data.formats import cellomics
from zoo.data.formats.pixels import opened, settled
from zoo.data.frames import Frame, Reading

# How the names of files that are read end.
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".npy", ".npz"),
    *(".dcm", ".dicom", ".nii", ".nii.gz", ".mhd", ".mha"),
)
LOSSY = ", lossy"
MAX_REASON = 200
HEAD = 544  # bytes, in which every format shows what it is
# How files of each format begin; all others are Pillow's to name.
SIGNATURES = {
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "tiff"),
    **{b"\x93NUM": "numpy_files", b"PK\x03\x04": "numpy_files", b"PK\x05\x06": "numpy_files"},
    **{b"\x1f\x8b\x08": "nifti"},
}


def frames(
    content: Path | bytes, *, name: str = "", reading: Reading | None = None
) -> Iterator[Frame]:
    """The images of a file, one at a time.

    Args:
        content: The file or its bytes.
        name: Name of the file, where `content` is its bytes.
        reading: Which planes and channels are wanted; without, all of a volume.

    Raises:
        zoo.data.examples.Rejected: If it is empty, damaged, too large, of a kind that is not read
            or cannot be kept, or holds several planes of which none is chosen.
    """
    with _one_line_errors():
        reader = _module(content, name).frames(content, name, reading or Reading())
    while True:
        with _one_line_errors(), warnings.catch_warnings(action="ignore"):
            if (frame := next(reader, None)) is None:
                return
            frame = _kept(frame)
        yield frame


def decode(content: Path | bytes, *, name: str = "") -> tuple[npt.NDArray[Any], str]:
    """Read a file that holds one image.

    Args:
        content: The file or its bytes.
        name: Name of the file, where `content` is its bytes.

    Returns:
        (H, W, C), C from 1 to 4, uint8, uint16, int16, int32 or finite float32, in the file's own
        values; and what was changed, such as `alpha channel dropped`, or nothing.

    Raises:
        zoo.data.examples.Rejected: As for `frames`, and if it holds more than one image.
    """
    images = frames(content, name=name)
    first = next(images)
    if first.place:
        raise Rejected("holds several images; only single ones are read here")
    return first.pixels, first.note


def encoding(content: Path | bytes, *, name: str = "") -> str:
    """How an image file is encoded, such as `PNG`; what ends in `LOSSY` has lost detail.

    Little more than its header is read; empty if that cannot be.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            kind, lossy = _module(content, name).encoding(content)
    except Exception:  # decoders raise whatever a damaged file leads them to
        return ""
    return f"{kind}{LOSSY}" if lossy else kind


def encodings(formats: Mapping[str, int]) -> dict[str, Any]:
    """The facts of files of which so many have each encoding, and how many a lossy one."""
    lossy = sum(n for name, n in formats.items() if name.endswith(LOSSY))
    return {"formats": dict(formats), "lossy_files": lossy}


def encodings_of(files: Iterable[Path]) -> dict[str, Any]:
    """`encodings` of files, the most frequent first; those that cannot be read are left out."""
    return encodings(dict(Counter(filter(None, map(encoding, files))).most_common()))


def _module(content: Path | bytes, name: str) -> Any:
    """The reader for a file, by what it begins with."""
    with opened(content) as file:
        head = file.read(HEAD)
    if not head:
        raise Rejected("empty file")
    suffix = Path(name or ("" if isinstance(content, bytes) else content.name)).suffix.lower()
    return importlib.import_module(f"zoo.data.formats.{_format(head, suffix)}")


def _format(head: bytes, suffix: str) -> str:
    if head[128:132] == b"DICM":  # before TIFF, as what a DICOM file may begin with
        return "dicom"
    if found := SIGNATURES.get(head[:4]) or SIGNATURES.get(head[:3]):
        return found
    if suffix in (".dcm", ".dicom"):
        return "dicom"
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0"):
        return "nifti"
    if cellomics.claims(head):
        return "cellomics"
    if head.startswith((b"ObjectType", b"NDims")) or suffix in (".mhd", ".mha"):
        return "metaimage"
    return "pillow"


def _kept(frame: Frame) -> Frame:
    """A frame in a type that is kept, with what that changed."""
    pixels, note = settled(frame.pixels)
    notes = ", ".join(filter(None, [frame.note, note]))
    return dataclasses.replace(frame, pixels=check_image(pixels), note=notes)


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Whatever a reader raises, as a reason in one line."""
    try:
        yield
    except Rejected:
        raise
    except MemoryError:
        raise Rejected("needs more memory than there is") from None
    except EOFError as error:
        raise Rejected(f"truncated: {_line(error)}") from None
    except OSError as error:
        reason = (
            f"cannot be read: {error.strerror}"
            if error.errno
            else f"does not decode: {_line(error)}"
        )
        raise Rejected(reason) from None
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise Rejected(f"does not decode: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:MAX_REASON] or type(error).__name__
