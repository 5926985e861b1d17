"""A generator's training step in zoo, for `step_speed.py` and `gpu.py`."""

from collections.abc import Callable
from typing import Any

import zoo
from zoo.device import configure
from zoo.plugins import find

SIDE, CLASSES = 64, 4

Steps = Callable[[int], None]


def steps(
    generator: str,
    *,
    channels: int,
    batch: int,
    width: int | None = None,
    device: str = "auto",
    threads: int = 0,
    precision: str = "float32",
    jit: bool | str = "auto",
    per_call: int = 1,
    eager: bool = False,
) -> tuple[Steps, dict[str, Any]]:
    """A function that takes n training steps, and the facts of what it trains.

    Args:
        generator: A name of the registry; its defaults hold, but nothing is augmented.
        channels: Of the images, which are 64x64.
        batch: Images in an update of the discriminator.
        width: Of the networks, by default the generator's own.
        device: `auto`, `cpu` or `gpu`.
        threads: CPU threads of one operation; 0 takes all cores.
        precision: Keras' dtype policy.
        jit: Whether XLA compiles the gradients.
        per_call: Steps that run without returning to Python, of which n is a multiple.
        eager: Whether no graph is made.
    """
    configure(device, threads=threads)
    import keras
    import tensorflow as tf

    from zoo.gan.pipeline import compiled_step

    classes = CLASSES if find("generators", generator).conditional == "required" else 0
    options: dict[str, Any] = {"classes": classes} if classes else {}
    options |= {} if width is None else {"width": width}
    shape = (SIDE, SIDE, channels)
    gan = zoo.load("generator", generator, image_shape=shape, precision=precision, **options)
    gan.compile(batch_size=batch, augment="none", jit_compile=jit)
    tf.config.run_functions_eagerly(eager)
    step = compiled_step(gan, per_call)
    n = gan.images_per_step
    images = tf.random.stateless_uniform((per_call, n, *shape), (0, 0), -1, 1)
    labels = tf.reshape(tf.range(per_call * n, dtype="int64") % max(classes, 1), (per_call, n))
    given = (images, labels) if classes else images

    def take(count: int) -> None:
        for _ in range(count // per_call):
            logs = step(given, per_call)
        float(logs["g_loss"])  # waits for a GPU

    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    facts = {"weights": sizes(gan), "training": training(gan), "versions": versions}
    return take, facts


def sizes(gan: Any) -> dict[str, list[int]]:
    """How many numbers each trainable weight of both networks has, in order of size."""
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    return {
        name: sorted(int(v.shape.num_elements() or 1) for v in network.trainable_variables)
        for name, network in networks.items()
    }


def training(gan: Any) -> dict[str, Any]:
    """What the same networks and training in another framework need to know."""
    rates = [float(optimizer.learning_rate.numpy()) for optimizer in gan.optimizers]
    adam = gan.g_optimizer
    return {
        "family": "style" if hasattr(gan, "style_dim") else "dcgan",
        "image_shape": list(gan.image_shape),
        "channels": list(gan.channels),
        "latent_dim": gan.latent_dim,
        "classes": gan.classes,
        "norm": getattr(gan, "norm", None),
        "style_dim": getattr(gan, "style_dim", None),
        "mapping_layers": getattr(gan, "mapping_layers", None),
        "mixing": getattr(gan, "mixing", None),
        "batch": gan.batch_size,
        "loss": gan.loss_name,
        "learning_rates": rates,
        "betas": [float(adam.beta_1), float(adam.beta_2)],
        "epsilon": float(adam.epsilon),
        "n_critic": gan.n_critic,
        "gp_weight": gan.gp_weight,
        "r1_gamma": gan.r1_gamma,
        "lazy_every": gan.lazy_every,
        "ema_decay": gan.ema_decay,
    }
