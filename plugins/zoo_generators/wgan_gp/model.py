"""DCGAN's networks under the Wasserstein loss with a gradient penalty."""

from collections.abc import Sequence
from typing import Any, Literal

from zoo_generators.dcgan.model import DCGAN


class WGANGP(DCGAN):
    """WGAN-GP (Gulrajani et al., 2017, arXiv:1704.00028).

    The critic normalises each image by itself, for the penalty is on single images; it is updated
    five times for each update of the generator.

    Args:
        image_shape: (H, W, C).
        norm: What the critic normalises by; not `batch`.
        **options: As `DCGAN` takes them.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        norm: Literal["layer", "spectral", "none"] = "layer",
        **options: Any,
    ) -> None:
        super().__init__(image_shape, norm=norm, **options)

    def compile(
        self,
        *,
        loss: Literal["bce", "least-squares", "hinge", "wasserstein"] = "wasserstein",
        learning_rate: float = 1e-4,
        beta_1: float = 0.0,
        beta_2: float = 0.9,
        n_critic: int = 5,
        gp_weight: float = 10.0,
        **options: Any,
    ) -> None:
        """Set the paper's losses and optimisers; `zoo.gan.GAN.compile` describes them."""
        super().compile(
            loss=loss,
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            n_critic=n_critic,
            gp_weight=gp_weight,
            **options,
        )
