"""The two networks of DCGAN, for any rectangle."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import layers

from zoo.gan import GAN

SMALLEST_GRID = 4


class DCGAN(GAN):
    """Deep convolutional GAN (Radford, Metz & Chintala, 2015, arXiv:1511.06434).

    Strided and transposed 4×4 convolutions in place of pooling, batch normalisation in both
    networks but at the generator's output and the discriminator's input, ReLU in the generator,
    LeakyReLU(0.2) in the discriminator, tanh at the output, weights drawn from N(0, 0.02²). A side
    that cannot be halved is rounded up: the generator then cuts one row or column off.

    Args:
        image_shape: (H, W, C).
        latent_dim: Length of the latent vector.
        width: Channels of the widest-resolution layer; they double with each halving, up to 8×.
        precision: `float32`, or `mixed_bfloat16` for arithmetic in bfloat16.
        seed: Seed of the initial weights, the latents and the augmentation.

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
        precision: Literal["float32", "mixed_bfloat16"] = "float32",
        seed: int = 0,
    ) -> None:
        self.grids = stage_grids(image_shape)
        self.channels = [width * min(2**stage, 8) for stage in range(len(self.grids) - 1)]
        super().__init__(image_shape, latent_dim=latent_dim, precision=precision, seed=seed)

    def build_generator(self) -> keras.Model:
        """Project, reshape, then double the sides stage by stage."""
        *inner, deepest = self.channels
        *larger, smallest = self.grids
        grid = (*smallest, deepest)
        x = latents = keras.Input((self.latent_dim,))
        x = layers.Dense(grid[0] * grid[1] * deepest, use_bias=False, **_init())(x)
        x = layers.Reshape(grid)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        for channels, size in zip(reversed(inner), reversed(larger[1:]), strict=True):
            x = _resample(layers.Conv2DTranspose, channels, use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization()(_cut(x, size)))
        x = _cut(_resample(layers.Conv2DTranspose, self.image_shape[2])(x), larger[0])
        return keras.Model(latents, layers.Activation("tanh", dtype="float32")(x), name="generator")

    def build_discriminator(self) -> keras.Model:
        """Halve the sides stage by stage, then one logit."""
        first, *deeper = self.channels
        x = images = keras.Input(self.image_shape)
        x = layers.LeakyReLU(0.2)(_resample(layers.Conv2D, first)(x))
        for channels in deeper:
            x = _resample(layers.Conv2D, channels, use_bias=False)(x)
            x = layers.LeakyReLU(0.2)(layers.BatchNormalization()(x))
        x = layers.Dense(1, dtype="float32", **_init())(layers.Flatten()(x))
        return keras.Model(images, x, name="discriminator")


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
