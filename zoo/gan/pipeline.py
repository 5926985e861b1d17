"""Batches to the device ahead of time, and the compiled step that takes them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from zoo.data import ImageSet

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Tensor = Any
AHEAD = 4  # batches that wait for the device
ENDLESS = 2**40  # steps, when time decides


def batches(
    gan: "GAN", images: ImageSet, total: int | None, steps_per_call: int
) -> Iterator[tuple[Any, int]]:
    """Batches from the GAN's step on, read by another thread while the device computes.

    Args:
        gan: Says at which step to begin, and how many images a step takes.
        images: The training images.
        total: Steps of the whole training, or `None` for no end.
        steps_per_call: How many steps' batches are put together.

    Yields:
        Images (k, n, H, W, C), or (images, labels (k, n)) if the GAN has classes, and k.
    """
    failed: list[Exception] = []
    labelled = bool(gan.classes) and images.labels is not None
    first, last = int(gan.step.numpy()), ENDLESS if total is None else total
    size, seed = gan.images_per_step, gan.seed
    given = [images]

    def read() -> Iterator[Any]:
        try:
            # TensorFlow keeps this function to the end of the process: it must keep no images.
            for batch, labels in given.pop().batches(first, last, batch_size=size, seed=seed):
                yield (batch, labels) if labelled else batch
        except Exception as error:  # tf.data would bury it in a message of its own
            failed.append(error)
            raise

    shown = tf.TensorSpec((size, *images.shape[1:]), images.dtype)
    labels = tf.TensorSpec((size,), tf.int64)
    dataset = tf.data.Dataset.from_generator(
        read, output_signature=(shown, labels) if labelled else shown
    )
    try:
        for batch in dataset.batch(steps_per_call).prefetch(AHEAD):
            yield batch, int(tf.nest.flatten(batch)[0].shape[0])
    except tf.errors.OpError:
        if failed:
            raise failed[0] from None
        raise


def compiled_step(gan: "GAN", steps_per_call: int) -> Callable[[Any, int], dict[str, Tensor]]:
    """`gan.train_step` as one graph, on all replicas that the GAN was built for.

    Returns:
        A function of batches (k, …) and k that takes k steps and returns the last one's values.
    """
    strategy = gan.distribute_strategy or tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync

    def one(batches: Any, index: Any) -> dict[str, Tensor]:
        batch = tf.nest.map_structure(lambda t: t[index], batches)
        if replicas == 1:
            return gan.train_step(batch)

        def share(context: Any) -> Any:
            part = context.replica_id_in_sync_group
            return tf.nest.map_structure(lambda t: t[part::replicas], batch)

        local = strategy.experimental_distribute_values_from_function(share)
        logs = strategy.run(gan.train_step, args=(local,))
        return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

    def several(batches: Any) -> dict[str, Tensor]:
        logs: dict[str, Tensor] = one(batches, 0)
        _, logs = tf.while_loop(
            lambda index, _: index < steps_per_call,
            lambda index, _: (index + 1, one(batches, index)),
            (tf.constant(1), logs),
        )
        return logs

    # As in Keras' own training, Python's `if` and `for` are Python's: tracing is twice as fast.
    compiled_one = tf.function(lambda batches: one(batches, 0), autograph=False)
    compiled_several = tf.function(several, autograph=False)

    def step(batches: Any, steps: int) -> dict[str, Tensor]:
        if steps == steps_per_call:
            logs: dict[str, Tensor] = (compiled_one if steps == 1 else compiled_several)(batches)
            return logs
        for at in range(steps):  # the last steps, too few for a whole call
            logs = compiled_one(tf.nest.map_structure(lambda t, at=at: t[at : at + 1], batches))
        return logs

    return step
