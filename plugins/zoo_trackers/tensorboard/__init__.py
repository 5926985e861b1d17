"""TensorBoard: event files in the run folder."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_trackers() -> Iterator[zoo.Tracker]:
    """A tracker that needs no server and sends nothing."""
    yield zoo.Tracker(
        "tensorboard",
        "zoo_trackers.tensorboard.tracker:TensorBoard",
        "Numbers, sample grids and the recipe as event files in the run folder",
        licence="MIT",
        requires=("tensorboard>=2.17",),
    )
