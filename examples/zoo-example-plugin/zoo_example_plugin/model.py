"""DCGAN's networks under a loss of their own."""

from typing import Any

from keras import ops
from zoo_generators.dcgan.model import DCGAN


class DriftGAN(DCGAN):
    """Keeps the discriminator's answers to real images near 0 (Karras et al., 2018)."""

    def compile(self, *, drift: float = 0.001, **options: Any) -> None:
        """Set how the networks are trained.

        Args:
            drift: Weight of the mean squared logit of real images.
            **options: As `zoo.gan.GAN.compile` takes them.
        """
        self.drift = drift
        super().compile(**options)

    def discriminator_loss(self, real_logits: Any, fake_logits: Any) -> Any:
        """The chosen loss, and the drift."""
        loss = super().discriminator_loss(real_logits, fake_logits)
        return loss + self.drift * ops.mean(ops.square(real_logits))
