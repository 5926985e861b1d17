"""The pure gradient functions: what XLA compiles. Everything stateful stays outside."""

from collections.abc import Callable
from dataclasses import dataclass
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
from zoo.gan.replicas import compiled, replica

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Tensor = Any
Fed = dict[str, Any]
Result = tuple[Any, Any, dict[str, Tensor]]


@dataclass(frozen=True)
class Generated:
    """Images from one pass of the generator, which both updates use.

    Attributes:
        images: (n, H, W, C) in [−1, 1], as the generator gave them.
        state: The generator's non-trainable values after the pass.
        parameters: Its trainable values as tensors.
        tape: What leads from images to parameters.
    """

    images: Tensor
    state: Any
    parameters: Any
    tape: tf.GradientTape


class Gradients:
    """Gradients of a GAN's losses for one batch, computed in micro-batches if it is set so.

    Args:
        gan: A GAN that is being compiled.
    """

    def __init__(self, gan: "GAN") -> None:
        self.gan = gan
        self._discriminator = compiled(self._of_discriminator, gan)
        self._generator = compiled(self._of_generator, gan)
        self._images = compiled(self._of_images, gan)
        self._slopes = compiled(self._of_slopes, gan)
        self.penalised = bool(gan.r1_gamma or gan.gp_weight or gan.consistency_weight)
        self.generator_penalised = gan.penalises_generator

    def generate(self, inputs: Fed) -> Generated | None:
        """One pass of the generator for both updates, which saves a tenth of a step's time.

        Args:
            inputs: The generator's inputs by name.

        Returns:
            `None` where each update makes its own images: in micro-batches, which must not keep
            what a whole batch needs, and where the generator's own penalty is differentiated.
        """
        if self.gan.micro_batch is not None or self.generator_penalised:
            return None
        parameters, state = tensors(self.gan.generator)
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            images, state = self._images(inputs, parameters, state)
        return Generated(images, state, parameters, tape)

    def discriminator(self, fed: Fed) -> Result:
        """Gradients, new non-trainable values and logs of one update of the discriminator.

        Args:
            fed: `real` (n, H, W, C) in [−1, 1], the generator's `inputs` by name, `real_draws`
                and `fake_draws` for the augmentation, what the penalties draw, and the generated
                images as `fake` if they are there already.
        """
        gan = self.gan
        networks = (gan.discriminator, gan.generator)
        return self._micro_batches(
            self._discriminator, fed, *networks, gan.d_optimizer, self.penalised
        )

    def generator(self, fed: Fed, generated: Generated | None) -> Result:
        """Gradients, new non-trainable values and logs of one update of the generator.

        Args:
            fed: The generator's `inputs` by name and `fake_draws` for the augmentation.
            generated: The images of these inputs, if they are there already.
        """
        gan = self.gan
        if generated is not None:
            return self._through(generated, fed)
        networks = (gan.generator, gan.discriminator)
        return self._micro_batches(
            self._generator, fed, *networks, gan.g_optimizer, self.generator_penalised
        )

    def _through(self, generated: Generated, fed: Fed) -> Result:
        """The generator's gradients through images that are there already."""
        scale = _loss_scale(self.gan.g_optimizer, self.gan.weight_dtype) / float(replica().count)
        fed = {**fed, "fake": generated.images}
        slopes, logs = self._slopes(fed, scale, *tensors(self.gan.discriminator))
        grads = generated.tape.gradient(
            generated.images, generated.parameters, output_gradients=slopes
        )
        logs["g_grad_norm"] = tf.linalg.global_norm(grads) / scale
        return grads, generated.state, logs

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
        scale = _loss_scale(optimizer, self.gan.weight_dtype) / float(len(pieces) * replica().count)
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

        def answers(images: Tensor, state: Any) -> tuple[Tensor, Any]:
            return self._answers(images, fed, dp, state)

        fake = fed["fake"] if "fake" in fed else self._of_images(fed["inputs"], gp, gs)[0]
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

    def _of_images(self, inputs: Fed, gp: Any, gs: Any) -> tuple[Tensor, Any]:
        network = self.gan.generator
        images, state = network.stateless_call(gp, gs, feed(network, inputs), training=True)
        return images, state

    def _of_slopes(
        self, fed: Fed, scale: Tensor, dp: Any, ds: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(fed["fake"])
            loss = self._loss_of(fed["fake"], fed, dp, ds)
            total = loss * scale
        return tape.gradient(total, fed["fake"]), {"g_loss": loss}

    def _loss_of(self, images: Tensor, fed: Fed, dp: Any, ds: Any) -> Tensor:
        shown = self.gan.augment(images, fed["fake_draws"])
        logits, _ = self._answers(shown, fed, dp, ds)
        return self.gan.generator_loss(logits)

    def _answers(self, images: Tensor, fed: Fed, dp: Any, ds: Any) -> tuple[Tensor, Any]:
        """The discriminator's logits in the weights' dtype, and its other values after them."""
        network = self.gan.discriminator
        labels = {k: v for k, v in fed["inputs"].items() if k == LABELS}
        named = feed(network, {"images": images, **labels})
        logits, ds = network.stateless_call(dp, ds, named, training=True)
        return tf.cast(logits, self.gan.weight_dtype), ds

    def _of_generator(
        self, fed: Fed, scale: Tensor, gp: Any, gs: Any, dp: Any, ds: Any, penalised: bool
    ) -> Result:
        gan = self.gan
        with tf.GradientTape() as tape:
            tape.watch(gp)
            images, new_gs = self._of_images(fed["inputs"], gp, gs)
            total = loss = self._loss_of(images, fed, dp, ds)
            if penalised:
                total = loss + gan.lazy_every * gan.generator_penalty(gp, gs, fed["inputs"])
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


def _loss_scale(optimizer: Any, dtype: str) -> Tensor:
    one = tf.constant(1.0, dtype)
    return optimizer.scale_loss(one) if hasattr(optimizer, "scale_loss") else one
