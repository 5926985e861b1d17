"""A small StyleGAN2, for any rectangle."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers

from zoo.errors import UsageError
from zoo.gan import GAN
from zoo.gan.building import check_not_negative, check_positive
from zoo.gan.inputs import draw, feed
from zoo.gan.sampling import rendered
from zoo_generators.stylegan_lite.convolutions import (
    GAIN,
    EqualisedConv2D,
    EqualisedDense,
    ModulatedConv2D,
)
from zoo_generators.stylegan_lite.layers import (
    BatchDeviation,
    Doubled,
    LearnedConstant,
    NoisyActivation,
    UnitLength,
    halved,
    stage_grids,
)
from zoo_generators.stylegan_lite.styles import mixed, path_penalty

Tensor = Any
Array = npt.NDArray[Any]
MAPPING_RATE = 0.01
AVERAGED = 4096  # latents whose mean style is what truncation pulls towards
SECOND, CROSSOVER, DIRECTIONS = 24, 25, 26  # streams of random numbers


class StyleGANLite(GAN):
    """A small StyleGAN2 (arXiv:1812.04948, arXiv:1912.04958).

    Latents become styles in a mapping network; a learned constant becomes an image in convolutions
    that the styles modulate, with noise for each pixel; the images of all resolutions are added
    up. The discriminator is residual and sees how much its batch varies. Smaller than the paper's:
    features are convolved before they are upsampled, the discriminator pools by means of 2×2, the
    deviation is that of the whole batch. A side that cannot be halved is rounded up, and its last
    row or column cut off.

    Args:
        image_shape: (H, W, C).
        latent_dim: Length of the latent vector.
        style_dim: Length of the style vector.
        width: Channels at the largest resolution; they double with each halving, up to 8×.
        mapping_layers: Dense layers from latents to styles.
        **options: As `zoo.gan.GAN` takes them.

    Example:
        >>> gan = StyleGANLite((64, 64, 1), width=16)
        >>> gan.compile(batch_size=16)
        >>> gan.fit(images, kimg=12)
        >>> gan.sample(16, truncation=0.7).shape
        (16, 64, 64, 1)
    """

    mixes_styles = True

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        latent_dim: int = 128,
        style_dim: int = 128,
        width: int = 32,
        mapping_layers: int = 4,
        **options: Any,
    ) -> None:
        check_positive(latent_dim=latent_dim, style_dim=style_dim, width=width)
        self.style_dim, self.mapping_layers = style_dim, mapping_layers
        self.grids = stage_grids(image_shape)
        self.channels = [width * min(2**stage, 8) for stage in range(len(self.grids))]
        super().__init__(image_shape, latent_dim=latent_dim, **options)
        self.random_shapes = {**self.random_shapes, "latents": (latent_dim,)}
        self._render_truncated = tf.function(self._truncated, autograph=False)

    @property
    def style_layers(self) -> int:
        """How many layers take a style: two for each resolution."""
        return 2 * len(self.grids)

    def build_generator(self) -> keras.Model:
        """Latents, one row for each layer, and noise to images, through `mapping` and `synthesis`.

        Its inputs are `{"latents": (n, layers, latent_dim), "noise": (n, N)}`, its models
        `mapping` (n, rows, latent_dim) → (n, rows, style_dim) and `synthesis`.
        """
        mapping, synthesis = self.build_mapping(), self.build_synthesis()
        latents = keras.Input((self.style_layers, self.latent_dim), name="latents")
        noise = keras.Input(synthesis.input["noise"].shape[1:], name="noise")
        images = synthesis({"styles": mapping(latents), "noise": noise})
        return keras.Model({"latents": latents, "noise": noise}, images, name="generator")

    def build_mapping(self) -> keras.Model:
        """Latents (n, rows, latent_dim) to styles (n, rows, style_dim), each row by itself."""
        latents = keras.Input((None, self.latent_dim), name="latents")
        x = UnitLength()(latents)
        for _ in range(self.mapping_layers):
            x = EqualisedDense(self.style_dim, gain=GAIN, rate=MAPPING_RATE, activate=True)(x)
        return keras.Model(latents, x, name="mapping")

    def build_synthesis(self) -> keras.Model:
        """`{"styles": (n, layers, style_dim), "noise": (n, N)}` to images (n, H, W, C)."""
        *_, smallest = self.grids
        sizes = [smallest, *(size for size in self.grids[-2::-1] for _ in range(2))]
        starts = np.cumsum([0, *(height * width for height, width in sizes)])
        styles = keras.Input((self.style_layers, self.style_dim), name="styles")
        noise = keras.Input((int(starts[-1]),), name="noise")
        share = len(self.grids) ** -0.5

        def styled(x: Any, channels: int, row: int, size: tuple[int, int] | None = None) -> Any:
            x = ModulatedConv2D(channels, row=row, gain=GAIN, bias=None)([x, styles])
            x = Doubled(size)(x) if size else x
            return NoisyActivation(int(starts[row]))([x, noise])

        def coloured(x: Any, row: int) -> Any:
            colours = self.image_shape[2]
            return ModulatedConv2D(colours, 1, row=row, gain=share, demodulate=False)([x, styles])

        x = LearnedConstant((*smallest, self.channels[-1]))(styles)
        x = styled(x, self.channels[-1], 0)
        image = coloured(x, 1)
        for row, (size, channels) in enumerate(
            zip(self.grids[-2::-1], self.channels[-2::-1], strict=True)
        ):
            x = styled(x, channels, 2 * row + 1, size)
            x = styled(x, channels, 2 * row + 2)
            image = layers.Add()([Doubled(size)(image), coloured(x, 2 * row + 3)])
        image = layers.Activation("linear", dtype=self.weight_dtype)(image)
        return keras.Model({"styles": styles, "noise": noise}, image, name="synthesis")

    def build_discriminator(self) -> keras.Model:
        """Residual blocks that halve the sides, then the batch's deviation and two dense layers."""
        images = keras.Input(self.image_shape, name="images")
        x = EqualisedConv2D(self.channels[0], 1, gain=GAIN, activate=True)(images)
        for channels, wider in zip(self.channels, self.channels[1:], strict=False):
            x = halved(x, channels, wider)
        x = BatchDeviation()(x)
        x = EqualisedConv2D(self.channels[-1], gain=GAIN, activate=True)(x)
        x = EqualisedDense(self.channels[-1], gain=GAIN, activate=True)(layers.Flatten()(x))
        logits = EqualisedDense(1, dtype=self.weight_dtype)(x)
        return keras.Model(images, logits, name="discriminator")

    def compile(
        self,
        *,
        learning_rate: float = 2e-3,
        beta_1: float = 0.0,
        beta_2: float = 0.99,
        batch_size: int = 32,
        r1_gamma: float | None = None,
        lazy_every: int = 16,
        path_weight: float = 0.0,
        mixing: float = 0.9,
        **options: Any,
    ) -> None:
        """Set how the networks are trained.

        Args:
            learning_rate: Adam's learning rate.
            beta_1: Adam's first-moment decay.
            beta_2: Adam's second-moment decay.
            batch_size: Real images in an update of the discriminator.
            r1_gamma: Weight of the R1 penalty; by default 0.0002·H·W / batch_size, the heuristic
                of arXiv:2006.06676.
            lazy_every: Apply the penalties every so many steps, so many times as strong.
            path_weight: Weight of the path-length penalty (arXiv:1912.04958, section 3.2); 0 for
                none.
            mixing: Probability that the layers of a training image take two latents.
            **options: As `zoo.gan.GAN.compile` takes them.
        """
        check_not_negative(path_weight=path_weight, mixing=mixing)
        if mixing > 1:
            raise UsageError(f"mixing must be at most 1; got {mixing}")
        self.path_weight, self.mixing = path_weight, mixing
        self.penalises_generator = path_weight > 0
        height, width, _ = self.image_shape
        super().compile(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            batch_size=batch_size,
            r1_gamma=2e-4 * height * width / batch_size if r1_gamma is None else r1_gamma,
            lazy_every=lazy_every,
            **options,
        )

    def training_inputs(self, n: Any, *, part: int = 0) -> dict[str, Tensor]:
        """What a step draws: a row of latents for each layer, of two latents with style mixing."""
        drawn: dict[str, Tensor] = super().training_inputs(n, part=part)
        first = drawn["latents"]
        second = self.normal((n, self.latent_dim), stream=SECOND, part=part)
        u = self.uniform((n, 2), stream=CROSSOVER, part=part)
        crossover = 1 + tf.cast(u[:, 1] * (self.style_layers - 1), "int32")
        crossover = tf.where(u[:, 0] < self.mixing, crossover, self.style_layers)
        drawn["latents"] = mixed(first, second, crossover, self.style_layers)
        if self.path_weight:
            drawn["directions"] = self.normal((n, *self.image_shape), stream=DIRECTIONS, part=part)
        return drawn

    def generator_penalty(self, parameters: Any, state: Any, named: Any) -> Tensor:
        """The path-length penalty of `path_penalty`, weighted."""
        given = dict(zip(map(id, self.generator.trainable_variables), parameters, strict=True))

        def call(name: str, fed: Any) -> Tensor:
            network = self.generator.get_layer(name)
            own = [given[id(variable)] for variable in network.trainable_variables]
            return network.stateless_call(own, [], fed, training=True)[0]

        def synthesise(styles: Tensor) -> Tensor:
            return call("synthesis", {"styles": styles, "noise": named["noise"]})

        styles = call("mapping", named["latents"])
        return self.path_weight * path_penalty(synthesise, styles, named["directions"])

    def render(self, named: Mapping[str, Any], truncation: float = 1.0) -> Tensor:
        """Images (n, H, W, C) of the averaged generator's inputs, of which quantising clips values.

        Args:
            named: `latents` (n, latent_dim), or (n, layers, latent_dim) with a row for each
                layer; and `noise` (n, N).
            truncation: Factor on each style's distance to the mean style (arXiv:1812.04948,
                appendix B); the mean is that of 4,096 fixed latents under the present weights.
        """
        latents = np.asarray(named["latents"], np.float32)
        if latents.ndim == 2:
            latents = np.repeat(latents[:, None], self.style_layers, axis=1)
        fed = {**named, "latents": latents}
        if truncation == 1:
            return self._render(feed(self.ema_generator, fed))
        return self._render_truncated(fed, tf.constant(truncation, tf.float32))

    def _truncated(self, fed: Mapping[str, Tensor], truncation: Tensor) -> Tensor:
        mapping, synthesis = (self.ema_generator.get_layer(n) for n in ("mapping", "synthesis"))
        fixed = tf.random.stateless_normal((1, AVERAGED, self.latent_dim), (0, 0), alg="philox")
        mean = tf.reduce_mean(tf.cast(mapping(fixed), "float32"), axis=1, keepdims=True)
        styles = tf.cast(mapping(fed["latents"]), "float32")
        styles = mean + truncation * (styles - mean)
        return synthesis({"styles": styles, "noise": fed["noise"]}, training=False)

    def exported(self) -> keras.Model:
        """The averaged generator with one latent (n, latent_dim) for all layers; and noise."""
        latents = keras.Input((self.latent_dim,), name="latents")
        noise = keras.Input(self.random_shapes["noise"], name="noise")
        rows = layers.RepeatVector(self.style_layers)(latents)
        images = self.ema_generator({"latents": rows, "noise": noise})
        return keras.Model({"latents": latents, "noise": noise}, images, name="exported")

    def mix(
        self, coarse: Array, fine: Array, crossover: int, *, noise: Array | None = None
    ) -> Array:
        """Images whose first layers take the style of one latent and the others that of another.

        Args:
            coarse: Latents (n, latent_dim) of the first `crossover` layers.
            fine: Latents (n, latent_dim) of the layers from `crossover` on.
            crossover: From 0 to `style_layers`.
            noise: (n, N); by default the same for every image.

        Returns:
            (n, H, W, C) uint8.

        Raises:
            zoo.errors.UsageError: If there are not so many layers.
        """
        if not 0 <= crossover <= self.style_layers:
            raise UsageError(f"crossover must be from 0 to {self.style_layers}; got {crossover}")
        if noise is None:
            noise = np.repeat(draw(self.random_shapes, 1, 0)["noise"], len(coarse), axis=0)
        latents = mixed(coarse, fine, np.full(len(coarse), crossover), self.style_layers)
        return rendered(self, {"latents": np.asarray(latents), "noise": noise})
