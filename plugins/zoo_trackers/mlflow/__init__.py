"""MLflow: a run on the server of MLFLOW_TRACKING_URI, or in a database beside the run folders."""

from collections.abc import Iterator

import zoo


@zoo.hookimpl
def zoo_trackers() -> Iterator[zoo.Tracker]:
    """A tracker that tells the server that MLFLOW_TRACKING_URI names, and no other."""
    yield zoo.Tracker(
        "mlflow",
        "zoo_trackers.mlflow.tracker:MLflow",
        "Recipe, numbers, scores and report, to the server of MLFLOW_TRACKING_URI",
        licence="MIT",
        requires=("mlflow>=3.2",),
    )
