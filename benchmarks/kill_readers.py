"""What a file says, by its kind and apart from times; one that is damaged raises an error."""

import csv
import hashlib
import html.parser
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

# What a moment, a duration or the machine's load decides.
OF_TIME = {
    *("started", "ended", "timings", "sessions", "seconds", "images_per_second", "elapsed", "at"),
    *("peak_memory_mb", "prepared", "date_saved", "attempts", "pid", "created", "updated"),
    *("training_seconds", "written", "began"),
    *("minutes", "time", "load", "cpu_seconds", "shared_object_id", "__id__"),
}
MOMENT = re.compile(
    r"\d{1,2} \w+ 20\d\d, \d\d:\d\d UTC|"
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z| UTC)?)?"
)
TIMINGS = re.compile(r'"timings-caption".*?\\end\{table\}', re.DOTALL)


def of_json(path: Path) -> Any:
    """A file of JSON without times."""
    return timeless(json.loads(path.read_text(encoding="utf-8")))


def of_names(path: Path) -> list[str]:
    """The names alone in a mapping of JSON."""
    return sorted(json.loads(path.read_text(encoding="utf-8")))


def _yaml(path: Path) -> Any:
    return timeless(yaml.safe_load(path.read_text(encoding="utf-8")))


def rows(path: Path) -> list[str]:
    """The lines of a log of JSON, each step once, without times and what a kill cut short."""
    found: dict[Any, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found[row.get("step", f"line {number}")] = repr(timeless(row))
    return list(found.values())


def timeless(value: Any) -> Any:
    """A value of JSON without what `OF_TIME` names, and with a word for each moment."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in sorted(value.items()) if k not in OF_TIME}
    if isinstance(value, list):
        return [timeless(each) for each in value]
    return MOMENT.sub("MOMENT", value) if isinstance(value, str) else value


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as held:
        return {name: _array(name, held[name]) for name in held.files}


def _array(name: str, array: Any) -> Any:
    if name == "facts":
        return timeless(json.loads(array.tobytes()))
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


def _skops(path: Path) -> tuple[Any, list[str]]:
    """What scikit-learn fitted: its arrays, and its schema without their addresses in memory."""
    with zipfile.ZipFile(path) as archive:
        text = re.sub(r'"\d+\.npy"', '""', archive.read("schema.json").decode())
        schema = timeless(json.loads(text))
        arrays = [name for name in archive.namelist() if name.endswith(".npy")]
        held = [np.load(io.BytesIO(archive.read(name))) for name in arrays]
    return schema, sorted(repr(_array("", each)) for each in held)


def _entry(name: str, content: bytes) -> Any:
    if name.endswith(".h5"):
        return _weights(io.BytesIO(content))
    if name.endswith(".json"):
        return timeless(json.loads(content))
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
    return without_times(text)


def _text(path: Path) -> str:
    return without_times(path.read_text(encoding="utf-8"))


def without_times(text: str) -> str:
    """Text without moments and durations."""
    text = MOMENT.sub("MOMENT", TIMINGS.sub("", text))
    text = re.sub(r"((Real images a second|seconds\.[\w-]+)</dt><dd>)[\d.,]+", r"\1", text)
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
    **{".json": of_json, ".jsonl": rows, ".yaml": _yaml, ".npz": _arrays, ".npy": _npy},
    **dict.fromkeys((".png", ".webp", ".jpg"), _picture),
    **{".tif": _tiff, ".h5": _weights, ".keras": _zip, ".zip": _zip, ".skops": _skops},
    ".onnx": _onnx,
    **{".html": _page, ".csv": _table, ".svg": _svg, ".pdf": _pdf},
    **dict.fromkeys((".md", ".bib", ".tex", ".py", ".toml", ".txt"), _text),
}
