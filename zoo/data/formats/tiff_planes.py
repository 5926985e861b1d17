"""The planes of a TIFF file, read one at a time and only as far as they are wanted."""

import io
import itertools
import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.examples import Rejected
from zoo.data.formats.pixels import ALPHA, check_area, check_bytes, check_channels

# What an axis of tifffile's is to us. Pages that say nothing of themselves (I, Q) are depth.
ROLES = {"T": "t", "Z": "z", "I": "z", "Q": "z", "C": "c", "E": "c", "S": "c", "Y": "y", "X": "x"}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR = 0, 1, 2, 3, 5, 6
COLOURS = {WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR}
JPEG = (6, 7, 33007, 34892)
ALPHAS = (1, 2)


class Planes:
    """The planes of a file's first series, each an (H, W, C) image.

    Args:
        file: An open `tifffile.TiffFile`.
        wanted: Indices of the wanted channels; without, all.

    Attributes:
        notes: What was changed in what was read.

    Raises:
        zoo.data.examples.Rejected: If it is not as its header claims, or not of a kind that is
            read.
    """

    def __init__(self, file: Any, wanted: tuple[int, ...] | None) -> None:
        _check_chain(file)
        self.file, self.series = file, file.series[0]
        self.page = self.series.keyframe
        self.shape = tuple(map(int, self.series.shape))
        self.roles = _roles(str(self.series.axes), self.shape)
        self.paged = len(self.series) * math.prod(self.page.shape) == math.prod(self.shape)
        self.split = self._split()
        self.notes: list[str] = []
        self._check_size()
        self._check_colour()
        self.samples = self._samples()
        leading = self._count(self.roles[: self.split], "c")
        check_channels(leading * self.samples, wanted)
        self.wanted = range(leading * self.samples) if wanted is None else wanted

    def size(self, role: str) -> int:
        """How many there are along t, z, c, y or x."""
        return self._count(self.roles, role)

    def read(self, t: int, z: int) -> npt.NDArray[Any]:
        """One plane with the wanted channels, its colours as the file means them."""
        at = {"t": t, "z": z}
        leading = [
            range(size) if role == "c" else (at[role],)
            for role, size in zip(self.roles[: self.split], self.shape, strict=False)
        ]
        units = list(itertools.product(*leading))
        needed = sorted({index // self.samples for index in self.wanted})
        read = [self._plane(self._unit(units[index]), at) for index in needed]
        pixels = read[0] if len(read) == 1 else np.concatenate(read, axis=-1)
        order = [
            needed.index(index // self.samples) * self.samples + index % self.samples
            for index in self.wanted
        ]
        return pixels if order == list(range(pixels.shape[-1])) else pixels[..., order]

    def _count(self, roles: str, wanted: str) -> int:
        sizes = zip(roles, self.shape, strict=False)
        return math.prod(size for role, size in sizes if role == wanted)

    def _split(self) -> int:
        """How many leading axes there are that tell one page, or stored plane, from another."""
        inner = min(self.roles.index("y"), self.roles.index("x"))
        if not self.paged:
            if self.series.dataoffset is None:
                raise Rejected("its pages are not what its header claims")
            return inner
        each = math.prod(self.page.shape)
        return next(k for k in range(inner, -1, -1) if math.prod(self.shape[k:]) >= each)

    def _check_size(self) -> None:
        unit = math.prod(self.shape[self.split :])
        if self.paged and unit != math.prod(self.page.shape):
            raise Rejected("its pages are not what its header claims")
        itemsize = self.series.dtype.itemsize
        check_area(self.size("x"), self.size("y"))
        check_bytes(unit * itemsize)
        check_bytes(math.prod(self.page.chunks) * itemsize)
        if self._claimed() > len(self.series) * math.prod(self.page.shape) and self.paged:
            raise Rejected("truncated: it holds fewer planes than it says")

    def _claimed(self) -> int:
        """Values that ImageJ or tifffile have noted; with too few, tifffile reads the first."""
        if self.file.is_imagej:
            images = (self.file.imagej_metadata or {}).get("images", 1)
            return int(images) * self.size("y") * self.size("x")
        if self.file.is_shaped:
            return math.prod((self.file.shaped_metadata or [{}])[0].get("shape", (0,)))
        return 0

    def _check_colour(self) -> None:
        kind = int(self.page.photometric)
        name = getattr(self.page.photometric, "name", kind)
        plain_ycbcr = kind == YCBCR and int(self.page.compression) not in JPEG
        if kind not in COLOURS or plain_ycbcr:
            raise Rejected(f"colours of kind {name}, which are not read")
        inks = kind == SEPARATED and self._count(self.roles[self.split :], "c") != 4
        if inks or (kind == SEPARATED and self.series.dtype != np.uint8):
            raise Rejected("colours as inks that are not 8-bit CMYK")

    def _samples(self) -> int:
        """Channels of one stored plane after its colours are converted."""
        stored = self._count(self.roles[self.split :], "c")
        if int(self.page.photometric) in (PALETTE, SEPARATED):
            return 3
        return len(self._kept(stored))

    def _kept(self, samples: int) -> list[int]:
        """Samples that are no alpha channel."""
        # A program may store planes in depth as samples, and say so in its own words.
        are_samples = samples == int(self.page.samplesperpixel)
        extra = tuple(map(int, self.page.extrasamples)) if are_samples else ()
        base = samples - len(extra)
        return [i for i in range(samples) if i < base or extra[i - base] not in ALPHAS]

    def _unit(self, index: tuple[int, ...]) -> npt.NDArray[Any]:
        """One page, or one plane of those that lie behind one another."""
        shape = self.shape[self.split :]
        leading = self.shape[: self.split]
        number = int(np.ravel_multi_index(index, leading)) if index else 0
        if not self.paged:
            return self._stored(number, shape)
        page = self.series[number]
        if page is None or page.parent is not self.file:
            raise Rejected("a part of it is missing, or lies in another file")
        _check_segments(page, self.page, self.file.filehandle.size)
        return np.asarray(page.asarray(maxworkers=1)).reshape(shape)

    def _stored(self, number: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        dtype = self.series.dtype.newbyteorder(self.file.byteorder)
        size = math.prod(shape) * dtype.itemsize
        handle = self.file.filehandle
        handle.seek(self.series.dataoffset + number * size)
        data = handle.read(size)
        if len(data) < size:
            raise Rejected("truncated: it ends within its pixels")
        return np.frombuffer(data, dtype).reshape(shape)

    def _plane(self, unit: npt.NDArray[Any], at: dict[str, int]) -> npt.NDArray[Any]:
        roles = self.roles[self.split :]
        pixels = unit[tuple(at[role] if role in "tz" else slice(None) for role in roles)]
        kept = [role for role in roles if role not in "tz"]
        rest = [i for i, role in enumerate(kept) if role == "c"]
        pixels = pixels.transpose(kept.index("y"), kept.index("x"), *rest)
        return self._coloured(pixels.reshape(*pixels.shape[:2], -1))

    def _coloured(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        kind = int(self.page.photometric)
        if kind == PALETTE:
            self.notes = ["palette converted to RGB"]
            table = np.asarray(self.page.colormap)
            table = table >> 8 if table.max() > 255 else table
            return np.moveaxis(table.astype(np.uint8)[:, pixels[..., 0]], 0, -1)
        if kind == SEPARATED:
            self.notes = ["CMYK converted to RGB"]
            return _rgb(pixels)
        if kind == WHITE_IS_ZERO and pixels.dtype.kind in "bu":
            self.notes = ["white-is-zero inverted"]
            top = pixels.dtype.type(2 ** int(self.page.bitspersample) - 1)
            return ~pixels if pixels.dtype.kind == "b" else top - pixels
        kept = self._kept(pixels.shape[-1])
        if len(kept) == pixels.shape[-1]:
            return pixels
        self.notes = [ALPHA]
        return pixels[..., kept]


def _roles(axes: str, shape: tuple[int, ...]) -> str:
    """What each axis is to us: one of t, z, c, y, x."""
    roles = ""
    for axis, size in zip(axes, shape, strict=True):
        role = ROLES.get(axis, "")
        if size == 1 and role not in ("y", "x"):
            role = "c"
        if not role or (role in roles and role != "c"):
            raise Rejected(f"has {size} planes along axis {axis} besides {axes}; split it first")
        roles += role
    if "y" not in roles or "x" not in roles:
        raise Rejected(f"has axes {axes}, no image of rows and columns")
    return roles


def _check_chain(file: Any) -> None:
    """Check that no page lies beyond the end of the file, where tifffile stops reading."""
    form, handle = file.tiff, file.filehandle
    handle.seek(file.pages[-1].offset)
    (tags,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
    handle.seek(tags * form.tagsize, io.SEEK_CUR)
    pointer = handle.read(form.offsetsize)
    if len(pointer) < form.offsetsize or _offset(form, pointer) >= handle.size:
        raise Rejected("truncated: further pages are missing")


def _offset(form: Any, pointer: bytes) -> int:
    return int(struct.unpack(form.offsetformat, pointer)[0])


def _check_segments(page: Any, keyframe: Any, size: int) -> None:
    """Check that every strip or tile of a page is there, which tifffile fills with zeros."""
    offsets, counts = page.dataoffsets, page.databytecounts
    expected = 1 if keyframe.is_contiguous else math.prod(keyframe.chunked)
    if len(offsets) < expected or len(counts) < expected:
        raise Rejected(f"truncated: {min(len(offsets), len(counts))} of {expected} strips")
    for offset, count in zip(offsets, counts, strict=False):
        if offset <= 0 or count <= 0 or offset + count > size:
            raise Rejected("truncated: a strip of its pixels is missing")


def _rgb(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels), "CMYK").convert("RGB"))
