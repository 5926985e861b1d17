"""GAN: two networks, their losses and one training step. Methods subclass it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from zoo.errors import UsageError
from zoo.gan import sampling
from zoo.gan.augment import FLIPS, find_augmentation, flip
from zoo.gan.building import (
    adam,
    building,
    check_judged_singly,
    check_not_negative,
    check_positive,
    decay_of_average,
    wants_xla,
    weight_dtype,
)
from zoo.gan.gradients import Generated, Gradients
from zoo.gan.inputs import LABELS, feed, random_shapes
from zoo.gan.losses import find_loss
from zoo.gan.memory import find_micro_batch
from zoo.gan.noise import StepNoise
from zoo.gan.pixels import to_unit_range
from zoo.gan.replicas import mean_over_replicas, replica, synchronise, update

Tensor = Any
Batch = Any
D_DRAWS, G_DRAWS, FLIPPED, MIXED, MOVED = 1, 2, 3, 4, 5  # streams of random numbers


class GAN(StepNoise, keras.Model):  # type: ignore[misc]
    """A generator, a discriminator and a moving average of the generator.

    Subclasses override, by level: `build_generator` and `build_discriminator`;
    `generator_loss` and `discriminator_loss`; `train_step`. Latents, noise and augmentation are
    functions of the seed and the step, so that equal seeds give equal weights and a resumed
    training is the uninterrupted one.

    Args:
        image_shape: (H, W, C).
        latent_dim: Length of the latent vector.
        classes: How many classes the images have; 0 without labels.
        precision: Keras dtype policy of the layers. Weights are float32 but with `float64`, which
            is for comparing devices: their rounding is then too small to matter.
        seed: Seed of the initial weights, the latents and the augmentation.
    """

    augmentable = True
    masked = False  # whether the last channel is a mask
    generator_only = False  # whether the discriminator's weights are not those of the training
    penalises_generator = False  # whether `generator_penalty` is there

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        latent_dim: int = 128,
        classes: int = 0,
        precision: Literal["float32", "float64", "mixed_bfloat16", "mixed_float16"] = "float32",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive(latent_dim=latent_dim)
        self.image_shape = tuple(int(side) for side in image_shape)
        self.latent_dim = latent_dim
        self.classes = classes
        self.class_shares: npt.NDArray[np.float64] = np.full(classes, 1 / max(classes, 1))
        self.precision = precision
        self.weight_dtype = weight_dtype(precision)
        self.seed = seed
        with building(seed, precision):
            self.generator = self.build_generator()
            self.discriminator = self.build_discriminator()
            self.ema_generator = self.build_generator()
        self.ema_generator.trainable = False
        self.ema_generator.set_weights(self.generator.get_weights())
        self.random_shapes = random_shapes(self.generator, latent_dim)
        self.step = self._state("step", "int64")
        self.augment_probability = self._state("augment_probability", "float32")
        self.real_sign = self._state("real_sign", "float32")
        # TensorFlow would write what it rewrites into temporary files, which a kill leaves there.
        self._render = tf.function(
            lambda fed: self.ema_generator(fed, training=False), autograph=False
        )
        self._judge = tf.function(
            lambda fed: self.discriminator(fed, training=False), autograph=False
        )
        self.built = True

    def _state(self, name: str, dtype: str) -> Any:
        return self.add_weight(
            shape=(), dtype=dtype, initializer="zeros", trainable=False, name=name
        )

    def build_generator(self) -> keras.Model:
        """A network from latents (n, latent_dim) to images (n, H, W, C) in [−1, 1].

        One with several inputs is built on a mapping from names to inputs: `latents`, `labels`
        (n,) int32 where there are classes, and others, which are filled with standard normal
        numbers of their shape.
        """
        raise NotImplementedError

    def build_discriminator(self) -> keras.Model:
        """A network from images (n, H, W, C) in [−1, 1] to logits (n, 1).

        With classes it is built on the mapping `{"images": …, "labels": …}`.
        """
        raise NotImplementedError

    def compile(
        self,
        *,
        loss: Literal["bce", "least-squares", "hinge", "wasserstein"] = "bce",
        label_smoothing: float = 0.0,
        learning_rate: float = 2e-4,
        d_learning_rate: float | None = None,
        beta_1: float = 0.5,
        beta_2: float = 0.999,
        batch_size: int = 32,
        n_critic: int = 1,
        micro_batch: int | None = None,
        max_memory: float | None = None,
        augment: str = "diffaugment",
        ada_target: float = 0.6,
        ada_kimg: float = 100.0,
        flips: Literal["none", "horizontal", "dihedral"] = "none",
        r1_gamma: float = 0.0,
        gp_weight: float = 0.0,
        consistency_weight: float = 0.0,
        lazy_every: int = 1,
        ema_kimg: float = 2.2,
        ema_decay: float | None = None,
        jit_compile: bool | Literal["auto"] = "auto",
    ) -> None:
        """Set how the networks are trained.

        Args:
            loss: `bce` (non-saturating), `least-squares`, `hinge` or `wasserstein`.
            label_smoothing: What the target of real images lacks to 1, for the first two losses.
            learning_rate: Adam's learning rate.
            d_learning_rate: The discriminator's own learning rate (two time scales, TTUR,
                arXiv:1706.08500); by default the same.
            beta_1: Adam's first-moment decay.
            beta_2: Adam's second-moment decay.
            batch_size: Real images in an update of the discriminator.
            n_critic: Updates of the discriminator for one of the generator.
            micro_batch: Images computed at once; gradients of a batch are summed up. By default
                the whole batch. Batch normalisation then sees micro-batches.
            max_memory: Gigabytes that a step may take, by an estimate; picks micro_batch.
            augment: What the discriminator's images pass: `none`, `diffaugment`, some of its
                parts `colour`, `translation`, `cutout`, separated by commas, or `ada`.
            ada_target: Mean sign of the discriminator's answers to real images that ADA aims at.
            ada_kimg: Thousand images in which ADA's probability can rise from 0 to 1.
            flips: How real images may be mirrored or turned: `none`, `horizontal`, or `dihedral`
                where no orientation is special, as under most microscopes.
            r1_gamma: Weight of the R1 gradient penalty on real images (arXiv:1801.04406).
            gp_weight: Weight of the gradient penalty between real and generated images
                (arXiv:1704.00028); the discriminator must not normalise over the batch.
            consistency_weight: Weight of the penalty on answers that change when real images are
                mirrored and shifted (arXiv:1910.12027).
            lazy_every: Apply the penalties every so many steps, so many times as strong.
            ema_kimg: Half-life of the generator's moving average, in thousand images, ramped as
                (1 + t) / (10 + t); 0 for no average.
            ema_decay: Decay of the average in a step, in place of ema_kimg.
            jit_compile: Compile the gradients with XLA; `auto` does so on a GPU.

        Raises:
            zoo.errors.UsageError: If a value is unknown, out of range, or does not go with
                another.
        """
        check_positive(
            learning_rate=learning_rate,
            d_learning_rate=d_learning_rate,
            batch_size=batch_size,
            n_critic=n_critic,
            lazy_every=lazy_every,
            ada_kimg=ada_kimg,
        )
        check_not_negative(
            r1_gamma=r1_gamma,
            gp_weight=gp_weight,
            consistency_weight=consistency_weight,
            ema_kimg=ema_kimg,
        )
        if gp_weight:
            check_judged_singly(self.discriminator)
        if augment != "none" and not self.augmentable:
            raise UsageError(f"{type(self).__name__} cannot be augmented; use augment=none")
        if flips not in FLIPS:
            raise UsageError(f"no flips {flips!r}; choose from {', '.join(FLIPS)}")
        self.loss_name = loss
        self.losses_pair = find_loss(loss, label_smoothing)
        self.batch_size, self.n_critic = batch_size, n_critic
        self.augmentation = find_augmentation(augment, masked=self.masked)
        self.ada_target, self.ada_kimg = ada_target, ada_kimg
        self.flips = flips
        self.r1_gamma, self.gp_weight = r1_gamma, gp_weight
        self.consistency_weight, self.lazy_every = consistency_weight, lazy_every
        self.micro_batch = find_micro_batch(self, micro_batch, max_memory)
        self.ema_decay = decay_of_average(ema_decay, ema_kimg, self.images_per_step)
        self.jit = wants_xla(jit_compile)
        rates = (learning_rate, learning_rate if d_learning_rate is None else d_learning_rate)
        self.g_optimizer, self.d_optimizer = (
            adam(rate, beta_1, beta_2, self.precision) for rate in rates
        )
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)
        synchronise(self)
        self._gradients = Gradients(self)
        super().compile(optimizer=self.g_optimizer, jit_compile=False)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Both optimisers; their variables are part of the training state."""
        return [self.g_optimizer, self.d_optimizer]

    @property
    def state(self) -> list[Any]:
        """Every variable that training changes, in a fixed order."""
        return [*self.variables, *(v for o in self.optimizers for v in o.variables)]

    @property
    def images_per_step(self) -> int:
        """Real images that one `train_step` takes: a batch for each of `n_critic` updates."""
        return self.batch_size * self.n_critic

    @property
    def equilibrium(self) -> Mapping[str, float]:
        """What is logged when nothing can be told apart; empty if a subclass has other losses."""
        own = type(self)
        stock = own.discriminator_loss is GAN.discriminator_loss
        stock = stock and own.generator_loss is GAN.generator_loss
        return self.losses_pair.equilibrium if stock and own.train_step is GAN.train_step else {}

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """The generator's loss, a scalar, from logits (n, 1) of generated images."""
        return self.losses_pair.generator(fake_logits)

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The discriminator's loss, a scalar, from logits (n, 1) of real and generated images."""
        return self.losses_pair.discriminator(real_logits, fake_logits)

    def generator_penalty(self, parameters: Any, state: Any, named: Any) -> Tensor:
        """What is added to the generator's loss where `penalises_generator` is set, a scalar.

        Args:
            parameters: The generator's trainable variables as tensors.
            state: Its other variables as tensors.
            named: Its inputs by name.
        """
        raise NotImplementedError

    def augment(self, images: Tensor, draws: Tensor) -> Tensor:
        """What the discriminator is shown in place of images.

        Args:
            images: (n, H, W, C) in [−1, 1].
            draws: What `augment_draws` gave.
        """
        return self.augmentation(images, draws[:, :-1], draws[:, -1])

    def augment_draws(self, n: Any, *, stream: int, part: int = 0) -> Tensor:
        """The random numbers of `augment` for n images, the last column being its probability.

        They are drawn outside of what XLA compiles, for it would draw others.
        """
        draws = self.uniform((n, self.augmentation.draws), stream=stream, part=part)
        probability = tf.cast(self.augment_probability.value, draws.dtype)
        return tf.concat([draws, tf.fill([n, 1], probability)], axis=1)

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Update the discriminator `n_critic` times, then the generator, then its average.

        Args:
            batch: `images_per_step` real images (n, H, W, C), integers or floats in [−1, 1], alone
                or with labels (n,).

        Returns:
            Scalars: losses, mean discriminator outputs in [0, 1], gradient norms.
        """
        images, labels = batch if isinstance(batch, tuple) else (batch, None)
        images = to_unit_range(images, self.weight_dtype)
        n = (images.shape[0] or tf.shape(images)[0]) // self.n_critic
        drawn = {**self.training_inputs(n), **self._classes(labels, slice(n))}
        generated = self._gradients.generate(drawn)
        made = {} if generated is None else {"fake": generated.images}
        logs = self._update_discriminator(images[:n], {"inputs": drawn, **made}, n)
        for part in range(1, self.n_critic):
            here = slice(part * n, (part + 1) * n)
            fresh = {**self.training_inputs(n, part=part), **self._classes(labels, here)}
            logs |= self._update_discriminator(images[here], {"inputs": fresh}, n, part)
        logs |= self._update_generator(drawn, n, generated)
        self.update_average()
        self.step.assign_add(1)
        return logs

    def _classes(self, labels: Tensor | None, here: slice) -> dict[str, Tensor]:
        if not self.classes:
            return {}
        if labels is None:
            raise UsageError(f"{type(self).__name__} is conditional: its images need labels")
        return {LABELS: tf.cast(labels[here], "int32")}

    def _update_discriminator(
        self, real: Tensor, fed: dict[str, Any], n: Any, part: int = 0
    ) -> dict[str, Tensor]:
        if self.flips != "none":
            real = flip(real, self.flips, self.uniform((n, 3), stream=FLIPPED, part=part))
        fed |= {
            "real": real,
            "real_draws": self.augment_draws(n, stream=D_DRAWS, part=part),
            "fake_draws": self.augment_draws(n, stream=D_DRAWS + 8, part=part),
        }
        if self.gp_weight:
            fed["mix"] = self.uniform((n, 1, 1, 1), stream=MIXED, part=part)
        if self.consistency_weight:
            fed["moved"] = self.uniform((n, 3), stream=MOVED, part=part)
        grads, state, logs = self._gradients.discriminator(fed)
        update(self.d_optimizer, grads, self.discriminator.trainable_variables)
        _assign(self.discriminator.non_trainable_variables, mean_over_replicas(state))
        self.adapt(logs.pop("sign"), n)
        return logs

    def _update_generator(
        self, inputs: dict[str, Tensor], n: Any, generated: Generated | None
    ) -> dict[str, Tensor]:
        fed = {"inputs": inputs, "fake_draws": self.augment_draws(n, stream=G_DRAWS)}
        grads, state, logs = self._gradients.generator(fed, generated)
        update(self.g_optimizer, grads, self.generator.trainable_variables)
        _assign(self.generator.non_trainable_variables, mean_over_replicas(state))
        return logs

    def adapt(self, sign: Tensor, n: Any) -> None:
        """ADA's heuristic: the more real images D is sure of, the more it is shown changed ones.

        Args:
            sign: The share of real images taken for real minus that of those taken for generated.
            n: Real images of this update.
        """
        sign = tf.cast(mean_over_replicas(sign), "float32")
        mean = self.real_sign.value + 0.25 * (sign - self.real_sign.value)
        self.real_sign.assign(mean)
        if self.augmentation.adaptive:
            change = tf.cast(n * replica().count, "float32") / (1000.0 * self.ada_kimg)
            moved = self.augment_probability.value + change * tf.sign(mean - self.ada_target)
            self.augment_probability.assign(tf.clip_by_value(moved, 0.0, 1.0))

    def update_average(self) -> None:
        """Move the averaged generator towards the generator; once in a step."""
        t = tf.cast(self.step, self.weight_dtype)
        decay = tf.minimum((1.0 + t) / (10.0 + t), self.ema_decay)
        for average, value in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            average.assign(value + decay * (average - value))

    def fit(self, x: Any, **options: Any) -> Any:
        """Train on an `ImageSet` or an array with zoo's loop, on anything else with Keras' own.

        Args:
            x: A `zoo.data.ImageSet`, of which only the `train` split is used, or images
                (n, H, W, C); or what `keras.Model.fit` takes.
            **options: One of `kimg`, `steps`, `epochs`, `minutes`; or Keras' options.
        """
        from zoo.data import ImageSet
        from zoo.gan.loop import Budget, train

        if isinstance(x, np.ndarray):
            x = ImageSet.from_array(x)
        if not isinstance(x, ImageSet):
            return super().fit(x, **options)
        held_out = x.split("validation")
        return train(self, x.split("train"), Budget(**options), held_out=held_out)

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
            labels: Class indices (n,) for a conditional generator; by default drawn as often as
                in the training images.
            seed: Seed of the latents; image i of a seed does not depend on n.
            truncation: Factor on the latents; below 1 trades variety for typicality.
            dtype: `uint8` or `uint16`.

        Returns:
            (n, H, W, C), rounded half up: floor(x·127.5 + 128) for uint8, clamped. Where masks
            are generated along with the images, the last channel is the mask.
        """
        return sampling.sample(self, n, labels, seed, truncation, dtype)

    def sampled_labels(self, n: int, seed: int) -> npt.NDArray[np.int32] | None:
        """The classes (n,) that `sample(n, seed=seed)` draws; `None` without classes."""
        return sampling.find_labels(self, n, None, seed)

    def render(self, named: Mapping[str, Any], truncation: float = 1.0) -> Tensor:
        """Images (n, H, W, C) in [−1, 1] of the averaged generator's inputs.

        Args:
            named: Its inputs by name.
            truncation: As in `sample`.
        """
        named = {**named, "latents": np.float32(truncation) * named["latents"]}
        return self._render(feed(self.ema_generator, named))

    def exported(self) -> keras.Model:
        """What other programs are given: latents (n, latent_dim), and other inputs, to images.

        One whose averaged generator takes latents of another shape overrides it.
        """
        return self.ema_generator

    def score(self, images: Any, labels: Any = None) -> npt.NDArray[np.float32]:
        """The discriminator's logits (n,) of integer images (n, H, W, C), without augmentation.

        Args:
            images: (n, H, W, C).
            labels: Their classes (n,), for a conditional discriminator.

        Raises:
            zoo.errors.UsageError: If it is conditional and there are no labels, or this GAN was
                loaded from a run, whose snapshots hold the generator only.
        """
        if self.generator_only:
            raise UsageError("score: a GAN that was loaded from a run has no trained discriminator")
        if self.classes and labels is None:
            raise UsageError(f"{type(self).__name__} is conditional: its images need labels")
        unit = to_unit_range(images)
        named = {"images": unit}
        if labels is not None:
            named[LABELS] = tf.cast(labels, "int32")
        logits = self._judge(feed(self.discriminator, named))
        return np.asarray(logits, np.float32).reshape(len(unit))


def _assign(variables: list[Any], values: Sequence[Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
