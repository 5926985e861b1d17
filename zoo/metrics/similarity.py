"""Structural similarity (Wang et al., 2004) where there is something to hold an image against.

SSIM needs a reference. That is the true partner of an image in a paired task, or, for memorisation,
the training image that is most alike. Generated image i against an unrelated real image i, or the
nearest real image as a measure of quality, is neither.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from zoo.errors import NotComputed, ZooError
from zoo.metrics.protocol import Context, Images

WINDOW = 7
CONSTANTS = (0.01, 0.03)
TOP = 255.0
WINDOWS_ALONG_A_SIDE = 32
AT_ONCE = 128
MAX_PSNR = 100.0

Windows = npt.NDArray[np.float32]


def ssim(first: Images, second: Images, *, step: int = 1) -> npt.NDArray[np.float64]:
    """SSIM (n,) of pairs of images, from −1 to 1 for equal ones.

    Windows of 7×7 pixels with equal weights and sample covariances, as scikit-image takes them,
    averaged over windows and channels.

    Args:
        first: (n, H, W, C) uint8.
        second: The same shape.
        step: Pixels between windows; 1 takes all.
    """
    pairs = ((windows(first[[i]], step), windows(second[[i]], step)) for i in range(len(first)))
    return np.array([_similarities(*pair)[0, 0] for pair in pairs])


def nearest_ssim(
    queries: Images, references: Images
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """For each image the largest SSIM to any of the references, and which one that is.

    Every pair is compared, in windows that are `step_for` pixels apart.

    Args:
        queries: (n, H, W, C) uint8.
        references: (m, H, W, C) uint8.

    Returns:
        Similarities (n,) and positions (n,).
    """
    step = step_for(queries.shape[1:])
    best, where = np.full(len(queries), -np.inf), np.zeros(len(queries), np.int64)
    for first, those in _in_blocks(references, step):
        for start, these in _in_blocks(queries, step):
            values = _similarities(these, those)
            nearest, here = values.argmax(axis=1), slice(start, start + len(values))
            highest = values.max(axis=1)
            where[here] = np.where(highest > best[here], first + nearest, where[here])
            best[here] = np.maximum(best[here], highest)
    return best, where


def step_for(shape: tuple[int, ...]) -> int:
    """Pixels between windows for images (H, W, C): at most about 32 windows along a side."""
    return max(1, max(shape[:2]) // WINDOWS_ALONG_A_SIDE)


def windows(images: npt.NDArray[np.uint8], step: int) -> Windows:
    """Windows (windows, n, 49) of images (n, H, W, C), channels as further windows.

    Raises:
        zoo.errors.ZooError: If the images are smaller than a window.
    """
    if min(images.shape[1:3]) < WINDOW:
        raise ZooError(f"SSIM needs images of at least {WINDOW} px, not {images.shape[1:3]}")
    view = np.lib.stride_tricks.sliding_window_view(images, (WINDOW, WINDOW), axis=(1, 2))
    chosen = view[:, ::step, ::step].reshape(len(images), -1, WINDOW * WINDOW)
    return np.ascontiguousarray(chosen.swapaxes(0, 1), np.float32)


class NearestSsim:
    """Mean over generated images of the largest SSIM to a real image: memorisation, not quality.

    Says something where the reals are the training images. The same for real images is the floor,
    at m images; the largest single value stands beside it.

    Attributes:
        settings: What the protocol card prints.
    """

    settings: ClassVar[dict[str, object]] = {
        "estimator": "mean of the largest SSIM of a generated image to any real one",
        "window": f"{WINDOW}x{WINDOW}, equal weights",
    }

    def prepare(self, images: Images, *, seed: int) -> Images:
        """The images themselves."""
        return images

    def settings_for(self, shape: tuple[int, ...]) -> dict[str, object]:
        """Pixels between windows for images of a shape (H, W, C)."""
        return {"pixels_between_windows": step_for(shape)}

    def compare(self, real: Images, fake: Images, context: Context) -> float:
        """The mean, at most 1 for copies."""
        return float(nearest_ssim(fake, real)[0].mean())

    def beside(self, real: Images, fake: Images, context: Context) -> dict[str, float]:
        """The generated image that is most like a real one."""
        return {"largest": float(nearest_ssim(fake, real)[0].max())}


class Paired:
    """A full-reference metric over true pairs: denoising, super-resolution, mask to image.

    Two images of the same id are a pair; every image must have its partner.

    Args:
        of: `"ssim"` or `"psnr"`.

    Attributes:
        settings: What the protocol card prints.
        resampled: It is not computed again on subsamples, which would tear pairs apart.
    """

    resampled = False

    def __init__(self, of: str) -> None:
        self.of = of
        extra = {"window": f"{WINDOW}x{WINDOW}, equal weights"} if of == "ssim" else {}
        capped = {"capped_at": f"{MAX_PSNR:g} dB, for equal images"} if of == "psnr" else {}
        self.settings = {"estimator": f"mean {of.upper()} of true pairs by id"} | extra | capped

    def prepare(self, images: Images, *, seed: int) -> Images:
        """The images themselves."""
        return images

    def compare(self, real: Images, fake: Images, context: Context) -> float:
        """The mean over pairs, SSIM at most 1, PSNR in dB.

        Raises:
            zoo.errors.NotComputed: If the images are no pairs.
        """
        pairs = _partners(context)
        values = [
            _psnr(real[a : a + 1], fake[b : b + 1])
            if self.of == "psnr"
            else float(ssim(real[a : a + 1], fake[b : b + 1])[0])
            for a, b in pairs
        ]
        return float(np.mean(values))


nn_ssim = NearestSsim()
paired_ssim = Paired("ssim")
paired_psnr = Paired("psnr")


def _partners(context: Context) -> list[tuple[int, int]]:
    reals, fakes = context.real.ids, context.fake.ids
    if reals is None or fakes is None:
        raise NotComputed("true pairs are told by equal ids, and these images have none")
    place = {str(name): row for row, name in enumerate(fakes)}
    lonely = sorted({str(name) for name in reals} ^ set(place))
    if lonely or len(reals) != len(fakes):
        example = f", such as {lonely[0]}" if lonely else ""
        raise NotComputed(
            f"{len(lonely)} images have no partner of the same id on the other side{example}; "
            "an unrelated real image is no reference"
        )
    return [(row, place[str(name)]) for row, name in enumerate(reals)]


def _psnr(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return MAX_PSNR if not error else min(MAX_PSNR, 10 * float(np.log10(TOP**2 / error)))


def _in_blocks(images: Images, step: int) -> Iterator[tuple[int, Windows]]:
    for start in range(0, len(images), AT_ONCE):
        yield start, windows(images[start : start + AT_ONCE], step)


def _similarities(first: Windows, second: Windows) -> npt.NDArray[np.float64]:
    """SSIM (n, m) of images given as windows (w, n, 49) and (w, m, 49)."""
    size = first.shape[2]
    c1, c2 = ((constant * TOP) ** 2 for constant in CONSTANTS)
    total = np.zeros((first.shape[1], second.shape[1]))
    for one, other in zip(first, second, strict=True):
        mean_1, mean_2 = one.mean(axis=1), other.mean(axis=1)
        centred_1, centred_2 = one - mean_1[:, None], other - mean_2[:, None]
        covariance = centred_1 @ centred_2.T / (size - 1)
        variances = _variance(centred_1)[:, None] + _variance(centred_2)[None]
        means = mean_1[:, None] * mean_2[None]
        squares = (mean_1**2)[:, None] + (mean_2**2)[None]
        total += (2 * means + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return total / len(first)


def _variance(centred: Windows) -> Windows:
    return np.asarray((centred**2).sum(axis=1) / (centred.shape[1] - 1))
