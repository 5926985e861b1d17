"""Writes TensorBoard's event files with TensorBoard's own writer."""

import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from zoo.recipe import show
from zoo.runs import Run
from zoo_trackers.facts import last_step, parameters, scores

RGB = 3  # TensorBoard's number for the colours of a picture; it decodes the PNG itself


class TensorBoard:
    """Numbers, grids of samples and the recipe, in `RUN/tensorboard`."""

    def run_started(self, run: Run) -> None:
        """Open a further event file; with the first, write what the run has logged before."""
        self.run = run
        self.continued = any(run.tensorboard.glob("events.*"))
        self.shown = set(run.sample_steps()) if self.continued else set()
        self.writer = EventFileWriter(str(run.tensorboard))
        if not self.continued:
            self._write(0, text_pb("recipe", _table(parameters(run))))
            if (real := run.sample_path("real")).is_file():
                self._write(0, _picture("real", real))
            for row in run.metrics():
                self._write(int(row["step"]), _scalars(row))
        self._show_samples()
        self.writer.flush()

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Write a step's numbers, and the grids that were drawn since the last."""
        if self.continued:
            # A resumed training repeats the steps after its checkpoint: forget them.
            started = SessionLog(status=SessionLog.START)
            self.writer.add_event(Event(wall_time=time.time(), step=step, session_log=started))
            self.shown = {shown for shown in self.shown if shown < step}
            self.continued = False
        self._write(step, _scalars(values))
        self._show_samples()
        self.writer.flush()

    def run_ended(self, run: Run, status: str) -> None:
        """Write the last grids and the scores, and close the file."""
        self._show_samples()
        self._write(last_step(run), _scalars(scores(run)))
        self._write(last_step(run), text_pb("status", status))
        self.writer.close()

    def _show_samples(self) -> None:
        for step in self.run.sample_steps():
            if step not in self.shown:
                self._write(step, _picture("samples", self.run.sample_path(step)))
                self.shown.add(step)

    def _write(self, step: int, summary: Any) -> None:
        self.writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))


def _scalars(values: Mapping[str, float]) -> Any:
    named = {name: value for name, value in values.items() if name != "step"}
    return Summary(value=[Summary.Value(tag=k, simple_value=v) for k, v in named.items()])


def _picture(tag: str, path: Path) -> Any:
    png = path.read_bytes()
    width, height = struct.unpack(">II", png[16:24])  # of the header, which is always first
    image = Summary.Image(height=height, width=width, colorspace=RGB, encoded_image_string=png)
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _table(values: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {show(value)} |" for name, value in values.items()]
    return "\n".join(["| setting | value |", "|---|---|", *rows])
