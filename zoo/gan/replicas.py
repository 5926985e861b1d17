"""Where a step runs when several devices share it; one device is the only replica."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from zoo.gan.model import GAN

Tensor = Any


@dataclass(frozen=True)
class Replica:
    """One of the devices that train together.

    Attributes:
        number: Its place among them, from 0.
        count: How many there are.
    """

    number: Any
    count: int

    def share(self, whole: Tensor) -> Tensor:
        """Of what belongs to a whole batch (n·count, …), this replica's part (n, …)."""
        return whole if self.count == 1 else whole[self.number :: self.count]


ALONE = Replica(0, 1)


def replica() -> Replica:
    """The replica that the calling code runs on."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return ALONE
    return Replica(context.replica_id_in_sync_group, context.num_replicas_in_sync)


def mean_over_replicas(values: Any) -> Any:
    """The same values on every replica: the mean of what each has."""
    if replica().count == 1 or not tf.nest.flatten(values):
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def wait_for_each_other(gan: "GAN") -> bool:
    """Whether replicas may wait for each other within a network, and not only at its gradients.

    They cannot in a function that XLA compiles, nor in a branch that is taken every few steps.
    """
    penalised = gan.r1_gamma or gan.gp_weight or gan.consistency_weight
    plain = not gan.jit and not (penalised and gan.lazy_every > 1)
    return plain and tf.distribute.get_strategy().num_replicas_in_sync > 1


def update(optimizer: Any, grads: Any, variables: Any) -> None:
    """Change variables as an optimizer says, by the gradients' sum over replicas."""
    if replica().count > 1 or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(grads, variables)
        return
    # Within a replica Keras sums even a single one's gradients, by a function that TensorFlow then
    # keeps, with the whole step's graph, to the end of the process.
    tf.distribute.get_replica_context().merge_call(lambda _: optimizer.apply(grads, variables))


def synchronise(gan: "GAN") -> None:
    """Let batch normalisation see the whole batch, where replicas may wait for each other."""
    synchronised = wait_for_each_other(gan)
    for network in (gan.generator, gan.discriminator):
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = synchronised


def compiled(function: Callable[..., Any], gan: "GAN") -> Callable[..., Any]:
    """A pure function of a step, as XLA or a graph of its own, unless replicas wait in it."""
    if wait_for_each_other(gan):
        return function
    # As in Keras' own training, Python's `if` and `for` are Python's: tracing is twice as fast.
    graph: Callable[..., Any] = tf.function(function, jit_compile=gan.jit, autograph=False)
    return graph


def leads(gan: "GAN") -> bool:
    """Whether this process is the one that logs and writes: the first worker, or the only one."""
    resolver = _resolver(gan)
    return resolver is None or not resolver.task_id


def among_workers(gan: "GAN") -> bool:
    """Whether other processes train the same GAN."""
    return _resolver(gan) is not None


def take_state_of_first(gan: "GAN") -> None:
    """Give every worker the training state of the first, which alone reads checkpoints."""
    if not among_workers(gan):
        return
    strategy = gan.distribute_strategy
    share = 1 if leads(gan) else 0

    def take() -> None:
        context = tf.distribute.get_replica_context()
        for variable in gan.state:
            value = tf.convert_to_tensor(variable.value)
            first = context.all_reduce(
                tf.distribute.ReduceOp.SUM, value * tf.cast(share, value.dtype)
            )
            variable.assign(first)

    tf.function(lambda: strategy.run(take), autograph=False)()


def _resolver(gan: "GAN") -> Any:
    """What knows the workers; `None` where there is one."""
    return getattr(gan.distribute_strategy, "cluster_resolver", None)
