"""The published FID's network is read from published files only, and gives their features."""

import hashlib
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from zoo.errors import NotComputed, UsageError, ZooError
from zoo.metrics import published_weights
from zoo.metrics.published_weights import array_name, find_published, read, write
from zoo.metrics.torch_file import MAGIC, VERSION, read_state

BRANCHES = {
    "conv_4/conv2d_params": "Conv2d_4a_3x3/kernel",
    "mixed/conv/batchnorm/gamma": "Mixed_5b_branch1x1/gamma",
    "mixed/tower/conv_1/batchnorm/beta": "Mixed_5b_branch5x5_2/beta",
    "mixed_2/tower_1/conv_2/conv2d_params": "Mixed_5d_branch3x3dbl_3/kernel",
    "mixed_3/conv/conv2d_params": "Mixed_6a_branch3x3/kernel",
    "mixed_3/tower/conv/conv2d_params": "Mixed_6a_branch3x3dbl_1/kernel",
    "mixed_4/tower_1/conv_4/conv2d_params": "Mixed_6b_branch7x7dbl_5/kernel",
    "mixed_7/tower/conv_2/batchnorm/moving_mean": "Mixed_6e_branch7x7_3/mean",
    "mixed_8/tower_1/conv_3/conv2d_params": "Mixed_7a_branch7x7x3_4/kernel",
    "mixed_9/tower_2/conv/batchnorm/moving_variance": "Mixed_7b_branch_pool/variance",
    "mixed_10/tower/mixed/conv/conv2d_params": "Mixed_7c_branch3x3_2a/kernel",
    "mixed_10/tower_1/mixed/conv_1/conv2d_params": "Mixed_7c_branch3x3dbl_3b/kernel",
    "softmax/weights": "logits/kernel",
    "softmax/biases": None,
    "pool_3/_reshape/shape": None,
    "mixed_10/join/concat_dim": None,
}


class FloatStorage:
    """What a pickle of PyTorch calls `torch.FloatStorage`."""


class LongStorage:
    """What a pickle of PyTorch calls `torch.LongStorage`."""


def _rebuild_tensor_v2(*_: object) -> None:
    """What a pickle of PyTorch calls to make a tensor."""


class Stored:
    """An array that is pickled as a tensor of PyTorch is."""

    def __init__(self, array: np.ndarray, key: str, *, size: tuple[int, ...] | None = None) -> None:
        self.array, self.key = np.asarray(array, order="C"), key
        self.size = array.shape if size is None else size

    def __reduce__(self) -> tuple:
        strides = tuple(step // self.array.itemsize for step in self.array.strides)
        return _rebuild_tensor_v2, (Block(self), 0, self.size, strides, False, OrderedDict())


class Block:
    """The storage of an array."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored


class Pickler(pickle.Pickler):
    def persistent_id(self, item: object) -> object:
        if not isinstance(item, Block):
            return None
        array = item.stored.array
        kind = FloatStorage if array.dtype == np.float32 else LongStorage
        return "storage", kind, item.stored.key, "cpu", array.size


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the stand-ins the names that PyTorch's files have; PyTorch need not be here."""
    for module, thing in (
        ("torch", FloatStorage),
        ("torch", LongStorage),
        ("torch._utils", _rebuild_tensor_v2),
    ):
        holder = types.ModuleType(module)
        if module == "torch":
            holder.FloatStorage, holder.LongStorage = FloatStorage, LongStorage
        else:
            holder._rebuild_tensor_v2 = _rebuild_tensor_v2
        monkeypatch.setitem(sys.modules, module, holder)
        monkeypatch.setattr(thing, "__module__", module)


def save_zip(path: Path, state: object) -> Path:
    """As `torch.save` writes since PyTorch 1.6."""
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("weights/data.pkl", "w") as file:
            Pickler(file, 2).dump(state)
        for stored in state.values() if isinstance(state, dict) else ():
            if isinstance(stored, Stored):
                archive.writestr(f"weights/data/{stored.key}", stored.array.tobytes())
    return path


def save_stream(path: Path, state: dict) -> Path:
    """As `torch.save` wrote before."""
    with path.open("wb") as file:
        for part in (MAGIC, VERSION, {"little_endian": True}, state):
            Pickler(file, 2).dump(part)
        Pickler(file, 2).dump([stored.key for stored in state.values()])
        for stored in state.values():
            file.write(struct.pack("<q", stored.array.size) + stored.array.tobytes())
    return path


def small_state() -> dict[str, Stored]:
    rng = np.random.default_rng(0)
    arrays = {
        "Mixed_5b.branch5x5_2.conv.weight": rng.random((3, 2, 5, 5), np.float32),
        "Mixed_5b.branch5x5_2.bn.running_var": rng.random(3, np.float32),
        "Mixed_5b.branch5x5_2.bn.num_batches_tracked": np.array(7),
        "fc.weight": rng.random((4, 2), np.float32),
        "fc.bias": rng.random(4, np.float32),
    }
    return OrderedDict((k, Stored(a, str(i))) for i, (k, a) in enumerate(arrays.items()))


@pytest.mark.parametrize("save", [save_zip, save_stream])
def test_both_formats_of_pytorch_are_read_without_pytorch(save, torch_names, tmp_path) -> None:
    state = small_state()
    found = read_state(save(tmp_path / "weights.pth", state))
    assert list(found) == list(state)
    for name, stored in state.items():
        assert found[name].dtype == stored.array.dtype
        assert np.array_equal(found[name], stored.array)


def test_arrays_of_the_port_take_our_names_and_axes(torch_names, tmp_path) -> None:
    state = small_state()
    found = published_weights.from_torch(save_zip(tmp_path / "weights.pth", state))
    assert set(found) == {
        "Mixed_5b_branch5x5_2/kernel",
        "Mixed_5b_branch5x5_2/variance",
        "logits/kernel",
    }
    kernel = state["Mixed_5b.branch5x5_2.conv.weight"].array
    assert found["Mixed_5b_branch5x5_2/kernel"].shape == (5, 5, 2, 3)
    assert found["Mixed_5b_branch5x5_2/kernel"][4, 1, 0, 2] == kernel[2, 0, 4, 1]
    assert found["logits/kernel"].shape == (2, 4)


class Evil:
    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit('the file was executed')",)


@pytest.mark.parametrize("save", [save_zip, save_stream])
def test_a_file_that_names_code_is_refused_and_not_run(save, torch_names, tmp_path) -> None:
    state = small_state()
    state["fc.weight"].__class__ = type("Hidden", (Stored,), {"__reduce__": Evil.__reduce__})
    with pytest.raises(ZooError, match=r"it names \w+.exec, which no weights need"):
        read_state(save(tmp_path / "evil.pth", state))


def test_damaged_files_are_refused_in_one_line(torch_names, tmp_path) -> None:
    whole = save_stream(tmp_path / "whole.pth", small_state())
    short, text, reach = (tmp_path / name for name in ("short.pth", "text.pth", "reach.pth"))
    short.write_bytes(whole.read_bytes()[:-20])
    text.write_text("not weights")
    save_zip(reach, {"fc.bias": Stored(np.ones(3, np.float32), "0", size=(5,))})
    empty = save_zip(tmp_path / "list.pth", [1, 2])
    for path, reason in (
        (short, "beyond its storage|buffer"),
        (text, ""),
        (reach, "beyond its storage"),
        (empty, "no tensors by name"),
    ):
        with pytest.raises(ZooError, match=reason) as refusal:
            read_state(path)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("node", "name"), BRANCHES.items())
def test_constants_of_the_graph_take_the_names_of_the_port(node: str, name: str | None) -> None:
    assert array_name(node) == name


def test_converted_weights_are_read_back_and_a_changed_file_is_refused(tmp_path) -> None:
    import h5py

    path, arrays = tmp_path / "a.weights.h5", {"x/kernel": np.arange(6, dtype=np.float32)}
    write(arrays, path, source="0" * 64)
    held = read(path)
    assert held.sha256 == published_weights.digest(arrays)
    assert not held.published
    assert np.array_equal(held.arrays["x/kernel"], arrays["x/kernel"])
    with h5py.File(path, "r+") as file:
        file["x/kernel"][0] = 1
    with pytest.raises(ZooError, match="was changed since it was converted"):
        read(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ZooError, match="damaged or no HDF5"):
        read(path)


def test_without_weights_the_reason_names_both_commands(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    with pytest.raises(NotComputed, match="`zoo weights fetch inception-2015`") as reason:
        find_published(None)
    assert "`zoo weights convert FILE`" in str(reason.value)
    with pytest.raises(UsageError, match="no such file"):
        find_published(tmp_path / "none.weights.h5")


def test_a_file_that_was_not_published_is_not_converted_to_where_runs_look(tmp_path) -> None:
    from zoo_cli.commands.weights import command

    (tmp_path / "other.pth").write_bytes(b"PK other")
    refused = CliRunner().invoke(command, ["convert", str(tmp_path / "other.pth")])
    assert isinstance(refused.exception, ZooError)
    assert hashlib.sha256(b"PK other").hexdigest() in str(refused.exception)
    assert "fid_unpublished" in str(refused.exception)
    missing = CliRunner().invoke(command, ["convert", str(tmp_path / "none.pth")])
    assert isinstance(missing.exception, UsageError)


def test_a_download_that_is_not_the_published_file_is_not_kept(
    server, monkeypatch, tmp_path
) -> None:
    from zoo.metrics.fetching import fetch_published

    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    server.files["weights.pth"] = b"PK other"
    monkeypatch.setattr(published_weights, "URL", server.url("weights.pth"))
    with pytest.raises(ZooError, match=r"is not the published file.*takes it from disk"):
        fetch_published()
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".pth", ".h5")]


def test_both_names_of_scores_are_not_computed_without_weights(monkeypatch, tmp_path) -> None:
    from zoo.evaluation import networks

    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def measure(extractor: str) -> dict:
        names = ("fid", "kid", "coverage")
        return {"metrics": [], "not_computed": [{"name": n, "reason": extractor} for n in names]}

    reason = "no weights: `zoo weights fetch inception-v3`"
    monkeypatch.setattr(
        networks, "find", lambda kind, name: Absent(reason if name == networks.OURS else "none")
    )
    lost = networks.score_networks(measure, weights=None, layer=None)["not_computed"]
    assert [entry["name"] for entry in lost] == ["fid_keras", "kid_keras", "coverage", "fid", "kid"]
    assert lost[0]["reason"] == reason
    assert lost[-1]["reason"] == "none"


class Absent:
    """A record of an extractor whose weights are not here."""

    suffix = "keras"

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def load(self):
        def build(**options: object) -> None:
            raise NotComputed(self.reason)

        return build
