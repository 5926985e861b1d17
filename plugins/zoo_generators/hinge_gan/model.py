"""DCGAN's networks under the hinge loss, the discriminator spectrally normalised."""

from collections.abc import Sequence
from typing import Any, Literal

from zoo_generators.dcgan.model import DCGAN


class HingeGAN(DCGAN):
    """Hinge loss (Lim & Ye, 2017, arXiv:1705.02894) and spectral normalisation (Miyato et al.,
    2018, arXiv:1802.05957), with a learning rate for each network (Heusel et al., 2017,
    arXiv:1706.08500).

    Args:
        image_shape: (H, W, C).
        norm: What the discriminator normalises by.
        **options: As `DCGAN` takes them.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        norm: Literal["batch", "layer", "spectral", "none"] = "spectral",
        **options: Any,
    ) -> None:
        super().__init__(image_shape, norm=norm, **options)

    def compile(
        self,
        *,
        loss: Literal["bce", "least-squares", "hinge", "wasserstein"] = "hinge",
        learning_rate: float = 2e-4,
        d_learning_rate: float | None = 4e-4,
        beta_1: float = 0.0,
        beta_2: float = 0.9,
        **options: Any,
    ) -> None:
        """Set the losses and the optimisers; `zoo.gan.GAN.compile` describes them."""
        super().compile(
            loss=loss,
            learning_rate=learning_rate,
            d_learning_rate=d_learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            **options,
        )
