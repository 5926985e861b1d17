"""Datasets and weights in one file, to carry to a machine without a network.

A bundle is an uncompressed zip with `manifest.json`, which states size and SHA-256 of every other
file. What is read is not trusted: all is checked, and nothing has its place before all is right.
"""

import contextlib
import hashlib
import json
import re
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from zoo.data.archive import open_zip
from zoo.data.assets import FOLDERS, VERSION, Asset, choose, dataset_at, path_of, same_dataset
from zoo.data.hashing import file_hash
from zoo.data.home import home
from zoo.data.locking import cannot_write, lock, staged
from zoo.data.prepared import FACTS
from zoo.data.tfds_folders import INFO
from zoo.errors import UsageError, ZooError
from zoo.metrics.weights import deepest_layer, import_file, known_files
from zoo.plain import parse_json
from zoo.progress import progress
from zoo.runs.files import atomic

MANIFEST, FORMAT = "manifest.json", 1
FEATURES = "features.json"
LARGEST_MANIFEST = 64 * 2**20
CHUNK = 2**22
MEGABYTE = 1e6
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*")

Files = Mapping[str, Mapping[str, Any]]


def export_bundle(path: Path, names: Iterable[str] = ()) -> list[Asset]:
    """Write assets into a new file. Crops are left out, for they are made again.

    Args:
        path: Must not exist.
        names: Of datasets and weights; all that are here if empty.

    Returns:
        What it holds.

    Raises:
        zoo.errors.ZooError: If a dataset is not prepared, nothing is here, or the disk is full.
        zoo.errors.UsageError: If the file exists, or a name is unknown.
    """
    if path.exists():
        raise UsageError(f"{path} exists; choose another name or delete it")
    assets = choose(list(names))
    size = sum(asset.bytes for asset in assets) / MEGABYTE
    with (
        atomic(path) as file,
        zipfile.ZipFile(file, "w") as bundle,
        progress(f"Writing {path.name}", size, "MB") as advance,
    ):
        listed = []
        for asset in assets:
            files = {
                name: _write(bundle, name, source, advance) for name, source in asset.files.items()
            }
            listed.append({"kind": asset.kind, "place": asset.place, "files": files})
        manifest = {"format": FORMAT, "zoo": version("zoo"), "assets": listed}
        bundle.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest, indent=1))
    return assets


def import_bundle(path: Path) -> list[tuple[Asset, str]]:
    """Check a bundle and put what it holds in place; what is there already stays as it is.

    Returns:
        Each asset with `"imported"` or `"already here"`, or why it was left out.

    Raises:
        zoo.errors.ZooError: If the bundle is damaged, does not hold what its manifest says, or
            names a place outside zoo's folders; nothing is imported then.
    """
    with open_zip(path) as bundle, _damaged(path), contextlib.ExitStack() as stack:
        contents = _contents(bundle, path)
        _check_room(path, sum(f["bytes"] for files in contents.values() for f in files.values()))
        with progress(f"Checking {path.name}", path.stat().st_size / MEGABYTE, "MB") as advance:
            return [
                (asset, _place(bundle, asset, files, stack, advance))
                for asset, files in contents.items()
            ]


def _write(bundle: zipfile.ZipFile, name: str, source: Path, advance: Any) -> dict[str, Any]:
    with source.open("rb") as file, bundle.open(name, "w", force_zip64=True) as target:
        digest = _copy(file, target, advance)
    return {"bytes": bundle.getinfo(name).file_size, "sha256": digest}


def _copy(source: IO[bytes], target: IO[bytes], advance: Any) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK):
        target.write(chunk)
        digest.update(chunk)
        advance(len(chunk) / MEGABYTE)
    return digest.hexdigest()


@contextlib.contextmanager
def _damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (ZooError, OSError):
        raise
    except Exception as error:  # a crafted file may raise anything
        raise ZooError(f"{path} is damaged, or no bundle of zoo: {error}") from error


def _contents(bundle: zipfile.ZipFile, path: Path) -> dict[Asset, Files]:
    """The assets of a bundle, whose manifest agrees with its entries."""
    entries = {entry.filename: entry for entry in bundle.infolist()}
    if MANIFEST not in entries or entries[MANIFEST].file_size > LARGEST_MANIFEST:
        raise ZooError(f"{path} is no bundle of zoo: it has no manifest")
    for entry in entries.values():
        _check_entry(entry, path)
    manifest = parse_json(bundle.read(MANIFEST), f"{path}: its {MANIFEST}")
    if manifest["format"] != FORMAT:
        raise ZooError(f"{path} has the format {manifest['format']}; this zoo reads {FORMAT}")
    assets = {_asset(stated, path): stated["files"] for stated in manifest["assets"]}
    stated = {name: file["bytes"] for files in assets.values() for name, file in files.items()}
    found = {name: entry.file_size for name, entry in entries.items() if name != MANIFEST}
    folders = [asset.path.parent for asset in assets if asset.kind == "dataset"]
    if len(set(folders)) < len(folders):
        raise ZooError(f"{path} is refused: it holds two versions of a dataset")
    # Entries that share their bytes would unpack to more than the file holds.
    if (
        stated != found
        or len(bundle.infolist()) > len(entries)
        or sum(found.values()) > path.stat().st_size
    ):
        raise ZooError(f"{path} does not hold what its manifest says")
    return assets


def _check_entry(entry: zipfile.ZipInfo, path: Path) -> None:
    name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    if not all(NAME.fullmatch(part) for part in name.split("/")) or name != entry.orig_filename:
        raise ZooError(f"{path} is refused: {name!r} is no name that zoo gives")
    if kind not in (0, stat.S_IFREG) or entry.compress_type != zipfile.ZIP_STORED:
        raise ZooError(f"{path} is refused: {name} is a link, a device or compressed")


def _asset(stated: Mapping[str, Any], path: Path) -> Asset:
    """What the manifest calls a dataset or weights, if it lies where these lie."""
    place, files = str(stated["place"]), set(stated["files"])
    top, *between, last = place.split("/")
    if stated["kind"] == "weights":
        for file in known_files():
            if path_of(place) == file.path and files == {place}:
                return Asset("weights", file.name, file.layer, place, file.path)
    elif top in FOLDERS and between and VERSION.fullmatch(last):
        needed = {f"{place}/{name}" for name in (FOLDERS[top], INFO, FEATURES)}
        if needed <= files and all(name.startswith(f"{place}/") for name in files):
            return dataset_at(place)
    raise ZooError(f"{path} is refused: {place!r} is no place of a dataset or of weights")


def _check_room(path: Path, size: int) -> None:
    folder = next(place for place in (home(), *home().absolute().parents) if place.is_dir())
    if size > (free := shutil.disk_usage(folder).free):
        raise ZooError(
            f"{path} holds {size / MEGABYTE:,.0f} MB; {folder} has {free / MEGABYTE:,.0f} MB left"
        )


def _place(
    bundle: zipfile.ZipFile, asset: Asset, files: Files, stack: contextlib.ExitStack, advance: Any
) -> str:
    """Check an asset and have the stack put it in place when all the others are right too."""
    place = _place_weights if asset.kind == "weights" else _place_dataset
    return place(bundle, asset, files, stack, advance)


def _place_dataset(
    bundle: zipfile.ZipFile, asset: Asset, files: Files, stack: contextlib.ExitStack, advance: Any
) -> str:
    stack.enter_context(lock(asset.path.parent, asset.name))
    there = sorted(f.name for f in asset.path.parent.glob("[0-9]*") if VERSION.fullmatch(f.name))
    if asset.version in there:
        facts = f"{asset.place}/{FACTS}"
        same = same_dataset(asset, bundle.read(facts) if facts in files else b"")
        return "already here" if same else "left out: prepared from other archives here"
    if there:
        return f"left out: version {', '.join(there)} is here; `zoo data remove` it first"
    staging = stack.enter_context(staged(asset.path))
    for name, stated in files.items():
        _extract(bundle, name, stated, staging / name.removeprefix(f"{asset.place}/"), advance)
    _check_features(staging / FEATURES)
    return "imported"


def _place_weights(
    bundle: zipfile.ZipFile, asset: Asset, files: Files, stack: contextlib.ExitStack, advance: Any
) -> str:
    ((name, stated),) = files.items()
    if asset.path.is_file():
        same = file_hash(asset.path) == stated["sha256"]
        return "already here" if same else "left out: other weights are here"
    with cannot_write(home()):
        home().mkdir(parents=True, exist_ok=True)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=home(), prefix=".")))
    _extract(bundle, name, stated, folder / asset.path.name, advance)
    if deepest_layer(folder / asset.path.name) != asset.version:
        raise ZooError(f"{name} does not reach {asset.version}")
    stack.enter_context(_when_all_is_right(folder / asset.path.name))
    return "imported"


@contextlib.contextmanager
def _when_all_is_right(weights: Path) -> Iterator[None]:
    yield
    import_file(weights)


def _extract(
    bundle: zipfile.ZipFile, name: str, stated: Mapping[str, Any], target: Path, advance: Any
) -> None:
    with cannot_write(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with bundle.open(name) as source, target.open("xb") as file:
            digest = _copy(source, file, advance)
    if digest != stated["sha256"]:
        raise ZooError(f"{name} is damaged: its SHA-256 is {digest}, not {stated['sha256']}")


def _check_features(file: Path) -> None:
    """Refuse features of classes that TFDS does not have, for it would import their modules."""

    def check(thing: dict[str, Any]) -> None:
        if not str(thing.get("pythonClassName", "tensorflow_datasets.")).startswith(
            "tensorflow_datasets."
        ):
            raise ZooError(f"a dataset of the bundle has features of {thing['pythonClassName']}")

    json.loads(file.read_bytes(), object_hook=check)
