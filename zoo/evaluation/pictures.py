"""Images of one side of a score: 8 bits, read when they are indexed, in an order of their own."""

import hashlib
import io
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoo.data.imageset import ImageSet
from zoo.metrics.features import image_blocks, reopened, to_uint8

Rows = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


class Pictures:
    """The images of a set in 8 bits, read from disk when they are indexed.

    Args:
        images: The set.
        quality: Quality from 1 to 100 of the JPEG that each image becomes and is read back from;
            `None` leaves them as they are.
    """

    def __init__(self, images: ImageSet, quality: int | None = None) -> None:
        self.images, self.quality = images, quality

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, H, W, C)."""
        return self.images.shape

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, which: Any, /) -> Pixels:
        """The images of a slice or of an array of positions."""
        images = replace(self.images, pixels=reopened(self.images.pixels))
        pixels = to_uint8(images[which])
        if self.quality is None:
            return pixels
        return np.stack([reencoded(image, self.quality) for image in pixels])

    def take(self, rows: Rows) -> "Pictures":
        """Some of them."""
        return Pictures(self.images.take(rows), self.quality)


class Order(NamedTuple):
    """An order of images that depends on nothing but their pixels.

    Attributes:
        rows: (n,) the positions in that order, as good as random.
        fingerprint: SHA-256 of the set, whatever order it came in.
    """

    rows: Rows
    fingerprint: str


def by_content(pictures: Pictures) -> Order:
    """The order of the images' hashes."""
    digests = np.empty((len(pictures), 2), np.uint64)
    for row, image in enumerate(image for block in image_blocks(pictures) for image in block):
        digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
        digests[row] = np.frombuffer(digest[:16], np.uint64)
    rows = np.lexsort(digests.T)
    whole = hashlib.sha256(repr(pictures.shape).encode())
    whole.update(np.ascontiguousarray(digests[rows]).data)
    return Order(rows, whole.hexdigest())


def reencoded(image: Pixels, quality: int) -> Pixels:
    """An image (H, W, C) after JPEG without chroma subsampling; 2 or 4 channels one by one."""
    from PIL import Image

    if image.shape[2] in (2, 4):
        channels = np.split(image, image.shape[2], axis=2)
        return np.concatenate([reencoded(channel, quality) for channel in channels], axis=2)
    file = io.BytesIO()
    picture = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
    picture.save(file, "JPEG", quality=quality, subsampling=0)
    decoded = np.asarray(Image.open(file))
    return decoded.reshape(image.shape)
