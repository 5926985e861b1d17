"""What runs need and zoo cannot make again without a network: prepared datasets and weights."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo.data.home import home
from zoo.data.prepared import FACTS, place_of, size_of, unprepared
from zoo.data.tfds_folders import INFO
from zoo.errors import ZooError
from zoo.metrics.weights import keras_cache, known_files
from zoo.plugins import registry, unknown

DATASETS, TFDS, WEIGHTS, KERAS = "datasets", "tfds", "weights", "keras"
FOLDERS = {DATASETS: FACTS, TFDS: INFO}  # and the file that a complete version folder has
VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Asset:
    """A prepared dataset or a weights file on this machine.

    Attributes:
        kind: `"dataset"` or `"weights"`.
        name: Such as `bbbc/bbbc038`, `tfds:malaria` or `inception-v3`.
        version: Of a dataset; of weights the deepest layer that they reach.
        place: What a bundle calls it, such as `datasets/bbbc/bbbc038/1.0.0`.
        path: The version folder, or the weights file.
    """

    kind: str
    name: str
    version: str
    place: str
    path: Path

    @property
    def files(self) -> dict[str, Path]:
        """The asset's files by what a bundle calls them."""
        if self.path.is_file():
            return {self.place: self.path}
        found = sorted(path for path in self.path.rglob("*") if path.is_file())
        return {f"{self.place}/{path.relative_to(self.path).as_posix()}": path for path in found}

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return self.path.stat().st_size if self.path.is_file() else size_of(self.path)


def find_assets() -> list[Asset]:
    """All prepared datasets, then all weights, on this machine."""
    return [*_datasets(), *_weights()]


def choose(names: Iterable[str]) -> list[Asset]:
    """The assets of some names, or all of them if there are none.

    Raises:
        zoo.errors.ZooError: If a dataset is not prepared, or there is no asset at all.
        zoo.errors.UsageError: If a name is no dataset and no weights.
    """
    assets = find_assets()
    chosen = [asset for name in names for asset in _named(name, assets)] if names else assets
    if not chosen:
        raise ZooError("there is nothing to export: no dataset is prepared and no weights are here")
    return list(dict.fromkeys(chosen))


def path_of(place: str) -> Path:
    """Where an asset lies on this machine, by what a bundle calls it."""
    top, _, rest = place.partition("/")
    return keras_cache() / rest if top == KERAS else home() / place


def _datasets() -> Iterable[Asset]:
    """The newest version of each prepared dataset."""
    newest: dict[Path, Path] = {}
    for top, mark in FOLDERS.items():
        for file in sorted((home() / top).rglob(mark)):
            place = file.parent.relative_to(home())
            hidden = any(part.startswith(".") for part in place.parts)
            if VERSION.fullmatch(place.name) and not hidden:
                known = newest.get(place.parent, place)
                newest[place.parent] = max(known, place, key=_numbers)
    return [dataset_at(place.as_posix()) for place in newest.values()]


def _numbers(place: Path) -> list[int]:
    return [int(part) for part in place.name.split(".")]


def dataset_at(place: str) -> Asset:
    """The prepared dataset of a place, whether it is there or not."""
    top, *parts, version = place.split("/")
    name = "/".join(parts)
    shown = f"tfds:{name}" if top == TFDS else name
    return Asset("dataset", shown, version, place, path_of(place))


def _weights() -> Iterable[Asset]:
    for file in known_files():
        top = KERAS if file.path.parent == keras_cache() else WEIGHTS
        if file.present:
            yield Asset("weights", file.name, file.layer, f"{top}/{file.path.name}", file.path)


def _named(name: str, assets: list[Asset]) -> list[Asset]:
    records = {entry.name: entry.record for entry in registry().usable("datasets")}
    if record := records.get(name):
        place = place_of(record).relative_to(home() / DATASETS).as_posix()
        if not record.archives:
            raise ZooError(f"{name} is not prepared from an archive; there is nothing to export")
    found = [asset for asset in assets if asset.name == (place if record else name)]
    if not found and record:
        raise ZooError(unprepared(record))
    if not found:
        raise unknown("dataset or weights", name, {asset.name for asset in assets} | set(records))
    return found


def same_dataset(asset: Asset, facts: bytes) -> bool:
    """Whether a dataset on this machine was prepared from the archives that other facts name.

    Args:
        asset: A dataset of the same version.
        facts: Its file `zoo.json` on the other machine; empty for one that TFDS prepared.
    """
    if not facts:
        return True
    here, there = json.loads((asset.path / FACTS).read_text(encoding="utf-8")), json.loads(facts)
    hashes = [{a["sha256"] for a in known.get("archives", ())} for known in (here, there)]
    return hashes[0] == hashes[1]
