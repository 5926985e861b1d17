"""Tells an MLflow server of a run, through MLflow's client."""

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# What the user has set holds. Nobody but the chosen server is told of a run, and one that does not
# answer is given up soon, for the training waits. Telemetry starts on import.
for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}.items():
    os.environ.setdefault(_name, _value)

import filelock  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.telemetry import set_telemetry_client  # noqa: E402

from zoo.recipe import show  # noqa: E402
from zoo.runs import Run, write_json  # noqa: E402
from zoo_trackers.facts import last_step, parameters, scores  # noqa: E402

ENDS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
LONGEST = {"param": 6000, "tag": 8000}  # characters that MLflow takes of a value
AT_ONCE = {"metrics": 1000, "params": 100, "tags": 100}  # that MLflow takes in a request


class MLflow:
    """One run of MLflow for a run folder, however often that is resumed."""

    def run_started(self, run: Run) -> None:
        """Make the MLflow run, or go on with the one whose id the folder keeps."""
        set_telemetry_client()  # off, also where MLflow was imported before this module
        self.client = _client(run)
        self.id, known = self._continued(run) or (self._new(run), set())
        history = self.client.get_metric_history(self.id, "kimg") if known else []
        self.held = {metric.step for metric in history}
        values = {name: show(value) for name, value in parameters(run).items() if name not in known}
        self._log("params", [Param(k, v[: LONGEST["param"]]) for k, v in values.items()])
        self._tag({**_facts(run), "status": "running"})
        rows = [row for row in run.metrics() if int(row["step"]) not in self.held]
        self._log("metrics", [m for row in rows for m in _metrics(int(row["step"]), row)])
        self.held |= {int(row["step"]) for row in rows}

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Tell a step's numbers; those that a resumed training repeats are there already."""
        if step not in self.held:
            self._log("metrics", _metrics(step, values))

    def run_ended(self, run: Run, status: str) -> None:
        """Tell the scores and how the run ended, and hand over model card and report."""
        self._log("metrics", _metrics(last_step(run), scores(run)))
        self._tag({"status": status, "reason": run.manifest.get("reason") or ""})
        self.client.set_terminated(self.id, ENDS[status])
        for path in (run.card_path, run.report_path):
            if path.is_file():
                self.client.log_artifact(self.id, str(path))

    def _continued(self, run: Run) -> tuple[str, set[str]] | None:
        """The id of the run's earlier MLflow run, if the server has it, and its parameters."""
        kept = run.read_mapping(run.mlflow_path).get("run_id")
        if not kept:
            return None
        try:
            found = self.client.get_run(kept)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None  # another server, or removed there
            raise
        if found.info.lifecycle_stage == "deleted":
            return None
        self.client.update_run(kept, status="RUNNING")
        return kept, set(found.data.params)

    def _new(self, run: Run) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "zoo"
        where = None if _server() else (_beside(run) / "artifacts").as_uri()
        experiment = self._experiment(name) or self._made(name, where)
        made: str = self.client.create_run(experiment, run_name=run.name).info.run_id
        write_json(run.mlflow_path, {"run_id": made})
        return made

    def _experiment(self, name: str) -> str | None:
        found = self.client.get_experiment_by_name(name)
        return found.experiment_id if found else None

    def _made(self, name: str, artifacts: str | None) -> str:
        try:
            return str(self.client.create_experiment(name, artifacts))
        except MlflowException:
            if made := self._experiment(name):
                return made  # by another run that began at the same time
            raise

    def _tag(self, values: Mapping[str, str]) -> None:
        self._log("tags", [RunTag(k, v[: LONGEST["tag"]]) for k, v in values.items()])

    def _log(self, what: str, entries: list[Any]) -> None:
        for start in range(0, len(entries), AT_ONCE[what]):
            self.client.log_batch(self.id, **{what: entries[start : start + AT_ONCE[what]]})


def _server() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI", "")


def _client(run: Run) -> MlflowClient:
    if server := _server():
        return MlflowClient(server)
    folder = _beside(run)
    # Two runs that begin at the same time must not both make the tables.
    with filelock.FileLock(folder / ".lock", timeout=60):
        return MlflowClient(f"sqlite:///{folder}/mlflow.db")


def _beside(run: Run) -> Path:
    folder = run.path.absolute().parent / "mlflow"
    folder.mkdir(exist_ok=True)
    return folder


def _metrics(step: int, values: Mapping[str, float]) -> list[Metric]:
    now = time.time_ns() // 1_000_000
    named = {name: value for name, value in values.items() if name != "step"}
    return [Metric(_name_of(name), value, now, step) for name, value in named.items()]


def _name_of(score: str) -> str:
    """A score's name in the characters that MLflow takes: `fid[class=A]` is `fid/class/A`."""
    return "/".join(part for part in re.split(r"[^\w.\- ]+", score) if part)


def _facts(run: Run) -> dict[str, str]:
    manifest = run.manifest
    dataset = manifest.get("dataset", {})
    facts = {"dataset": dataset.get("name"), "dataset_fingerprint": dataset.get("fingerprint")}
    versions = {f"version.{name}": text for name, text in manifest.get("versions", {}).items()}
    told = {**facts, "device": manifest.get("device"), **versions}
    return {name: str(value) for name, value in told.items() if value}
