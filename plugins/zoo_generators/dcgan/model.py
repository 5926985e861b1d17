"""The two networks of DCGAN, for any rectangle."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras
from keras import layers

from zoo.gan import GAN
from zoo.gan.building import check_positive

SMALLEST_GRID = 4
UNCENTRED = ("spectral", "none")


class DCGAN(GAN):
    """Deep convolutional GAN (Radford, Metz & Chintala, 2015, arXiv:1511.06434).

    Strided and transposed 4×4 convolutions in place of pooling, batch normalisation in both
    networks but at the generator's output and the discriminator's input, ReLU in the generator,
    LeakyReLU(0.2) in the discriminator, tanh at the output, weights drawn from N(0, 0.02²). A side
    that cannot be halved is rounded up: the generator then cuts one row or column off.

    Args:
        image_shape: (H, W, C).
        latent_dim: Length of the latent vector.
        norm: What the discriminator normalises by: `batch`, `layer` (each image by itself),
            `spectral` (the weights' largest singular value, arXiv:1802.05957) or `none`.
        width: Channels of the widest-resolution layer; they double with each halving, up to 8×.
        **options: As `zoo.gan.GAN` takes them.

    Example:
        >>> gan = DCGAN((64, 64, 1))
        >>> gan.compile()
        >>> gan.fit(images, kimg=2)
        >>> gan.sample(16).shape
        (16, 64, 64, 1)
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        latent_dim: int = 100,
        width: int = 32,
        norm: Literal["batch", "layer", "spectral", "none"] = "batch",
        **options: Any,
    ) -> None:
        check_positive(width=width)
        self.norm = norm
        self.grids = stage_grids(image_shape)
        self.channels = [width * min(2**stage, 8) for stage in range(len(self.grids) - 1)]
        super().__init__(image_shape, latent_dim=latent_dim, **options)

    def build_generator(self) -> keras.Model:
        """Project, reshape, then double the sides stage by stage."""
        latents = keras.Input((self.latent_dim,), name="latents")
        return keras.Model(latents, self.synthesise(latents), name="generator")

    def synthesise(self, x: Any, normalise: Callable[[Any], Any] | None = None) -> Any:
        """Images from latents.

        Args:
            x: (n, latent_dim).
            normalise: What normalises a feature map; batch normalisation by default.
        """
        normalise = normalise or (lambda features: layers.BatchNormalization()(features))
        *inner, deepest = self.channels
        *larger, smallest = self.grids
        grid = (*smallest, deepest)
        x = layers.Dense(grid[0] * grid[1] * deepest, use_bias=False, **_init())(x)
        x = layers.ReLU()(normalise(layers.Reshape(grid)(x)))
        for channels, size in zip(reversed(inner), reversed(larger[1:]), strict=True):
            x = _resample(layers.Conv2DTranspose, channels, use_bias=False)(x)
            x = layers.ReLU()(normalise(_cut(x, size)))
        x = _cut(_resample(layers.Conv2DTranspose, self.image_shape[2])(x), larger[0])
        return layers.Activation("tanh", dtype=self.weight_dtype)(x)

    def build_discriminator(self) -> keras.Model:
        """Halve the sides stage by stage, then one logit."""
        images = keras.Input(self.image_shape, name="images")
        logits = self.judge(self.features(images))
        return keras.Model(images, logits, name="discriminator")

    def features(self, x: Any) -> Any:
        """Feature maps (n, h, w, d) from images (n, H, W, C)."""
        first, *deeper = self.channels
        x = layers.LeakyReLU(0.2)(self._bounded(_resample(layers.Conv2D, first))(x))
        for channels in deeper:
            convolution = _resample(layers.Conv2D, channels, use_bias=self.norm in UNCENTRED)
            x = layers.LeakyReLU(0.2)(self._normalised(self._bounded(convolution)(x)))
        return x

    def judge(self, features: Any) -> Any:
        """Logits (n, 1) from feature maps (n, h, w, d)."""
        logit = self._bounded(layers.Dense(1, dtype=self.weight_dtype, **_init()))
        return logit(layers.Flatten()(features))

    def _normalised(self, x: Any) -> Any:
        if self.norm == "batch":
            return layers.BatchNormalization()(x)
        if self.norm == "layer":
            return layers.LayerNormalization(axis=(1, 2, 3))(x)
        return x

    def _bounded(self, layer: Any) -> Any:
        return layers.SpectralNormalization(layer) if self.norm == "spectral" else layer


def stage_grids(image_shape: Sequence[int]) -> list[tuple[int, int]]:
    """(H, W) at the image and after each halving, rounded up, down to a grid of about 4×4."""
    grids = [(int(image_shape[0]), int(image_shape[1]))]
    while min(halved := [-(-side // 2) for side in grids[-1]]) >= SMALLEST_GRID:
        grids.append((halved[0], halved[1]))
    return grids


def _cut(x: Any, size: tuple[int, int]) -> Any:
    """The upper left part of a feature map; the map itself if it has that size."""
    excess = tuple((0, have - want) for have, want in zip(x.shape[1:3], size, strict=True))
    return layers.Cropping2D(excess)(x) if excess != ((0, 0), (0, 0)) else x


def _resample(layer: Any, channels: int, *, use_bias: bool = True) -> Any:
    return layer(channels, 4, strides=2, padding="same", use_bias=use_bias, **_init())


def _init() -> dict[str, Any]:
    return {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.02)}
