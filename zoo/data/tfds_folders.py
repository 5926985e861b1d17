"""Datasets that TFDS has prepared, found on disk without importing it."""

import json
import os
import re
from pathlib import Path
from typing import Any

from zoo.data.home import home
from zoo.errors import UsageError, ZooError

INFO = "dataset_info.json"
NAME = re.compile(r"(?P<name>\w+)(/(?P<config>[\w.+=-]+))?(:(?P<version>\d+\.\d+\.\d+))?")
VERSION = re.compile(r"\d+\.\d+\.\d+")


def places() -> tuple[Path, ...]:
    """Where prepared datasets are looked for: zoo's own folder, then that of TFDS."""
    stated = os.environ.get("TFDS_DATA_DIR")
    theirs = Path(stated).expanduser() if stated else Path.home() / "tensorflow_datasets"
    return home() / "tfds", theirs


def find_prepared(name: str) -> Path | None:
    """The version folder of a dataset that TFDS has prepared, or `None`.

    Args:
        name: As TFDS writes it, `NAME`, `NAME/CONFIG` or `NAME/CONFIG:VERSION`; the newest
            version if none is stated.

    Raises:
        zoo.errors.UsageError: If it is no such name, or several configs are prepared and none is
            stated.
    """
    dataset, config, version = parsed(name)
    for place in places():
        folder = place / dataset / config
        configs = [] if config else [path for path in _folders(folder) if _versions(path)]
        found = _versions(folder)
        if not found and len(configs) > 1:
            shown = ", ".join(f"tfds:{dataset}/{path.name}" for path in configs)
            raise UsageError(
                f"tfds:{name} is prepared in {len(configs)} configs; name one: {shown}"
            )
        if not found and configs:
            found = _versions(configs[0])
        if wanted := [path for path in found if not version or path.name == version]:
            return wanted[-1]
    return None


def parsed(name: str) -> tuple[str, str, str]:
    """Dataset, config and version of a name; what it does not state is empty."""
    match = NAME.fullmatch(name)
    if match is None:
        raise UsageError(f"tfds:{name} is no name of TFDS; write tfds:NAME/CONFIG:VERSION")
    return match["name"], match["config"] or "", match["version"] or ""


def described(folder: Path) -> dict[str, Any]:
    """What TFDS wrote down of a prepared dataset, read without importing TFDS.

    Returns:
        `licence`, `homepage`, `citation`, `tfds` (name, config, version, file format) and
        `official_splits` (images in each).

    Raises:
        zoo.errors.ZooError: If the file is missing or damaged.
    """
    try:
        info = json.loads((folder / INFO).read_text(encoding="utf-8"))
        splits = {
            split["name"]: sum(map(int, split["shardLengths"])) for split in info.get("splits", ())
        }
        stated = {"name": info["name"], "version": info["version"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ZooError(f"{folder / INFO} is damaged ({error}): prepare it again") from error
    stated |= {"config": info.get("configName", ""), "file_format": info.get("fileFormat", "")}
    licence = info.get("redistributionInfo", {}).get("license", "").strip()
    facts = {
        "licence": licence or "not stated by TFDS",
        "homepage": next(iter(info.get("location", {}).get("urls", ())), ""),
        "citation": " ".join(info.get("citation", "").split()),
        "tfds": {key: value for key, value in stated.items() if value},
        "official_splits": splits,
    }
    return {key: value for key, value in facts.items() if value}


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[!.]*") if path.is_dir())


def _versions(folder: Path) -> list[Path]:
    found = [path for path in _folders(folder) if VERSION.fullmatch(path.name)]
    complete = (path for path in found if (path / INFO).is_file())
    return sorted(complete, key=lambda path: [int(part) for part in path.name.split(".")])
