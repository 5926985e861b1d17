"""The hinge GAN's networks with the class as a second input."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from zoo.errors import UsageError
from zoo_generators.hinge_gan.model import HingeGAN


class CGAN(HingeGAN):
    """Class-conditional GAN (Miyato & Koyama, 2018, arXiv:1802.05637).

    The generator's batch normalisation has a gain and a bias for each class (de Vries et al.,
    2017, arXiv:1707.00683); the discriminator adds to its logit the product of the pooled features
    and a vector of the class. Loss and spectral normalisation are `HingeGAN`'s, as in the paper.

    Args:
        image_shape: (H, W, C).
        classes: How many classes there are.
        **options: As `HingeGAN` takes them.

    Example:
        >>> gan = CGAN((64, 64, 3), classes=4)
        >>> gan.sample(2, labels=[0, 3]).shape
        (2, 64, 64, 3)
    """

    def __init__(self, image_shape: Sequence[int], *, classes: int = 0, **options: Any) -> None:
        if classes < 1:
            raise UsageError("cgan needs labels; these images have none")
        super().__init__(image_shape, classes=classes, **options)

    def compile(self, *, beta_1: float = 0.5, beta_2: float = 0.999, **options: Any) -> None:
        """Set the losses and the optimisers; `zoo.gan.GAN.compile` describes them."""
        super().compile(beta_1=beta_1, beta_2=beta_2, **options)

    def build_generator(self) -> keras.Model:
        """DCGAN's generator; each normalisation's gain and bias depend on the class."""
        latents = keras.Input((self.latent_dim,), name="latents")
        labels = keras.Input((), dtype="int32", name="labels")

        def normalise(features: Any) -> Any:
            channels = features.shape[-1]
            gain = layers.Embedding(self.classes, channels, embeddings_initializer="ones")(labels)
            bias = layers.Embedding(self.classes, channels, embeddings_initializer="zeros")(labels)
            gain, bias = (layers.Reshape((1, 1, channels))(part) for part in (gain, bias))
            features = layers.BatchNormalization(center=False, scale=False)(features)
            return layers.Add()([layers.Multiply()([features, gain]), bias])

        images = self.synthesise(latents, normalise)
        return keras.Model({"latents": latents, "labels": labels}, images, name="generator")

    def build_discriminator(self) -> keras.Model:
        """DCGAN's discriminator, and how well the features suit the class."""
        images = keras.Input(self.image_shape, name="images")
        labels = keras.Input((), dtype="int32", name="labels")
        features = self.features(images)
        pooled = layers.GlobalAveragePooling2D()(features)
        wanted = layers.Embedding(self.classes, pooled.shape[-1])(labels)
        suited = layers.Dot(axes=1, dtype=self.weight_dtype)([pooled, wanted])
        logits = layers.Add(dtype=self.weight_dtype)([self.judge(features), suited])
        return keras.Model({"images": images, "labels": labels}, logits, name="discriminator")
