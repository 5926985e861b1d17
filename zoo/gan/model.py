"""GAN: two networks, their losses and one training step. Methods subclass it."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from zoo.errors import UsageError
from zoo.gan.augment import find_augmentation
from zoo.gan.building import building, check_positive, wants_xla
from zoo.gan.losses import find_loss
from zoo.gan.pixels import quantise, to_unit_range

Tensor = Any
SAMPLE_BATCH = 64


class GAN(keras.Model):  # type: ignore[misc]
    """A generator, a discriminator and a moving average of the generator.

    Subclasses override, by level: `build_generator` and `build_discriminator`;
    `generator_loss` and `discriminator_loss`; `train_step`. Latents, noise and augmentation are
    functions of the seed and the step, so that equal seeds give equal weights and a resumed
    training is the uninterrupted one.

    Args:
        image_shape: (H, W, C).
        latent_dim: Length of the latent vector.
        precision: Keras dtype policy of the layers; weights are always float32.
        seed: Seed of the initial weights, the latents and the augmentation.
    """

    augmentable = True

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        latent_dim: int = 128,
        precision: Literal["float32", "mixed_bfloat16"] = "float32",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.image_shape = tuple(int(side) for side in image_shape)
        self.latent_dim = latent_dim
        self.seed = seed
        with building(seed, precision):
            self.generator = self.build_generator()
            self.discriminator = self.build_discriminator()
            self.ema_generator = self.build_generator()
        self.ema_generator.trainable = False
        self.ema_generator.set_weights(self.generator.get_weights())
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, name="step"
        )
        self._sample_batch = tf.function(lambda z: self.ema_generator(z, training=False))
        self.built = True

    def build_generator(self) -> keras.Model:
        """A network from latents (n, latent_dim) to images (n, H, W, C) in [−1, 1]."""
        raise NotImplementedError

    def build_discriminator(self) -> keras.Model:
        """A network from images (n, H, W, C) in [−1, 1] to logits (n, 1)."""
        raise NotImplementedError

    def compile(
        self,
        *,
        loss: Literal["bce", "least-squares", "hinge"] = "bce",
        learning_rate: float = 2e-4,
        d_learning_rate: float | None = None,
        beta_1: float = 0.5,
        beta_2: float = 0.999,
        batch_size: int = 32,
        augment: str = "diffaugment",
        r1_gamma: float = 0.0,
        ema_decay: float = 0.995,
        jit_compile: bool | Literal["auto"] = "auto",
    ) -> None:
        """Set how the networks are trained.

        Args:
            loss: `bce` (non-saturating), `least-squares` or `hinge`.
            learning_rate: Adam's learning rate.
            d_learning_rate: The discriminator's own learning rate; by default the same.
            beta_1: Adam's first-moment decay.
            beta_2: Adam's second-moment decay.
            batch_size: Real images in a step.
            augment: What the discriminator's images pass: `none`, `diffaugment`, or some of its
                parts `colour`, `translation`, `cutout`, separated by commas.
            r1_gamma: Weight of the R1 gradient penalty on real images (arXiv:1801.04406).
            ema_decay: Decay of the generator's moving average, ramped as (1 + t) / (10 + t).
            jit_compile: Compile the gradients with XLA; `auto` does so on a GPU.

        Raises:
            zoo.errors.UsageError: If a value is unknown or out of range.
        """
        check_positive(
            learning_rate=learning_rate, d_learning_rate=d_learning_rate, batch_size=batch_size
        )
        if augment != "none" and not self.augmentable:
            raise UsageError(f"{type(self).__name__} cannot be augmented; use augment=none")
        self.loss_name = loss
        self.losses_pair = find_loss(loss)
        self.batch_size = batch_size
        self.augmentation = find_augmentation(augment)
        self.r1_gamma = r1_gamma
        self.ema_decay = ema_decay
        self.jit = wants_xla(jit_compile)
        rates = (learning_rate, learning_rate if d_learning_rate is None else d_learning_rate)
        self.g_optimizer, self.d_optimizer = (
            keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2) for rate in rates
        )
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)
        # XLA compiles the two pure gradient functions; what is stateful stays outside of them.
        self._d_gradients = tf.function(self._discriminator_gradients, jit_compile=self.jit)
        self._g_gradients = tf.function(self._generator_gradients, jit_compile=self.jit)
        super().compile(optimizer=self.g_optimizer, jit_compile=False)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Both optimisers; their variables are part of the training state."""
        return [self.g_optimizer, self.d_optimizer]

    @property
    def state(self) -> list[Any]:
        """Every variable that training changes, in a fixed order."""
        return [*self.variables, *(v for o in self.optimizers for v in o.variables)]

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """The generator's loss, a scalar, from logits (n, 1) of generated images."""
        return self.losses_pair.generator(fake_logits)

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The discriminator's loss, a scalar, from logits (n, 1) of real and generated images."""
        return self.losses_pair.discriminator(real_logits, fake_logits)

    def augment(self, images: Tensor, seed: Tensor) -> Tensor:
        """What the discriminator is shown in place of images (n, H, W, C) in [−1, 1]."""
        return self.augmentation(images, seed)

    def train_step(self, batch: Any) -> dict[str, Tensor]:
        """Update the discriminator, then the generator, then its moving average.

        Args:
            batch: Real images (n, H, W, C), integers or floats in [−1, 1], alone or with labels.

        Returns:
            Scalars: losses, mean discriminator outputs in [0, 1], gradient norms.
        """
        real = to_unit_range(batch[0] if isinstance(batch, tuple) else batch)
        latents = self.latents(real.shape[0] or tf.shape(real)[0], stream=0)
        g, d = self.generator, self.discriminator

        grads, state, d_logs = self._d_gradients(
            real, latents, self.noise_seed(1), *_tensors(g), *_tensors(d)
        )
        self.d_optimizer.apply(grads, d.trainable_variables)
        _assign(d.non_trainable_variables, state)

        grads, state, g_logs = self._g_gradients(
            latents, self.noise_seed(2), *_tensors(g), *_tensors(d)
        )
        self.g_optimizer.apply(grads, g.trainable_variables)
        _assign(g.non_trainable_variables, state)

        self._update_average()
        self.step.assign_add(1)
        return {**d_logs, **g_logs}

    def _discriminator_gradients(
        self, real: Tensor, latents: Tensor, seed: Tensor, gp: Any, gs: Any, dp: Any, ds: Any
    ) -> tuple[Any, Any, dict[str, Tensor]]:
        fake, _ = self.generator.stateless_call(gp, gs, latents, training=True)
        fake = self.augment(fake, seed + 1)
        real = self.augment(real, seed)
        with tf.GradientTape() as tape:
            tape.watch(dp)
            real_logits, ds, penalty = self._real_logits(real, dp, ds)
            fake_logits, ds = self.discriminator.stateless_call(dp, ds, fake, training=True)
            loss = self.discriminator_loss(real_logits, fake_logits)
            total = loss + penalty
        grads = tape.gradient(total, dp)
        logs = {
            "d_loss": loss,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
            "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
            "d_grad_norm": tf.linalg.global_norm(grads),
        }
        return grads, ds, logs

    def _real_logits(self, real: Tensor, dp: Any, ds: Any) -> tuple[Tensor, Any, Tensor]:
        if not self.r1_gamma:
            logits, ds = self.discriminator.stateless_call(dp, ds, real, training=True)
            return logits, ds, 0.0
        with tf.GradientTape() as tape:
            tape.watch(real)
            logits, ds = self.discriminator.stateless_call(dp, ds, real, training=True)
            total = tf.reduce_sum(logits)
        slope = tape.gradient(total, real)
        penalty = tf.reduce_mean(tf.reduce_sum(tf.square(slope), axis=(1, 2, 3)))
        return logits, ds, 0.5 * self.r1_gamma * penalty

    def _generator_gradients(
        self, latents: Tensor, seed: Tensor, gp: Any, gs: Any, dp: Any, ds: Any
    ) -> tuple[Any, Any, dict[str, Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(gp)
            fake, gs = self.generator.stateless_call(gp, gs, latents, training=True)
            fake = self.augment(fake, seed)
            logits, _ = self.discriminator.stateless_call(dp, ds, fake, training=True)
            loss = self.generator_loss(logits)
        grads = tape.gradient(loss, gp)
        return grads, gs, {"g_loss": loss, "g_grad_norm": tf.linalg.global_norm(grads)}

    def _update_average(self) -> None:
        t = tf.cast(self.step, "float32")
        decay = tf.minimum(self.ema_decay, (1.0 + t) / (10.0 + t))
        for average, value in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            average.assign(value + decay * (average - value))

    def latents(self, n: Any, *, stream: int) -> Tensor:
        """Standard normal latents (n, latent_dim), a function of seed, step and stream."""
        return tf.random.stateless_normal(
            (n, self.latent_dim), self.noise_seed(16 + stream), alg="philox"
        )

    def noise_seed(self, stream: int) -> Tensor:
        """A (2,) int32 seed for this step; streams of one step are independent."""
        step = tf.cast(self.step, "int32")
        return tf.stack([tf.constant(self.seed, tf.int32) + 65537 * stream, step])

    def fit(self, x: Any, **options: Any) -> Any:
        """Train on an `ImageSet` or an array with zoo's loop, on anything else with Keras' own.

        Args:
            x: A `zoo.data.ImageSet`, of which only the `train` split is used, or images
                (n, H, W, C); or what `keras.Model.fit` takes.
            **options: One of `kimg`, `steps`, `epochs`, `minutes`; or Keras' options.
        """
        from zoo.data import ImageSet
        from zoo.gan.train import Budget, train

        if isinstance(x, np.ndarray):
            x = ImageSet.from_array(x)
        if not isinstance(x, ImageSet):
            return super().fit(x, **options)
        return train(self, x.split("train"), Budget(**options))

    def sample(
        self,
        n: int,
        labels: npt.ArrayLike | None = None,
        seed: int = 0,
        truncation: float = 1.0,
        dtype: Literal["uint8", "uint16"] = "uint8",
    ) -> npt.NDArray[Any]:
        """Images from the averaged generator.

        Args:
            n: How many.
            labels: Class indices (n,) for a conditional generator.
            seed: Seed of the latents; image i of a seed does not depend on n.
            truncation: Factor on the latents; below 1 trades variety for typicality.
            dtype: `uint8` or `uint16`.

        Returns:
            (n, H, W, C), rounded half up: floor(x·127.5 + 128) for uint8, clamped.
        """
        if labels is not None:
            raise UsageError(f"{type(self).__name__} is not conditional: it takes no labels")
        z = np.random.Generator(np.random.Philox(seed)).standard_normal((n, self.latent_dim))
        z = (truncation * z).astype(np.float32)
        images = np.empty((n, *self.image_shape), dtype)
        for start in range(0, n, SAMPLE_BATCH):
            batch = z[start : start + SAMPLE_BATCH]
            # One batch size always: kernels, and so the last bit, may depend on it.
            padded = np.zeros((SAMPLE_BATCH, self.latent_dim), np.float32)
            padded[: len(batch)] = batch
            output = self._sample_batch(padded).numpy()[: len(batch)]
            images[start : start + len(batch)] = quantise(output, dtype)
        return images


def _tensors(network: keras.Model) -> tuple[list[Tensor], list[Tensor]]:
    return (
        [tf.convert_to_tensor(v.value) for v in network.trainable_variables],
        [tf.convert_to_tensor(v.value) for v in network.non_trainable_variables],
    )


def _assign(variables: list[Any], values: list[Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
