"""DCGAN's networks under the least-squares loss."""

from typing import Any, Literal

from zoo_generators.dcgan.model import DCGAN


class LSGAN(DCGAN):
    """Least-squares GAN (Mao et al., 2016, arXiv:1611.04076): DCGAN with another loss."""

    def compile(
        self,
        *,
        loss: Literal["bce", "least-squares", "hinge", "wasserstein"] = "least-squares",
        **options: Any,
    ) -> None:
        """Set the paper's loss; `zoo.gan.GAN.compile` describes the rest."""
        super().compile(loss=loss, **options)
