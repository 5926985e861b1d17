"""How much memory a training step takes, and the micro-batch that fits into a limit."""

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.gan.model import GAN

# Weights, gradients, Adam's two moments and the generator's average.
COPIES = 5
# Each activation is kept for its gradient, and with it lives the gradient that is being computed.
KEPT = 2.0
# Gradients of gradients keep both passes.
PENALISED = 1.6


def find_micro_batch(gan: "GAN", micro_batch: int | None, max_memory: float | None) -> int | None:
    """Images to compute at once: as stated, or the most that fit into a memory limit.

    Args:
        gan: With its `batch_size` and penalties set.
        micro_batch: Stated, or `None`.
        max_memory: Gigabytes, or `None`.

    Returns:
        A divisor of a device's share of the batch, or `None` for the whole share.

    Raises:
        zoo.errors.UsageError: If both are given, the devices or the micro-batch do not divide the
            batch, or not even one image fits.
    """
    devices = gan.distribute_strategy.num_replicas_in_sync
    if gan.batch_size % devices:
        raise UsageError(f"batch_size={gan.batch_size} cannot be shared by {devices} devices")
    share = gan.batch_size // devices
    if micro_batch is not None and max_memory is not None:
        raise UsageError("give micro_batch or max_memory, not both")
    if micro_batch is not None:
        if micro_batch < 1 or share % micro_batch:
            each = f" for each of {devices} devices" if devices > 1 else ""
            raise UsageError(
                f"micro_batch={micro_batch}: expected a divisor of batch_size={share}{each}"
            )
        return micro_batch if micro_batch < share else None
    if max_memory is None:
        return None
    sizes = [n for n in range(share, 0, -1) if share % n == 0]
    for size in sizes:
        if step_memory(gan, size) <= 1e9 * max_memory:
            return size if size < share else None
    least = math.ceil(step_memory(gan, 1) / 1e7) / 100
    raise UsageError(f"max_memory={max_memory:g} GB: one image at a time takes about {least:g} GB")


def step_memory(gan: "GAN", n: int) -> int:
    """Bytes that a training step of n images takes, estimated from the layers' outputs.

    The framework's own memory and the compiler's scratch space come on top;
    `benchmarks/footprint.py` compares the estimate with what was measured.
    """
    generator, discriminator = (activations(net) for net in (gan.generator, gan.discriminator))
    factor = KEPT * (PENALISED if gan.r1_gamma or gan.gp_weight else 1.0)
    # Real and generated images pass the discriminator before either's gradient is taken.
    update = max(generator + factor * 2 * discriminator, KEPT * (generator + discriminator))
    weights = gan.generator.count_params() + gan.discriminator.count_params()
    number = np.dtype(gan.weight_dtype).itemsize
    needed: int = round(number * (COPIES * weights + n * update))
    return needed


def activations(network: Any) -> int:
    """Numbers that the layers of a network put out for one image."""
    total: int = 0
    for layer in network._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.Model):
            continue
        try:
            shapes = layer.output.shape if not isinstance(layer.output, list) else ()
        except (AttributeError, ValueError):  # called by a layer, not by the network
            continue
        sides = [int(side or 1) for side in shapes[1:]]
        total += math.prod(sides)
    return total
