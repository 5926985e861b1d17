"""The random numbers of a training step: functions of seed and step, alike on any devices."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo.gan.replicas import ALONE, Replica, replica

Tensor = Any
LATENTS = 16  # the first stream of the generator's inputs


class StepNoise:
    """What a GAN draws in a step.

    Attributes:
        seed: Of the training.
        step: Steps done, a variable.
        n_critic: Updates of the discriminator in a step.
        random_shapes: Shape of each input of the generator that is drawn, without the batch.
        weight_dtype: What the numbers, which are drawn as float32, are given as.
    """

    seed: int
    step: Any
    n_critic: int
    random_shapes: Mapping[str, tuple[int, ...]]
    weight_dtype: str

    def training_inputs(self, n: Any, *, part: int = 0) -> dict[str, Tensor]:
        """What the generator draws in a step, standard normal, a function of seed and step."""
        return {
            name: self.normal((n, *shape), stream=LATENTS + stream, part=part)
            for stream, (name, shape) in enumerate(self.random_shapes.items())
        }

    def normal(self, shape: tuple[Any, ...], *, stream: int, part: int = 0) -> Tensor:
        """Standard normal numbers for the images of this replica, as `uniform`."""
        return self._drawn(tf.random.stateless_normal, shape, stream, part)

    def uniform(self, shape: tuple[Any, ...], *, stream: int, part: int = 0) -> Tensor:
        """Numbers uniform in [0, 1) for the images of this replica.

        They are a function of seed, step, stream and part. Replicas take their images' share of
        what one device would draw for the whole batch.

        Args:
            shape: (n, …), n being the images of this replica.
            stream: From 0 to 31; streams are independent.
            part: Which of the step's `n_critic` updates.
        """
        return self._drawn(tf.random.stateless_uniform, shape, stream, part)

    def _drawn(self, draw: Any, shape: tuple[Any, ...], stream: int, part: int) -> Tensor:
        here = replica()
        seed = self._noise_seed(stream, part, ALONE)
        whole = draw((shape[0] * here.count, *shape[1:]), seed, alg="philox")
        return tf.cast(here.share(whole), self.weight_dtype)

    def noise_seed(self, stream: int, part: int = 0) -> Tensor:
        """A (2,) int32 seed for this step; streams, parts and replicas are independent.

        Args:
            stream: From 0 to 31.
            part: Which of the step's `n_critic` updates.
        """
        return self._noise_seed(stream, part, replica())

    def _noise_seed(self, stream: int, part: int, here: Replica) -> Tensor:
        time = (tf.cast(self.step, "int32") * self.n_critic + part) * here.count + here.number
        return tf.stack([tf.constant(self.seed, tf.int32) + 65537 * stream, time])
