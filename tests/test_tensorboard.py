"""TensorBoard's event files of a run, read back by TensorBoard itself."""

import io
import shutil

import pytest
import tracked
from PIL import Image
from tracked import Stops

from zoo import workflow
from zoo.errors import Interrupted
from zoo.plugins import find
from zoo.runs import Run
from zoo.runs.folder import list_runs
from zoo.testing import conformance

REASON = "needs tensorboard: pip install 'tensorboard>=2.17'"
accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason=REASON
)

test_the_tracker_keeps_the_contract = conformance("tensorboard", kind="tracker")


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """A run that was stopped at step 4 and resumed."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "_detect", lambda *_: None)
        tracked.install(patch, Stops)
        with pytest.raises(Interrupted):
            tracked.start(folder, track="tensorboard,stops")
        (run,) = list_runs(folder)
        # A checkpoint of an earlier step: the training repeats what was told.
        last = sorted(run.checkpoints.glob("*.npz"))[-1]
        last.unlink()
        patch.setattr(Stops, "logged", lambda *_: None)
        workflow.resume(run.path)
    return run


def read(run):
    """All that is in the run's event files; 0 stands for no limit."""
    guidance = {"images": 0, "scalars": 0, "tensors": 0}
    return accumulator.EventAccumulator(str(run.tensorboard), size_guidance=guidance).Reload()


@pytest.fixture(scope="module")
def events(resumed):
    return read(resumed)


def test_every_number_of_the_run_is_there_once(resumed, events):
    assert len(list(resumed.tensorboard.glob("events.*"))) == 2
    losses = [(event.step, event.value) for event in events.Scalars("d_loss")]
    assert losses == [(row["step"], pytest.approx(row["d_loss"])) for row in resumed.metrics()]
    assert [step for step, _ in losses] == list(range(1, 9))


def test_the_grids_of_samples_are_the_run_s_pictures(resumed, events):
    shown = events.Images("samples")
    assert [event.step for event in shown] == [0, *resumed.snapshot_steps()]
    for event in shown:
        png = resumed.sample_path(event.step).read_bytes()
        assert event.encoded_image_string == png
        assert (event.width, event.height) == Image.open(io.BytesIO(png)).size
    assert len(events.Images("real")) == 1


def test_the_scores_are_there_at_the_last_step(resumed, events):
    scores = resumed.read_json(resumed.evaluation_path)["metrics"]
    assert scores
    for score in scores:
        (event,) = events.Scalars(f"evaluation/{score['name']}")
        assert (event.step, event.value) == (8, pytest.approx(score["value"]))


def test_the_recipe_is_a_table(events):
    (event,) = events.Tensors("recipe")
    table = event.tensor_proto.string_val[0].decode()
    assert "| image_size | 32x32 |" in table
    assert "| options.width | 4 |" in table
    ends = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("status")]
    assert ends[-1] == "finished"


def test_a_run_that_tells_it_only_when_it_is_resumed_is_there_from_its_beginning(resumed, tmp_path):
    ignored = shutil.ignore_patterns("tensorboard")
    run = Run(shutil.copytree(resumed.path, tmp_path / resumed.name, ignore=ignored))
    tracker = find("trackers", "tensorboard").load()()
    tracker.run_started(run)
    tracker.run_ended(run, "finished")
    found = read(run)
    assert [event.step for event in found.Scalars("g_loss")] == list(range(1, 9))
    assert [event.step for event in found.Images("samples")] == [0, *run.snapshot_steps()]
