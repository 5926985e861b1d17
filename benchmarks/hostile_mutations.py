"""Ways to make a valid file hostile: damage, bombs, names that climb out, code that would run.

Whatever would run writes the file `marker`; whatever climbs out is called `ESCAPED`.
"""

import base64
import io
import json
import marshal
import pickle
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_formats import fuzzed

ESCAPED = "escaped-from-hostile"
SCRIPT = "<script>alert(1)</script>"
BIG = "1" + "0" * 5000
DEEP = 60_000
NASTY: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 1e308, float("nan"), float("inf"), [], {}, "", [[]], "x" * 70_000),
    *(SCRIPT, f"\"'>{SCRIPT}", "line\nbreak\x00\x1b[31m\u202e", "=cmd|' /C calc'!A0", "\ud800"),
    *(f"../../../../{ESCAPED}", f"/tmp/{ESCAPED}", "javascript:alert(1)", "con", "é" * 300),
    {"class_name": "Lambda", "module": "os", "config": {"function": "system"}},
)
CLIMBING = (
    f"../{ESCAPED}",
    f"../../../../../../{ESCAPED}",
    f"/tmp/{ESCAPED}",
    f"..\\..\\{ESCAPED}",
    f"C:\\{ESCAPED}",
    f"a/../../../{ESCAPED}",
    f"samples/../../{ESCAPED}.png",
    "name\nwith\x1b[31mcontrol",
    f"{SCRIPT}.png",
    "con.png",
    "x" * 300 + ".png",
)

Rng = np.random.Generator
Json = Any


class Payload:
    """Pickles to a call that writes the marker."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.marker), "w")


def pick(rng: Rng, choices: Any) -> Any:
    """One of a sequence, of whatever types."""
    return choices[int(rng.integers(len(choices)))]


def damaged(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """Bits flipped, bytes overwritten, cut off, doubled, empty or nothing but zeros."""
    kind = int(rng.integers(8))
    if kind < 5:
        return "damaged", fuzzed(content, rng)
    other = (("empty", b""), ("zeros", b"\0" * len(content)), ("doubled", content * 2))
    return other[kind - 5]


# JSON and YAML


def json_value(value: Json, rng: Rng) -> tuple[str, Json]:
    """The value with one of its parts replaced by something nasty, deleted or added."""
    parts = list(_places(value))
    holder, key = pick(rng, parts) if parts else (None, None)
    nasty = pick(rng, NASTY)
    kind = int(rng.integers(6))
    if holder is None or kind == 0:
        return "replaced", nasty
    if kind == 1:
        del holder[key]
        return f"without {key}", value
    if kind == 2 and isinstance(holder, dict):
        holder[pick(rng, [n for n in NASTY if isinstance(n, str)])] = nasty
        return "additional key", value
    holder[key] = nasty
    return f"{key} = {str(nasty)[:30]!r}", value


def _places(value: Json) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def json_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """A JSON document that is nasty in its values or in its text."""
    kind = int(rng.integers(10))
    if kind < 6:
        name, value = json_value(json.loads(content), rng)
        return name, json.dumps(value).encode()
    texts = {
        6: ("deep", b"[" * DEEP + b"]" * DEEP),
        7: ("deep objects", b'{"a":' * DEEP + b"1" + b"}" * DEEP),
        8: ("no UTF-8", content.replace(b'"', b'"\xff', 2)),
        9: ("big number", content.replace(b": 1", f": {BIG}".encode(), 1)),
    }
    return texts[kind]


def json_lines(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """One line of several made nasty."""
    lines = content.splitlines() or [b"{}"]
    at = int(rng.integers(len(lines)))
    name, lines[at] = json_file(lines[at] or b"{}", rng, marker)
    return name, b"\n".join(lines) + b"\n"


def yaml_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """A YAML document with a nasty value, a tag that names code, or references that multiply."""
    import yaml

    kind = int(rng.integers(14))
    if kind < 6:
        name, value = json_value(yaml.safe_load(content), rng)
        return name, _dumped(value)
    call = f"!!python/object/apply:builtins.open [{marker}, w]"
    layers = "\n".join(f"  - &b{i} [{', '.join([f'*b{i - 1}'] * 9)}]" for i in range(1, 12))
    bomb = f"bomb:\n  - &b0 [x, x, x, x, x, x, x, x, x]\n{layers}\n"
    key = pick(rng, [line.partition(b":")[0] for line in content.splitlines() if b":" in line])
    texts: dict[int, tuple[str, bytes]] = {
        6: ("tag that names code", content + f"\nx: {call}\n".encode()),
        7: ("tag as a value", content + b"\n" + key + b": " + call.encode() + b"\n"),
        8: ("references that multiply", bomb.encode() + content),
        9: ("references that multiply, used", bomb.encode() + content + b"\n" + key + b": *b11\n"),
        10: ("reference to itself", content + b"\n" + key + b": &a [*a]\n"),
        11: ("deep", b"a: " + b"[" * 20_000 + b"]" * 20_000),
        12: ("impossible date", content + b"\n" + key + b": 2001-99-99\n"),
        13: ("no UTF-8", content + b"\n\xff\xfe: 1\n"),
    }
    return texts[kind]


def _dumped(value: Json) -> bytes:
    import yaml

    return yaml.safe_dump(value, sort_keys=False).encode("utf-8", "surrogatepass")


# Archives


def zip_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """A zip with an entry that climbs out, is a link or a bomb, is there twice, or lies."""
    kind = int(rng.integers(12))
    if kind == 0:
        return damaged(content, rng, marker)
    entries = unzipped(content)
    name = pick(rng, list(entries))
    if kind in (1, 2):
        entries[climbing := pick(rng, CLIMBING)] = entries.pop(name) if kind == 1 else b"x"
        return f"entry {climbing[:30]!r}", zipped(entries)
    if kind == 3:
        return "link", _with_link(entries, name)
    if kind == 4:
        return "bomb", zipped({**entries, name: b"\0" * 2**28}, zipfile.ZIP_DEFLATED)
    if kind == 5:
        return "nested", zipped({**entries, "inner.zip": zipped({name: b"\0" * 2**24}), name: b""})
    if kind == 6:
        return "twice", _twice(entries, name)
    if kind == 7:
        return "without an entry", zipped({n: c for n, c in entries.items() if n != name})
    if kind == 8:
        return "compressed strangely", zipped(entries, pick(rng, (zipfile.ZIP_LZMA, 12, 8)))
    if kind == 9:
        payload = pickle.dumps(Payload(marker))
        return "pickle in the place of an entry", zipped({**entries, name: payload})
    return _lying(content, rng)


def unzipped(content: bytes) -> dict[str, bytes]:
    """Name to content of the entries of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(entries: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of entries."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=compression)
    return held.getvalue()


def _with_link(entries: Mapping[str, bytes], name: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for entry, content in entries.items():
            info = zipfile.ZipInfo(entry)
            if entry == name:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                content = b"../../../../etc/passwd"
            archive.writestr(info, content)
    return held.getvalue()


def _twice(entries: Mapping[str, bytes], name: str) -> bytes:
    import warnings

    held = io.BytesIO(zipped(entries))
    with warnings.catch_warnings(), zipfile.ZipFile(held, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(zipfile.ZipInfo(name), b"other")
    return held.getvalue()


def _lying(content: bytes, rng: Rng) -> tuple[str, bytes]:
    """A directory whose sizes, flags or compression are not those of the entries."""
    data = bytearray(content)
    at = data.rfind(b"PK\x01\x02")
    field, width = pick(rng, ((24, 4), (20, 4), (8, 2), (10, 2), (42, 4), (28, 2)))
    value = int(pick(rng, (0, 1, 2**31 - 1, 2**16 - 1)))
    data[at + field : at + field + width] = value.to_bytes(4, "little")[:width]
    return f"lies about itself at {field}", bytes(data)


# Arrays


def npz_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """Arrays with a pickle, an enormous shape or a strange header, or as `zip_file` makes them."""
    kind = int(rng.integers(9))
    if kind > 5:
        return zip_file(content, rng, marker)
    entries = unzipped(content)
    entry = pick(rng, list(entries))
    name, entries[entry] = npy_file(entries[entry], rng, marker)
    compression = zipfile.ZIP_DEFLATED if kind == 0 else zipfile.ZIP_STORED
    return name, zipped(entries, compression)


def npy_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """One array made hostile."""
    makers: list[Callable[[], tuple[str, bytes]]] = [
        lambda: ("pickled object", _saved(np.array([Payload(marker)], dtype=object))),
        lambda: ("enormous shape", headed("{'descr': '<f8', 'fortran_order': False, "
                                          f"'shape': ({2**40},), }}")),
        lambda: ("zeros that unpack", _saved(np.zeros(2**27, np.uint8))),
        lambda: ("header without end", headed("{'descr': ('<f8'")),
        lambda: ("deep header", headed("(" * 3000 + ")" * 3000)),
        lambda: ("header that calls", headed(f"open({str(marker)!r}, 'w')")),
        lambda: ("not finite", _saved(np.full(4, np.nan, np.float32))),
        lambda: ("text", _saved(np.array(["a", SCRIPT]))),
        lambda: ("negative shape", headed("{'descr': '<f4', 'fortran_order': False, "
                                          "'shape': (-1, 5), }")),
        lambda: damaged(content, rng, marker),
    ]  # fmt: skip
    return pick(rng, makers)()  # type: ignore[no-any-return]


def _saved(array: np.ndarray[Any, Any]) -> bytes:
    held = io.BytesIO()
    np.save(held, array, allow_pickle=True)
    return held.getvalue()


def headed(header: str) -> bytes:
    """An array file with that header and four bytes."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 4


# Networks, and what PyTorch writes


def keras_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """A network with a layer that runs code or is of a strange module, or configured strangely."""
    kind = int(rng.integers(9))
    if kind > 6:
        return zip_file(content, rng, marker)
    entries = unzipped(content)
    held = json.loads(entries["config.json"])
    layers = held["config"]["layers"]
    layer = pick(rng, layers)
    if kind < 2:
        layer |= {"class_name": "Lambda", "module": "keras.layers", "config": _function(marker)}
    elif kind == 2:
        layer |= {"class_name": "system", "module": "os", "registered_name": SCRIPT}
    elif kind == 3:
        layer["class_name"] = pick(rng, ("TFSMLayer", "TorchModuleWrapper", f"{SCRIPT}\n\0"))
    elif kind == 4:
        layer["config"]["activation"] = _function(marker)["function"]
    text = json.dumps(held).encode()
    if kind > 4:
        name, text = json_file(text, rng, marker)
        return f"configuration: {name}", zipped({**entries, "config.json": text})
    return f"layer {layer['class_name'][:30]!r}", zipped({**entries, "config.json": text})


def _function(marker: Path) -> Any:
    code = compile(f"open({str(marker)!r}, 'w')", "layer", "eval")
    packed = base64.b64encode(marshal.dumps(code)).decode()
    value = {"code": packed, "defaults": None, "closure": None}
    function = {"class_name": "__lambda__", "module": "builtins", "config": value}
    return {"name": "x", "function": function, "arguments": {}}


def torch_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """What `torch.save` could have written, were it hostile; the given content is not looked at."""
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ"
    )
    huge = pickle.dumps(2**40, 2)[2:-1]
    tensor = rebuild + b"(" + storage + b"K\x00(" + huge + b"t(K\x00t\x89}tR"
    states = {
        "call": pickle.dumps({"fc.weight": Payload(marker)}, 2),
        "enormous tensor": b"\x80\x02}X\x01\x00\x00\x00a" + tensor + b"s.",
        "enormous memo": b"\x80\x02}r\xff\xff\xff\x7f.",
        "enormous text": b"\x80\x04\x8d" + (2**40).to_bytes(8, "little") + b".",
        "deep": b"\x80\x02" + b"]" * DEEP + b"a" * (DEEP - 1) + b".",
        "no dictionary": pickle.dumps([1, 2], 2),
        "attribute of a class": b"\x80\x02" + rebuild + b"(N}X\x04\x00\x00\x00readK\x01stb.",
    }  # fmt: skip
    name = pick(rng, list(states))
    if rng.integers(3) == 0:
        return f"stream: {name}", states[name]
    data = zipped({"archive/data.pkl": states[name], "archive/data/0": b"\0" * 4})
    return (name, data) if rng.integers(4) else zip_file(data, rng, marker)


# Tables


def csv_file(content: bytes, rng: Rng, marker: Path) -> tuple[str, bytes]:
    """A table with formulas, scripts, control characters, a huge cell, or in a strange encoding."""
    rows = content.decode().splitlines()
    nasty = pick(rng, [n for n in NASTY if isinstance(n, str) and n.isascii()])
    made: list[tuple[str, bytes]] = [
        ("formula", f"{rows[0]}\n=cmd|' /C calc'!A0,=1+1,@SUM(1)\n".encode()),
        ("nasty cell", "\n".join([*rows, f'"{nasty}","{nasty}","{nasty}"']).encode()),
        ("nasty header", f"path,{nasty},group\n{rows[1]}\n".encode()),
        ("huge cell", f"{rows[0]}\n{'x' * 200_000},a,b\n".encode()),
        ("open quote", content + b'"never,closed\n' * 5),
        ("null characters", content.replace(b",", b"\0,")),
        ("UTF-16 cut off", content.decode().encode("utf-16")[:-1]),
        ("not UTF-8", content + b"\xff\xfe\x81\x8d,a,b\n"),
        ("separator", b"sep=\n" + content),
        ("strange separator", b'sep="\n' + content),
        ("climbing", f"{rows[0]}\n../../../{ESCAPED},a,b\n/etc/passwd,a,b\n".encode()),
        ("carriage returns", content.replace(b"\n", b"\r") + b"a\rb"),
    ]
    return damaged(content, rng, marker) if rng.integers(4) == 0 else pick(rng, made)
