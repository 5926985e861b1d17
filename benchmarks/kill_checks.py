"""Whether a folder holds whole files only, and whether two folders hold the same results."""

import csv
import hashlib
import html.parser
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

# Logs only grow, and tell what was done when.
# The last two are not of the command: Keras' settings, and how long each stage took.
LOGS = re.compile(
    r"(^|/)(run\.log|tensorboard/.*|cells/\d+\.log|keras/keras\.json|tables/timings\.\w+)$"
)
GROWING = re.compile(r"\.(jsonl|log)$|(^|/)tensorboard/")
# What a moment, a duration or the machine's load decides.
OF_TIME = {
    *("started", "ended", "timings", "sessions", "seconds", "images_per_second", "elapsed", "at"),
    *("peak_memory_mb", "prepared", "date_saved", "attempts", "pid", "created", "updated"),
    *("minutes", "time", "load", "cpu_seconds", "shared_object_id"),
}
MOMENT = re.compile(
    r"\d{1,2} \w+ 20\d\d, \d\d:\d\d UTC|"
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z| UTC)?)?"
)
KEY = re.compile(r"(?<=crops/folder-pictures-)[0-9a-f]{16}")  # of the place where they lie
TIMINGS = re.compile(r'"timings-caption".*?\\end\{table\}', re.DOTALL)


def files(folder: Path) -> dict[str, Path]:
    """All files under their final names, by their path in a folder: none that is hidden."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: path for name, path in sorted(found.items()) if _shown(name) and path.is_file()}


def hidden(folder: Path) -> list[str]:
    """Hidden files but locks: what an unfinished command may leave."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not _shown(name) and not name.endswith(".lock"))


def _shown(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def damaged(found: Mapping[str, Path]) -> list[str]:
    """Files that cannot be read as what their names say, each with the reason."""
    lines = []
    for name, path in found.items():
        try:
            if (read := READERS.get(path.suffix)) and not LOGS.search(name):
                read(path)
        except Exception as error:
            lines.append(f"{name}: {type(error).__name__}: {error}"[:200])
    return lines


def same(one: Path, other: Path, words: Mapping[str, str] | None = None) -> bool:
    """Whether two files say the same apart from times.

    Args:
        one: A file.
        other: A file of the same kind.
        words: What is called otherwise in `one`, such as a run with another number.
    """
    if one.read_bytes() == other.read_bytes():
        return True
    try:
        return _repr(one, words or {}) == _repr(other, {})
    except Exception:
        return False


def same_text(one: str, other: str, words: Mapping[str, str]) -> bool:
    """Whether two outputs say the same apart from times, JSON or not."""
    one = _replaced(one, words)
    try:
        return bool(_timeless(json.loads(one)) == _timeless(json.loads(other)))
    except ValueError:
        return _words(one) == _words(other)


def _repr(path: Path, words: Mapping[str, str]) -> str:
    read = READERS.get(path.suffix, _text)
    held = read(path) if path.suffix in COMPARED else digest(path)
    return _replaced(repr(held), words)


def _json(path: Path) -> Any:
    return _timeless(json.loads(path.read_text(encoding="utf-8")))


def _yaml(path: Path) -> Any:
    return _timeless(yaml.safe_load(path.read_text(encoding="utf-8")))


def rows(path: Path) -> list[str]:
    """The lines of a log of JSON, each step once, without times and what a kill cut short."""
    found: dict[Any, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found[row.get("step", f"line {number}")] = repr(_timeless(row))
    return list(found.values())


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in sorted(value.items()) if k not in OF_TIME}
    if isinstance(value, list):
        return [_timeless(each) for each in value]
    return MOMENT.sub("MOMENT", value) if isinstance(value, str) else value


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as held:
        return {name: _array(name, held[name]) for name in held.files}


def _array(name: str, array: Any) -> Any:
    if name == "facts":
        return _timeless(json.loads(array.tobytes()))
    return str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()


def _npy(path: Path) -> Any:
    return _array("", np.load(path, allow_pickle=False))


def _picture(path: Path) -> Any:
    with Image.open(path) as picture:
        frames = []
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            frames.append(hashlib.sha256(picture.tobytes()).hexdigest())
        return picture.mode, picture.size, frames, sorted(picture.info.items(), key=str)


def _tiff(path: Path) -> Any:
    import tifffile

    return _array("", tifffile.imread(path))


def _weights(path: Path | io.BytesIO) -> dict[str, Any]:
    import h5py

    held: dict[str, Any] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            held[name] = _array("", np.asarray(item[()]))

    with h5py.File(path) as file:
        file.visititems(take)
    return held


def _zip(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        if broken := archive.testzip():
            raise ValueError(f"{broken} is damaged")
        return {name: _entry(name, archive.read(name)) for name in sorted(archive.namelist())}


def _entry(name: str, content: bytes) -> Any:
    if name.endswith(".h5"):
        return _weights(io.BytesIO(content))
    if name.endswith(".json"):
        return _timeless(json.loads(content))
    return hashlib.sha256(content).hexdigest()


class _Page(html.parser.HTMLParser):
    """Counts what is open, so that a page that was cut is noticed."""

    ended = False

    def handle_endtag(self, tag: str) -> None:
        self.ended = self.ended or tag == "html"


def _page(path: Path) -> str:
    text, page = path.read_text(encoding="utf-8"), _Page()
    page.feed(text)
    if not page.ended:
        raise ValueError("the page has no end")
    return _words(text)


def _text(path: Path) -> str:
    return _words(path.read_text(encoding="utf-8"))


def _words(text: str) -> str:
    """Text without moments and durations."""
    text = MOMENT.sub("MOMENT", TIMINGS.sub("", text))
    text = re.sub(r"(Real images a second</dt><dd>)[\d.,]+", r"\1", text)
    return re.sub(r"\b\d[\d,.]* ?(s|ms|min|h|MB|GB|images/s|sessions?)\b", "N", text)


def _table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        text = file.read()
    table = list(csv.reader(text.splitlines()))
    if not text.endswith("\n") or len({len(row) for row in table}) > 1:
        raise ValueError("the last line has no end, or rows are of different lengths")
    return table


def _svg(path: Path) -> str:
    ElementTree.parse(path)
    return _text(path)


def _pdf(path: Path) -> str:
    content = path.read_bytes()
    if not content.startswith(b"%PDF") or b"%%EOF" not in content[-64:]:
        raise ValueError("no whole PDF")
    return re.sub(r"/CreationDate \(.*?\)", "", content.decode("latin1"))


def _onnx(path: Path) -> list[str]:
    """The weights of a network, whose nodes are named anew at each export."""
    import onnx

    model = onnx.load(path)
    onnx.checker.check_model(model)
    held = (onnx.numpy_helper.to_array(each) for each in model.graph.initializer)
    return sorted(repr(_array("", each)) for each in held)


READERS: dict[str, Callable[[Path], Any]] = {
    **{".json": _json, ".jsonl": rows, ".yaml": _yaml, ".npz": _arrays, ".npy": _npy},
    **dict.fromkeys((".png", ".webp", ".jpg"), _picture),
    **{".tif": _tiff, ".h5": _weights, ".keras": _zip, ".zip": _zip, ".skops": _zip},
    ".onnx": _onnx,
    **{".html": _page, ".csv": _table, ".svg": _svg, ".pdf": _pdf},
    **dict.fromkeys((".md", ".bib", ".tex", ".py", ".toml", ".txt"), _text),
}
COMPARED = set(READERS)


def differences(
    found: Path, expected: Path, *, words: Mapping[str, str], ignored: Iterable[str] = ()
) -> list[str]:
    """Files that are missing, are too many, or hold something else than those of another folder."""
    unheeded, lines = [re.compile(pattern) for pattern in ignored], list[str]()
    here, there = _named(found, words), _named(expected, {})
    for name in sorted({*here, *there}):
        if LOGS.search(name):
            continue
        if name not in here:
            lines.append(f"missing {name}")
        elif name not in there:
            lines.append(f"too many: {name}")
        elif any(pattern.search(name) for pattern in unheeded):
            continue
        elif not same(here[name], there[name], words):
            lines.append(f"differs {name}")
    return lines


def _named(folder: Path, words: Mapping[str, str]) -> dict[str, Path]:
    held = files(folder)
    named = {KEY.sub("KEY", _replaced(name, words)): path for name, path in held.items()}
    if len(named) < len(held):
        raise ValueError(f"{folder} holds several crops of one folder")
    return named


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for word, instead in words.items():
        text = text.replace(word, instead)
    return text


def lost(
    before: Mapping[str, Path],
    after: Mapping[str, Path],
    expected: Mapping[str, Path],
    *,
    anew: Iterable[str] = (),
) -> list[str]:
    """What was there before a kill and is gone, or is neither as it was nor as it becomes.

    Args:
        before: Files of the start.
        after: Files after the kill.
        expected: Files after the command was left alone.
        anew: Patterns of files that the command says it writes anew, which may be in between.
    """
    between, lines = [re.compile(pattern) for pattern in anew], []
    for name, path in before.items():
        if any(pattern.search(name) for pattern in between):
            continue
        if name not in after:
            lines += [f"gone: {name}"] if name in expected else []
        elif not _is_right(name, path, after[name], expected.get(name)):
            lines.append(f"changed: {name}")
    return lines


def _is_right(name: str, before: Path, after: Path, expected: Path | None) -> bool:
    if digest(before) == digest(after):
        return True
    if name.endswith("manifest.json"):  # its status and times change all the while
        return set(_json(before)) <= {*_json(after), "reason", "sampled"}
    if GROWING.search(name) and after.read_bytes().startswith(before.read_bytes()):
        return True
    if name.endswith(".jsonl") and expected:  # a resumed run drops what comes again
        return rows(expected)[: len(rows(after))] == rows(after)
    return expected is not None and same(after, expected)
