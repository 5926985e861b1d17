"""A simulator of fluorescence nuclei: shape, texture, blur, uneven light, shot and read noise.

The stages are those of SIMCEP (Lehmussola et al., 2007, doi:10.1109/TMI.2007.896925). Values
marked *SIMCEP* are those of its `simcep_options.m`, as published with its licence in
github.com/UBCDingXin/improved_CcGAN @ 7c3354e6; the others are our own choice, made so that the
images look like the 256×256 fields of BBBC038. Nothing was fitted to data.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

HARMONICS = (2, 3, 4)

Plane = npt.NDArray[np.float64]
Inside = npt.NDArray[np.bool_]
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Nuclei:
    """Simulated fields of view, each of one class: all its nuclei interphase, or all mitotic.

    So every tile of a field has the field's label, as in cultures that grow freely or were
    arrested in mitosis. Each image depends on `seed` and its own number alone.

    Attributes:
        seed: Of all random numbers.
        images: Number of fields.
        side: Height and width in pixels.
        mitotic: Share of mitotic fields.
        nuclei: Smallest and largest number of nuclei placed in a field.
        radius: Mean radius of an interphase nucleus, pixels; *SIMCEP*: 10.
        radius_spread: Standard deviation of the radius over its mean.
        irregularity: Spread of the outline's radius over its mean; *SIMCEP* (α): 0.1.
        octaves: First and last octave of the chromatin texture; *SIMCEP*: 2 to 5.
        persistence: Amplitude of an octave over that of the one before; *SIMCEP*: 0.5.
        texture: Contrast of the texture, standard deviation over mean; for interphase.
        blur: Standard deviation of the Gaussian that stands for the point-spread function,
            pixels.
        illumination: Loss of light in the darkest corner, 0 to 1.
        background: Autofluorescence over the brightness of nuclei; *SIMCEP*: 0.05.
        photons: Photons of a pixel of nominal brightness: shot noise is Poisson.
        read_noise: Standard deviation of the camera's noise over full scale; *SIMCEP*: 0.01.
    """

    seed: int = 0
    images: int = 500
    side: int = 128
    mitotic: float = 0.25
    nuclei: tuple[int, int] = (8, 22)
    radius: float = 10.0
    radius_spread: float = 0.15
    irregularity: float = 0.1
    octaves: tuple[int, int] = (2, 5)
    persistence: float = 0.5
    texture: float = 0.18
    blur: float = 1.0
    illumination: float = 0.3
    background: float = 0.05
    photons: float = 150.0
    read_noise: float = 0.01

    @property
    def content_key(self) -> str:
        """Hash of the parameters and of this module's text."""
        text = inspect.getsource(sys.modules[__name__]) + repr(sorted(asdict(self).items()))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """The parameters, for the provenance."""
        return {"simulated": True, "parameters": asdict(self)}

    def __len__(self) -> int:
        return self.images

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number in range(self.images):
            yield self.field(number)

    def field(self, number: int) -> dict[str, Any]:
        """One field of view: `image` (H, W, 1) uint8, `mask` (H, W) uint16, `label`, `count`."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        mitotic = bool(rng.random() < self.mitotic)
        shapes, mask = self._populate(rng, mitotic)
        image = self._measure(rng, shapes)
        return {
            "id": f"field-{number:05d}",
            "group": f"field-{number:05d}",
            "image": image[..., None],
            "mask": mask,
            "label": "mitotic" if mitotic else "interphase",
            "count": int(mask.max()),
        }

    def _populate(
        self, rng: np.random.Generator, mitotic: bool
    ) -> tuple[Plane, npt.NDArray[np.uint16]]:
        """Brightness and instances of nuclei that may touch and never overlap."""
        brightness = np.zeros((self.side, self.side))
        mask = np.zeros((self.side, self.side), np.uint16)
        texture = self.texture * self._texture(rng)
        # Condensed chromatin is brighter, and its texture is finer than a pixel.
        level, contrast = (1.5, 0.3) if mitotic else (1.0, 1.0)
        wanted, placed = int(rng.integers(self.nuclei[0], self.nuclei[1] + 1)), 0
        for _ in range(4 * wanted):
            if placed == wanted:
                break
            window, inside = self._chromosomes(rng) if mitotic else self._nucleus(rng)
            if not inside.any() or mask[window][inside].any():
                continue
            placed += 1
            mask[window][inside] = placed
            varied = level * rng.normal(1.0, 0.15) * (1 + contrast * texture[window][inside])
            brightness[window][inside] = np.maximum(varied, 0.1)
        return brightness, mask

    def _nucleus(self, rng: np.random.Generator) -> tuple[Window, Inside]:
        radius = self.radius * max(0.5, rng.normal(1.0, self.radius_spread))
        elongation = rng.uniform(1.0, 1.5) ** 0.5
        window, y, x = self._window(rng.uniform(0, self.side, 2), 2 * radius)
        axes = radius * elongation, radius / elongation
        return window, self._outline(rng, y, x, axes, angle=rng.uniform(0, np.pi))

    def _chromosomes(self, rng: np.random.Generator) -> tuple[Window, Inside]:
        """A metaphase plate seen from its edge, or the two plates of an anaphase."""
        length = self.radius * max(0.5, rng.normal(0.85, 0.1))
        width = self.radius * rng.uniform(0.25, 0.4)
        angle = rng.uniform(0, np.pi)
        window, y, x = self._window(rng.uniform(0, self.side, 2), 2 * length + 3 * width)
        if rng.random() < 0.7:
            return window, self._outline(rng, y, x, (length, width), angle=angle)
        apart = rng.uniform(1.3, 2.5) * width
        dy, dx = apart * np.cos(angle), -apart * np.sin(angle)
        plates = (
            self._outline(rng, y + sign * dy, x + sign * dx, (length, width), angle=angle)
            for sign in (1, -1)
        )
        return window, np.logical_or(*plates)

    def _window(self, centre: Plane, reach: float) -> tuple[Window, Plane, Plane]:
        """The part of the field within reach of a centre, with y and x from the centre."""
        spans = [
            np.arange(max(0, int(c - reach)), min(self.side, int(c + reach) + 1)) for c in centre
        ]
        rows, columns = (slice(span[0], span[-1] + 1) for span in spans)
        return (rows, columns), spans[0][:, None] - centre[0], spans[1][None] - centre[1]

    def _outline(
        self,
        rng: np.random.Generator,
        y: Plane,
        x: Plane,
        axes: tuple[float, float],
        *,
        angle: float,
    ) -> Inside:
        """Inside of an ellipse (half-axes) whose radius varies with three harmonics."""
        along = (x * np.cos(angle) + y * np.sin(angle)) / axes[0]
        across = (y * np.cos(angle) - x * np.sin(angle)) / axes[1]
        radius = np.hypot(along, across)
        direction = (along + 1j * across) / np.maximum(radius, 1e-9)
        weights = rng.normal(0, self.irregularity, 3) * (2 / np.array(HARMONICS))
        waves = weights * np.exp(1j * rng.uniform(0, 2 * np.pi, 3))
        edge = 1 + sum(w * direction**n for w, n in zip(waves, HARMONICS, strict=True)).real
        inside: Inside = radius <= edge
        return inside

    def _texture(self, rng: np.random.Generator) -> Plane:
        """Fractal noise, mean 0 and standard deviation 1: octave k has 2^k cells across 64 px."""
        total = np.zeros((self.side, self.side))
        for octave in range(self.octaves[0], self.octaves[1] + 1):
            cells = max(2, 2**octave * self.side // 64)
            grid = rng.normal(size=(cells + 1, cells + 1))
            smooth = _interpolated(_interpolated(grid, self.side).T, self.side)
            total += self.persistence ** (octave - self.octaves[0]) * smooth
        texture: Plane = (total - total.mean()) / total.std()
        return texture

    def _measure(self, rng: np.random.Generator, brightness: Plane) -> npt.NDArray[np.uint8]:
        """What the camera records: blur, light, photons, read noise, 8 bits."""
        blurred = ndimage.gaussian_filter(brightness, self.blur, mode="nearest")
        light = self._light(rng) * (blurred + self.background)
        exposure = rng.uniform(0.5, 1.0)
        counted = rng.poisson(light * self.photons * exposure) / (2.0 * self.photons)
        recorded = counted + rng.normal(0, self.read_noise, counted.shape) + 2 * self.read_noise
        image: npt.NDArray[np.uint8] = np.clip(np.rint(255 * recorded), 0, 255).astype(np.uint8)
        return image

    def _light(self, rng: np.random.Generator) -> Plane:
        """A paraboloid around a misaligned centre, 1 at its top, as SIMCEP's illumination."""
        centre = rng.uniform(0.25, 0.75, 2) * self.side
        y, x = np.ogrid[: self.side, : self.side]
        square = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
        light: Plane = 1 - self.illumination * square / square.max()
        return light


def _interpolated(grid: Plane, side: int) -> Plane:
    """Rows between the grid's, linearly: (cells + 1, m) to (side, m)."""
    place = np.linspace(0, len(grid) - 1, side)
    before = np.minimum(place.astype(int), len(grid) - 2)
    share = (place - before)[:, None]
    between: Plane = (1 - share) * grid[before] + share * grid[before + 1]
    return between
