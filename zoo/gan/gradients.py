"""The two pure gradient functions: what XLA compiles. Everything stateful stays outside."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from zoo.gan.augment import OPERATIONS, flip
from zoo.gan.inputs import LABELS, feed
from zoo.gan.regularisers import (
    consistency_penalty,
    gradient_penalty,
    r1_penalty,
    squared_slopes,
)
from zoo.gan.replicas import replica

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Tensor = Any
Fed = dict[str, Any]
Result = tuple[Any, Any, dict[str, Tensor]]


class Gradients:
    """Gradients of a GAN's losses for one batch, computed in micro-batches if it is set so.

    Args:
        gan: A GAN that is being compiled.
    """

    def __init__(self, gan: "GAN") -> None:
        self.gan = gan
        # As in Keras' own training, Python's `if` and `for` are Python's: tracing is twice as fast.
        compiled = functools.partial(tf.function, jit_compile=gan.jit, autograph=False)
        self._discriminator = compiled(self._of_discriminator)
        self._generator = compiled(self._of_generator)
        self.penalised = bool(gan.r1_gamma or gan.gp_weight or gan.consistency_weight)
        self.generator_penalised = gan.penalises_generator

    def discriminator(self, fed: Fed) -> Result:
        """Gradients, new non-trainable values and logs of one update of the discriminator.

        Args:
            fed: `real` (n, H, W, C) in [−1, 1], the generator's `inputs` by name, `real_draws`
                and `fake_draws` for the augmentation, and what the penalties draw.
        """
        gan = self.gan
        networks = (gan.discriminator, gan.generator)
        return self._micro_batches(
            self._discriminator, fed, *networks, gan.d_optimizer, self.penalised
        )

    def generator(self, fed: Fed) -> Result:
        """Gradients, new non-trainable values and logs of one update of the generator."""
        gan = self.gan
        networks = (gan.generator, gan.discriminator)
        return self._micro_batches(
            self._generator, fed, *networks, gan.g_optimizer, self.generator_penalised
        )

    def _micro_batches(
        self,
        function: Callable[..., Result],
        fed: Fed,
        trained: keras.Model,
        other: keras.Model,
        optimizer: Any,
        penalised: bool,
    ) -> Result:
        pieces = _pieces(fed, self.gan.micro_batch)
        scale = _loss_scale(optimizer) / float(len(pieces) * replica().count)
        parameters, state = tensors(trained)
        others = tensors(other)
        sums: list[Tensor] = []
        logged: list[dict[str, Tensor]] = []
        for piece in pieces:
            # One piece waits for the one before, or all would be in memory at once.
            with tf.control_dependencies(sums):
                grads, state, logs = self._lazily(
                    function, penalised, piece, scale, parameters, state, *others
                )
            sums = [a + b for a, b in zip(sums, grads, strict=True)] if sums else list(grads)
            logged.append(logs)
        logs = {k: tf.add_n([row[k] for row in logged]) / float(len(pieces)) for k in logged[0]}
        norm = tf.linalg.global_norm(sums) / (scale * float(len(pieces)))
        logs["d_grad_norm" if "d_loss" in logs else "g_grad_norm"] = norm
        return sums, state, logs

    def _lazily(self, function: Callable[..., Result], penalised: bool, *arguments: Any) -> Result:
        every = self.gan.lazy_every
        if every == 1 or not penalised:
            return function(*arguments, penalised)
        due = tf.equal(self.gan.step % every, 0)
        found: Result = tf.cond(
            due, lambda: function(*arguments, True), lambda: function(*arguments, False)
        )
        return found

    def _of_discriminator(
        self, fed: Fed, scale: Tensor, dp: Any, ds: Any, gp: Any, gs: Any, penalised: bool
    ) -> Result:
        gan = self.gan
        inputs, labels = fed["inputs"], {k: v for k, v in fed["inputs"].items() if k == LABELS}

        def answers(images: Tensor, state: Any) -> tuple[Tensor, Any]:
            network = gan.discriminator
            named = feed(network, {"images": images, **labels})
            logits, state = network.stateless_call(dp, state, named, training=True)
            return tf.cast(logits, tf.float32), state

        fake, _ = gan.generator.stateless_call(gp, gs, feed(gan.generator, inputs), training=True)
        fake = gan.augment(fake, fed["fake_draws"])
        real = gan.augment(fed["real"], fed["real_draws"])
        with tf.GradientTape() as tape:
            tape.watch(dp)
            penalty: Tensor = 0.0
            if penalised and gan.r1_gamma:
                real_logits, ds, squared = _with_slopes(answers, real, ds)
                penalty += gan.r1_gamma * r1_penalty(squared)
            else:
                real_logits, ds = answers(real, ds)
            fake_logits, ds = answers(fake, ds)
            loss = gan.discriminator_loss(real_logits, fake_logits)
            if penalised:
                penalty += self._penalties(fed, lambda x: answers(x, ds)[0], real, fake)
            total = (loss + gan.lazy_every * penalty) * scale
        logs = {
            "d_loss": loss,
            "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
            "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
            "sign": self._sign(real_logits, fake_logits),
        }
        if self.penalised and gan.lazy_every == 1:
            logs["d_penalty"] = penalty
        return tape.gradient(total, dp), ds, logs

    def _penalties(
        self, fed: Fed, discriminate: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor
    ) -> Tensor:
        gan = self.gan
        penalty: Tensor = 0.0
        if gan.gp_weight:
            penalty += gan.gp_weight * gradient_penalty(discriminate, real, fake, fed["mix"])
        if gan.consistency_weight:
            draws = fed["moved"]
            moved = flip(fed["real"], "horizontal", draws)
            moved = OPERATIONS["translation"].apply(moved, draws[:, 1:], 1.0)
            change = consistency_penalty(discriminate(fed["real"]), discriminate(moved))
            penalty += gan.consistency_weight * change
        return penalty

    def _sign(self, real: Tensor, fake: Tensor) -> Tensor:
        """The share of real images taken for real minus that of those taken for generated."""
        undecided = self.gan.losses_pair.undecided
        if undecided is None:
            undecided = 0.5 * (tf.reduce_mean(real) + tf.reduce_mean(fake))
        return tf.reduce_mean(tf.sign(real - undecided))

    def _of_generator(
        self, fed: Fed, scale: Tensor, gp: Any, gs: Any, dp: Any, ds: Any, penalised: bool
    ) -> Result:
        gan = self.gan
        inputs, labels = fed["inputs"], {k: v for k, v in fed["inputs"].items() if k == LABELS}
        with tf.GradientTape() as tape:
            tape.watch(gp)
            named = feed(gan.generator, inputs)
            fake, new_gs = gan.generator.stateless_call(gp, gs, named, training=True)
            fake = gan.augment(fake, fed["fake_draws"])
            named = feed(gan.discriminator, {"images": fake, **labels})
            logits, _ = gan.discriminator.stateless_call(dp, ds, named, training=True)
            loss = gan.generator_loss(tf.cast(logits, tf.float32))
            total = loss
            if penalised:
                total = loss + gan.lazy_every * gan.generator_penalty(gp, gs, inputs)
            total = total * scale
        return tape.gradient(total, gp), new_gs, {"g_loss": loss}


def tensors(network: keras.Model) -> tuple[list[Tensor], list[Tensor]]:
    """A network's trainable and other variables as tensors."""
    return (
        [tf.convert_to_tensor(v.value) for v in network.trainable_variables],
        [tf.convert_to_tensor(v.value) for v in network.non_trainable_variables],
    )


def _with_slopes(answers: Any, images: Tensor, state: Any) -> tuple[Tensor, Any, Tensor]:
    states = []

    def discriminate(shown: Tensor) -> Tensor:
        logits, new = answers(shown, state)
        states.append(new)
        return logits

    logits, squared = squared_slopes(discriminate, images)
    return logits, states[0], squared


def _pieces(fed: Fed, size: int | None) -> list[Fed]:
    batch_size = fed["fake_draws"].shape[0]
    if size is None or batch_size is None or size >= batch_size:
        return [fed]
    return [
        tf.nest.map_structure(lambda t, at=at: t[at : at + size], fed)
        for at in range(0, batch_size, size)
    ]


def _loss_scale(optimizer: Any) -> Tensor:
    one = tf.constant(1.0)
    return optimizer.scale_loss(one) if hasattr(optimizer, "scale_loss") else one
