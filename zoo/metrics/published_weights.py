"""Weights of the InceptionV3 of 2015-12-05: from the published files to zoo's own, and back.

zoo's file is HDF5 with one array a path, such as `Mixed_5b_branch1x1/kernel`; its attributes say
which file it was converted from.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoo.data.hashing import file_hash
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.metrics.torch_file import read_state
from zoo.metrics.weights import PUBLISHED, WeightsFile, published_place
from zoo.runs.files import atomic

URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
MEGABYTES = 96
# The SHA-256 of the published files, by which their numbers are known as `fid`.
SOURCES = {
    "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6": (
        "classify_image_graph_def.pb, TensorFlow"
    ),
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2": (
        "pt_inception-2015-12-05-6726825d.pth, PyTorch's port"
    ),
}
MISSING = (
    f"no weights of the 2015 InceptionV3: `zoo weights fetch {PUBLISHED}` downloads them "
    f"({MEGABYTES} MB), `zoo weights convert FILE` takes them from classify_image_graph_def.pb "
    "or pt_inception-2015-12-05-6726825d.pth"
)

TORCH_PARTS = {
    "conv.weight": "kernel",
    "bn.weight": "gamma",
    "bn.bias": "beta",
    "bn.running_mean": "mean",
    "bn.running_var": "variance",
}
TORCH_UNUSED = ("num_batches_tracked", "fc.bias")
GRAPH_PARTS = {
    "conv2d_params": "kernel",
    "batchnorm/gamma": "gamma",
    "batchnorm/beta": "beta",
    "batchnorm/moving_mean": "mean",
    "batchnorm/moving_variance": "variance",
}
STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
# The blocks `mixed`, `mixed_1`, … of the graph, each with the names of its towers.
SQUARES = {"": "branch1x1", "tower": "branch5x5", "tower_1": "branch3x3dbl"}
STRIPS = {"": "branch1x1", "tower": "branch7x7", "tower_1": "branch7x7dbl"}
FANS = {"": "branch1x1", "tower": "branch3x3", "tower_1": "branch3x3dbl"}
BLOCKS = (
    *(("Mixed_5b", SQUARES), ("Mixed_5c", SQUARES), ("Mixed_5d", SQUARES)),
    ("Mixed_6a", {"": "branch3x3", "tower": "branch3x3dbl"}),
    *(("Mixed_6b", STRIPS), ("Mixed_6c", STRIPS), ("Mixed_6d", STRIPS), ("Mixed_6e", STRIPS)),
    ("Mixed_7a", {"tower": "branch3x3", "tower_1": "branch7x7x3"}),
    *(("Mixed_7b", FANS), ("Mixed_7c", FANS)),
)
SCOPE = re.compile(r"(?:mixed(?:_(\d+))?/(?:(tower(?:_\d)?)/)?(mixed/)?)?conv(?:_(\d))?")

Arrays = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class PublishedWeights:
    """What a file of zoo's holds.

    Attributes:
        arrays: By path, as `zoo.metrics.fid_network.set_weights` takes them.
        source: SHA-256 of the file that they were converted from.
        sha256: Of the arrays, the same for both published files.
    """

    arrays: Arrays
    source: str
    sha256: str

    @property
    def published(self) -> bool:
        """Whether they come from a published file."""
        return self.source in SOURCES


def convert(path: Path, out: Path | None = None) -> WeightsFile:
    """Convert a TensorFlow graph or a PyTorch state dict to zoo's own file.

    Neither is executed: of the graph the constants are read, of the state dict the tensors.

    Args:
        path: `classify_image_graph_def.pb` or `pt_inception-2015-12-05-6726825d.pth`.
        out: Where to write; by default where runs look, which only published weights may.

    Raises:
        zoo.errors.UsageError: If there is no such file.
        zoo.errors.ZooError: If it is not the network's, or not a published one without `out`.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}")
    source = file_hash(path)
    if source not in SOURCES and out is None:
        known = "; ".join(f"{name}: {digest}" for digest, name in SOURCES.items())
        raise ZooError(
            f"{path} is not a published file: its SHA-256 is {source} ({known}). --out FILE "
            "converts it all the same, and its scores are then named fid_unpublished"
        )
    arrays = from_torch(path) if _is_torch(path) else from_graph(path)
    check(arrays, path)
    place = out or published_place().path
    write(arrays, place, source=source)
    return WeightsFile(PUBLISHED, "pool_3", place)


def find_published(path: Path | None) -> Path:
    """The file of zoo's to load; nothing is downloaded.

    Raises:
        zoo.errors.NotComputed: If no path is given and no file is in place.
        zoo.errors.UsageError: If the given file is missing.
    """
    if path is None:
        place = published_place()
        if not place.present:
            raise NotComputed(MISSING)
        return place.path
    if not path.is_file():
        raise UsageError(f"no weights of the 2015 InceptionV3 at {path}: no such file")
    return path


def check(arrays: Arrays, path: Path) -> None:
    """Refuse arrays that are not the network's.

    Raises:
        zoo.errors.ZooError: Naming the file that they come from and the first that is wrong.
    """
    from zoo.metrics.fid_network import build, set_weights

    try:
        set_weights(build(), arrays)
    except ZooError as error:
        raise ZooError(f"{path}: {error}") from error


def write(arrays: Arrays, path: Path, *, source: str) -> None:
    """Write zoo's own file atomically."""
    import h5py  # type: ignore[import-untyped]

    with atomic(path) as target, h5py.File(target, "w") as file:
        for name, array in sorted(arrays.items()):
            file[name] = array
        file.attrs.update({"network": PUBLISHED, "source_sha256": source, "sha256": digest(arrays)})


def read(path: Path) -> PublishedWeights:
    """Read zoo's own file.

    Raises:
        zoo.errors.ZooError: If it is damaged, another network's or was changed since.
    """
    import h5py

    arrays: Arrays = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item[()], np.float32)

    try:
        with h5py.File(path) as file:
            stated = dict(file.attrs)
            if stated.get("network") != PUBLISHED:
                raise ZooError(f"{path} was not made by `zoo weights convert`")
            file.visititems(take)
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ZooError(f"{path} is damaged or no HDF5 weights file: {reason}") from error
    found = digest(arrays)
    if found != stated.get("sha256"):
        raise ZooError(f"{path} was changed since it was converted: SHA-256 of its arrays {found}")
    return PublishedWeights(arrays, str(stated.get("source_sha256")), found)


def digest(arrays: Arrays) -> str:
    """SHA-256 of names, shapes and little-endian values."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], "<f4")
        total.update(f"{name} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def from_torch(path: Path) -> Arrays:
    """The arrays of PyTorch's port: kernels (out, in, height, width) turned round."""
    arrays: Arrays = {}
    for key, tensor in read_state(path).items():
        layer, _, part = key.rpartition(".")
        layer, kind = layer.rsplit(".", 1) if "." in layer else ("", layer)
        if key == "fc.weight":
            arrays["logits/kernel"] = tensor.T
        elif not key.endswith(TORCH_UNUSED):
            array = tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor
            named = TORCH_PARTS.get(f"{kind}.{part}", part)
            arrays[f"{layer.replace('.', '_')}/{named}"] = array
    return arrays


def from_graph(path: Path) -> Arrays:
    """The arrays of TensorFlow's frozen graph: its constants, nothing is executed."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    arrays: Arrays = {}
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ZooError(f"{path} is no TensorFlow graph and no PyTorch state dict") from error
    for node in graph.node:
        if node.op == "Const" and (name := array_name(node.name)):
            arrays[name] = tf.make_ndarray(node.attr["value"].tensor)
    return arrays


def array_name(node: str) -> str | None:
    """What we call a constant of the graph, such as `mixed_9/tower/mixed/conv_1/conv2d_params`."""
    if node == "softmax/weights":
        return "logits/kernel"
    for ending, part in GRAPH_PARTS.items():
        scope = node.removesuffix(f"/{ending}")
        if scope != node and (match := SCOPE.fullmatch(scope)):
            return f"{_layer_name(scope, match)}/{part}"
    return None


def _layer_name(scope: str, match: re.Match[str]) -> str:
    number, tower, split, step = match.groups(default="")
    place = int(step or 0)
    if not scope.startswith("mixed"):
        return STEM[place]
    block, towers = BLOCKS[int(number or 0)]
    if tower == "tower_2":
        return f"{block}_branch_pool"
    branch = f"{block}_{towers[tower]}"
    if not tower:
        return branch
    if split:
        return f"{branch}_{2 if tower == 'tower' else 3}{'ab'[place]}"
    return f"{branch}_{place + 1}"


def _is_torch(path: Path) -> bool:
    """Whether a file begins as a zip archive or a pickle; a graph begins with a node."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02", b"\x80\x04")
