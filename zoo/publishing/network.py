"""What a `.keras` file holds, read without Keras: nothing of it is loaded, so nothing runs."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.archive import open_zip
from zoo.errors import ZooError

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
LARGEST_CONFIG = 64 * 2**20
OURS = ("keras", "builtins")
STOCK = (
    *("keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints"),
    *("keras.activations", "keras.ops", "keras.dtype_policies", "keras.src.layers"),
    *("keras.src.models", "keras.src.ops"),
)
# Layers of Keras that run code or open files which their configuration names.
RUNNING = {
    *("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "StringLookup"),
    *("IntegerLookup", "TextVectorization", "__lambda__"),
}


@dataclass(frozen=True)
class Network:
    """What a saved network states.

    Attributes:
        inputs: Name, shape without the batch and type of each input.
        modules: Where layers that are not Keras' own are defined.
    """

    inputs: list[tuple[str, list[Any], str]]
    modules: list[str]


def read_network(path: Path, packages: tuple[str, ...] = ()) -> Network:
    """Read the configuration of a saved network and refuse one that could run code.

    Args:
        path: A `.keras` file.
        packages: Modules whose layers are trusted besides Keras', such as `zoo_generators`.

    Raises:
        zoo.errors.ZooError: If it is damaged, or has a layer from elsewhere or one that runs code.
    """
    config = _config(path)
    modules = set()
    for part in _parts(config):
        module, name = str(part.get("module") or ""), str(part.get("class_name") or "")
        if name in RUNNING:
            raise ZooError(f"{path.name} is refused: it holds a {name}, which can run any code")
        if module.partition(".")[0] in packages:
            modules.add(module)
        elif module and module not in OURS and not _is_stock(module):
            raise ZooError(f"{path.name} is refused: it needs {module!r}, no layers of Keras")
    layers = (config.get("config") or {}).get("layers") or []
    facts = [layer["config"] for layer in layers if layer.get("class_name") == "InputLayer"]
    inputs = [(str(f["name"]), list(f["batch_shape"])[1:], str(f["dtype"])) for f in facts]
    return Network(inputs, sorted(modules))


def _is_stock(module: str) -> bool:
    return any(module == known or module.startswith(f"{known}.") for known in STOCK)


def _config(path: Path) -> Mapping[str, Any]:
    try:
        with open_zip(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            unpacked = sum(entry.file_size for entry in entries.values())
            if set(entries) != MEMBERS or unpacked > 2 * path.stat().st_size + LARGEST_CONFIG:
                raise ZooError(f"{path.name} is damaged, or was not written by Keras")
            if entries["config.json"].file_size > LARGEST_CONFIG:
                raise ZooError(f"{path.name} is refused: its configuration is too large")
            held = json.loads(archive.read("config.json"))
            if isinstance(held, dict) and isinstance(held.get("config"), dict):
                return held
    except (ValueError, RecursionError, zipfile.BadZipFile, NotImplementedError, EOFError):
        pass
    raise ZooError(f"{path.name} is damaged: its configuration cannot be read")


def _parts(value: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
