"""Where feature networks' weights lie, and what a file of InceptionV3's holds; no framework."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.hashing import file_hash
from zoo.errors import NotComputed, UsageError, ZooError
from zoo.plugins import unknown
from zoo.runs.files import atomic

NETWORK, PUBLISHED = "inception-v3", "inception-2015"
OFFICIAL_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
OFFICIAL_MD5 = "bcbd6486424b2319ff4ef7d526e38f63"
OFFICIAL_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/" + OFFICIAL_NAME
)
# Layer to pool and the convolutions up to it, deepest first.
CONVOLUTIONS = {"avg_pool": 94, "mixed8": 76, "mixed7": 70}
FETCH = f"`zoo weights fetch {NETWORK}` downloads them (88 MB)"


@dataclass(frozen=True)
class WeightsFile:
    """A place where weights are looked for.

    Attributes:
        name: The network.
        layer: The deepest layer that the file reaches.
        path: Where the file lies, or would lie.
    """

    name: str
    layer: str
    path: Path

    @property
    def present(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()


def known_files() -> list[WeightsFile]:
    """All places: of Keras' InceptionV3, then of the published FID's network."""
    return [*_keras_files(), published_place()]


def published_place() -> WeightsFile:
    """Where the weights of the published FID's network are kept once they are converted."""
    from zoo.data.home import home

    return WeightsFile(PUBLISHED, "pool_3", home() / "weights" / "inception_2015.weights.h5")


def _keras_files() -> list[WeightsFile]:
    """Keras' own cache first, then the places of imported files, deepest layer first."""
    official = WeightsFile(NETWORK, "avg_pool", keras_cache() / OFFICIAL_NAME)
    return [official, *(WeightsFile(NETWORK, layer, _imported(layer)) for layer in CONVOLUTIONS)]


def keras_cache() -> Path:
    """The folder in which Keras keeps the weights that it downloads."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"


def find_layer(layer: str | None) -> str:
    """The layer to pool, `avg_pool` by default.

    Raises:
        zoo.errors.UsageError: If InceptionV3 is not cut there.
    """
    if layer is None:
        return "avg_pool"
    if layer not in CONVOLUTIONS:
        raise unknown("InceptionV3 layer", layer, CONVOLUTIONS)
    return layer


def find_weights(path: Path | None, layer: str) -> Path:
    """The weights file to load for a layer; nothing is downloaded.

    Raises:
        zoo.errors.NotComputed: If no path is given and no file is in place.
        zoo.errors.UsageError: If the given file is missing or does not reach the layer.
        zoo.errors.ZooError: If the given file is damaged or holds other weights.
    """
    if path is None:
        return _in_place(layer)
    if not path.is_file():
        raise UsageError(f"no InceptionV3 weights at {path}: no such file")
    found = deepest_layer(path)
    if CONVOLUTIONS[found] < CONVOLUTIONS[layer]:
        raise UsageError(f"{path} reaches {found} only, not {layer}: add --inception-layer {found}")
    return path


def _in_place(layer: str) -> Path:
    present = [file for file in _keras_files() if file.present]
    for file in present:
        if CONVOLUTIONS[file.layer] >= CONVOLUTIONS[layer]:
            return file.path
    hint = f"; --inception-layer {present[0].layer} uses the imported file" if present else ""
    raise NotComputed(
        f"no InceptionV3 weights: {FETCH}, --inception-weights PATH takes them from a file{hint}"
    )


def deepest_layer(path: Path) -> str:
    """How far a weights file of InceptionV3 reaches: `avg_pool`, `mixed8` or `mixed7`.

    Raises:
        zoo.errors.ZooError: If the file is truncated, no HDF5 file, or of another network.
    """
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(path) as file:
            names = _layer_names(file)
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ZooError(f"{path} is damaged or no HDF5 weights file: {reason}") from error
    if "predictions" in names or "dense" in names:
        raise ZooError(f"{path} includes the classifier; the file without is {OFFICIAL_NAME}")
    count = sum(name.startswith("conv2d") for name in names)
    for layer, convolutions in CONVOLUTIONS.items():
        if count == convolutions:
            return layer
    raise ZooError(
        f"{path} holds no InceptionV3 weights: {count} convolutions instead of "
        f"{' or '.join(map(str, CONVOLUTIONS.values()))}"
    )


def is_legacy(path: Path) -> bool:
    """Whether a file is in the HDF5 layout of Keras 1 and 2, which needs the whole network."""
    import h5py

    with h5py.File(path) as file:
        return "layer_names" in file.attrs


def import_file(path: Path) -> WeightsFile:
    """Copy a local weights file to where runs look for it.

    Raises:
        zoo.errors.ZooError: If the file is not what its layout claims, or cannot be copied.
        zoo.errors.UsageError: If there is no such file.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}")
    layer = deepest_layer(path)
    if not is_legacy(path):
        place = WeightsFile(NETWORK, layer, _imported(layer))
    elif file_hash(path, "md5") == OFFICIAL_MD5:
        place = WeightsFile(NETWORK, layer, keras_cache() / OFFICIAL_NAME)
    else:
        raise ZooError(
            f"{path} is not the file that Keras publishes (MD5 {OFFICIAL_MD5}); "
            "--inception-weights PATH uses it without importing it"
        )
    with path.open("rb") as source, atomic(place.path) as target:
        shutil.copyfileobj(source, target)
    return place


def _imported(layer: str) -> Path:
    from zoo.data.home import home

    return home() / "weights" / f"inception_v3_{layer}.weights.h5"


def _layer_names(file: Any) -> list[str]:
    if "layer_names" in file.attrs:
        stored = file.attrs["layer_names"]
        return [name.decode() if isinstance(name, bytes) else str(name) for name in stored]
    return list(file["layers"])
