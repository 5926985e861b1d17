"""The run folder: layout, manifest, atomic writes, lock."""

from zoo.runs.files import append_json, held, write_bytes, write_json, write_text, write_yaml
from zoo.runs.folder import Run

__all__ = [
    "Run",
    "append_json",
    "held",
    "write_bytes",
    "write_json",
    "write_text",
    "write_yaml",
]
