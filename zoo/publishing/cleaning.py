"""What of a run may leave the machine: no path, no name of a file, a group, a reader or a host.

The same is done to what comes from elsewhere, so that no foreign path is ever opened here.
"""

import html
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.plugins import find, registry
from zoo.settings import SETTINGS

Facts = Mapping[str, Any]

UNPUBLISHED = "unpublished"
MANIFEST = (
    *("status", "started", "ended", "step", "kimg", "seeds", "versions", "jit", "image_shape"),
    *("class_names", "class_shares", "loss", "equilibrium", "micro_batch", "parameters"),
    *("findings", "rolled_back", "dataset", "published"),
)
DATASET = ("name", "asked", "fallback_reason", "fingerprint", "licence", "homepage", "citation")
DATA = (
    *("summary", "licence", "homepage", "citation", "paper", "version", "simulated"),
    *("verified_on_official_archive", "view", "intensity", "pixel_size_um", "pixel_size_um_range"),
    *("images", "source_images", "source_sizes", "tiles_without_foreground", "splits", "split"),
    *("split_seed", "label", "curate", "groups_joined_by_duplicates", "lossy_files", "formats"),
    *("groups_torn_by_official_split", "no_held_out", "rejected_files", "fingerprint"),
)
# Keys under which measurements name a file, an image, a person or a machine.
NAMING = frozenset(
    ("id", "ids", "file", "files", "path", "folder", "pairs", "explained", "reader", "machine")
)
FOREIGN = ("FILE", "FOLDER", "DIR")
# An absolute path: of POSIX, of a home folder, of Windows or of a share; no part of an address.
PATHS = re.compile(
    r"file:/+\S+"
    r"|(?<![\w:/.<)\]}*~-])(?:~[\w.-]*)?/(?:[^\s/\"'`,;:()<>|]+/)*[^\s/\"'`,;:()<>|]+/?"
    r"|(?<!\w)[A-Za-z]:[\\/][^\s\"'`,;()<>|]+"
    r"|\\\\[^\s\"'`,;()<>|]+"
)
REST = r"[^\s\"'`,;:()<>|]*"
SCHEMES = re.compile(r"(?<![\w:/.])([\w-]+):(?!//)" + r"[^\s\"'`,;()<>|]+")
WORDS = re.compile(r"\w[\w./-]{2,}\w")
LEFT_OUT = "(left out)"


class Cleaner:
    """Takes out of texts and values what only the user's machine knows.

    Args:
        replaced: Text to what stands for it; longer ones are looked for first.
        names: Of files or groups; taken out where they are a whole text or, of at least four
            characters, a word in one.
    """

    def __init__(self, replaced: Mapping[str, str], names: Iterable[str] = ()) -> None:
        known = {text: other for text, other in replaced.items() if len(text) > 2}
        escaped = {html.escape(text, quote=False): other for text, other in known.items()}
        pairs = {**escaped, **known}.items()
        self.replaced = sorted(pairs, key=lambda pair: -len(pair[0]))
        self.names = frozenset(names)

    def text(self, text: str) -> str:
        """The text without paths and names."""
        for known, other in self.replaced:
            if other == LEFT_OUT and known in text:
                text = re.sub(re.escape(known) + REST, LEFT_OUT, text)
            text = text.replace(known, other)
        return WORDS.sub(self._word, PATHS.sub(LEFT_OUT, SCHEMES.sub(_without_path, text)))

    def value(self, value: Any) -> Any:
        """A value of JSON without paths, without names, and without what is apart by group."""
        if isinstance(value, str):
            return LEFT_OUT if value in self.names else self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): self.value(inner)
                for key, inner in value.items()
                if not _names(key, inner) and key not in self.names
            }
        if isinstance(value, (list, tuple)):
            return [self.value(inner) for inner in value if not _is_of_a_group(inner)]
        return value

    def _word(self, found: re.Match[str]) -> str:
        return LEFT_OUT if found[0] in self.names else found[0]


def _without_path(found: re.Match[str]) -> str:
    """Another dataset's name without its path."""
    name = found[1]
    return f"{name}:{UNPUBLISHED}" if name in _path_schemes() else found[0]


def _path_schemes() -> frozenset[str]:
    entries = registry().usable("datasets")
    return frozenset(entry.name for entry in entries if entry.record.scheme == "path")


def _names(key: str, value: Any) -> bool:
    """Whether a key's value names something; a number of pairs of a protocol does not."""
    return key in NAMING and not (key == "pairs" and isinstance(value, int))


def _is_of_a_group(value: Any) -> bool:
    return isinstance(value, Mapping) and "[group=" in str(value.get("name", ""))


def public_name(data: str) -> str:
    """A dataset's name without its path: `folder:/a/b` is `folder:unpublished`."""
    before, colon, argument = data.partition(":")
    try:
        record = find("datasets", data)
    except ZooError:
        looks = colon and (os.sep in argument or "\\" in argument)
        return f"{before}:{UNPUBLISHED}" if looks else data
    if record.scheme != "path":
        return data
    return f"{data.partition(f'{record.name}:')[0]}{record.name}:{UNPUBLISHED}"


def is_private(data: str) -> bool:
    """Whether a dataset is read from a path of the user's."""
    return public_name(data) != data or data.endswith(f":{UNPUBLISHED}")


def cleaner_of(recipe: Facts, manifest: Facts, data: Facts, *, name: str, folder: Path) -> Cleaner:
    """What takes the secrets of one run out of its texts.

    Args:
        recipe: What `recipe.yaml` holds.
        manifest: What `manifest.json` holds; names of classes stay.
        data: What `data.json` holds.
        name: What the run is called when it is published.
        folder: The run.
    """
    dataset, settings = str(recipe.get("data", "")), recipe.get("settings") or {}
    paths = [str(settings[key]) for key in foreign_settings() if settings.get(key)]
    public = public_name(dataset)
    places = [str(folder.resolve()), str(Path.home()), str(Path.cwd()), *paths]
    replaced = dict.fromkeys((place for place in places if os.sep in place), LEFT_OUT)
    replaced |= {folder.resolve().name: name}
    if device := str(manifest.get("device") or ""):
        replaced |= {f", on {device}": "", device: LEFT_OUT}  # as the methods paragraph has it
    if public != dataset:
        path = dataset[len(public) - len(UNPUBLISHED) :]
        replaced |= {dataset: public, **({path: UNPUBLISHED} if os.sep in path else {})}
    classes = set(map(str, manifest.get("class_names") or ()))
    return Cleaner(replaced, set(map(str, data.get("part_of_group") or {})) - classes)


def foreign_settings() -> list[str]:
    """The settings that are paths on the user's machine."""
    return [name for name, setting in SETTINGS.items() if setting.metavar in FOREIGN]


def clean_recipe(recipe: Facts, cleaner: Cleaner) -> dict[str, Any]:
    """A recipe whose paths are back at their defaults, with their origin saying so."""
    settings, origins = dict(recipe.get("settings") or {}), dict(recipe.get("origins") or {})
    for name in foreign_settings():
        if name in settings and settings[name] != SETTINGS[name].default:
            settings[name], origins[name] = SETTINGS[name].default, UNPUBLISHED
    cleaned: dict[str, Any] = cleaner.value({**recipe, "settings": settings, "origins": origins})
    return {**cleaned, "data": public_name(str(recipe.get("data", "")))}


def clean_manifest(manifest: Facts, cleaner: Cleaner) -> dict[str, Any]:
    """What of a manifest says how the generator was made, and nothing of the machine."""
    kept = {key: manifest[key] for key in MANIFEST if key in manifest}
    cleaned: dict[str, Any] = cleaner.value({k: v for k, v in kept.items() if k != "dataset"})
    dataset = manifest.get("dataset") or {}
    named = {key: public_name(str(dataset[key])) for key in ("name", "asked") if dataset.get(key)}
    stated = cleaner.value({key: dataset.get(key) for key in DATASET})
    return {**cleaned, "dataset": {**stated, **named}}


def clean_data(data: Facts, fingerprint: Any, cleaner: Cleaner) -> dict[str, Any]:
    """Counts, splits and how images are read; no name of a file or of a group."""
    rejected = data.get("rejected")
    known = {**data, "fingerprint": fingerprint}
    known |= {} if rejected is None else {"rejected_files": len(rejected)}
    cleaned: dict[str, Any] = cleaner.value({key: known[key] for key in DATA if key in known})
    return cleaned
