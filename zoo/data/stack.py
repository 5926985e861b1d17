"""A .npy file that grows by one image at a time, so that only one is in memory."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROWS_AT_ONCE = 256


class Stack:
    """Images of one size appended to a .npy file.

    Grey images that are stored as RGB keep one channel if all of them are grey; if some are
    coloured, the grey ones get three.

    Args:
        path: The file; it appears with the first image.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)
        self.shape: tuple[int, ...] = ()
        self.count = 0
        self._file: io.BufferedRandom | None = None
        self._grey = True

    def append(self, image: npt.NDArray[Any]) -> None:
        """Append (H, W, C) or (H, W)."""
        if self._file is None:
            self.dtype, self.shape = image.dtype, image.shape
            self._file = self.path.open("w+b")
            self._write_header()
        if image.ndim == 3:
            self._grey = self._grey and _is_grey(image)
            image = self._fitted(image)
        self._file.write(np.ascontiguousarray(image).data)
        self.count += 1

    def finish(self) -> None:
        """Write the number of images into the header."""
        if self._file is None:
            return
        if len(self.shape) == 3 and self.shape[-1] == 3 and self._grey:
            self._rewrite(1)
        self._write_header()
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def remove(self) -> None:
        """Delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _fitted(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        have, want = image.shape[-1], self.shape[-1]
        if have == 3 and want == 1:
            self._rewrite(3)
        elif have != want:
            return np.repeat(image, want, axis=-1)
        return image

    def _rewrite(self, channels: int) -> None:
        """Change the number of channels of what was written, a few images at a time."""
        old, size = self._file, int(np.prod(self.shape)) * self.dtype.itemsize
        assert old is not None
        shape, self.shape = self.shape, (*self.shape[:-1], channels)
        new = self.path.with_suffix(".rewritten")
        with old, new.open("w+b") as self._file:
            self._write_header()
            old.seek(self._header_size)
            while part := old.read(size * ROWS_AT_ONCE):
                rows = np.frombuffer(part, self.dtype).reshape(-1, *shape)
                rows = rows[..., :1] if channels == 1 else np.repeat(rows, channels, axis=-1)
                self._file.write(np.ascontiguousarray(rows).data)
        new.replace(self.path)
        self._file = self.path.open("r+b")
        self._file.seek(0, io.SEEK_END)

    def _write_header(self) -> None:
        """The header has room for any number of images, so it can be written again in place."""
        assert self._file is not None
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(
            self._file,
            {"descr": self.dtype.str, "fortran_order": False, "shape": (self.count, *self.shape)},
        )
        self._header_size = self._file.tell()


def _is_grey(image: npt.NDArray[Any]) -> bool:
    return image.shape[-1] == 1 or (
        image.shape[-1] == 3
        and bool((image[..., 0] == image[..., 1]).all())
        and bool((image[..., 0] == image[..., 2]).all())
    )
