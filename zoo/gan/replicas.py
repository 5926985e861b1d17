"""Where a step runs when several devices share it; one device is the only replica."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

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


def replica() -> Replica:
    """The replica that the calling code runs on."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return Replica(0, 1)
    return Replica(context.replica_id_in_sync_group, context.num_replicas_in_sync)


def mean_over_replicas(values: Any) -> Any:
    """The same values on every replica: the mean of what each has."""
    if replica().count == 1 or not tf.nest.flatten(values):
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)
