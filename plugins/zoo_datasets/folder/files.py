"""Image files under a folder as examples."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.data.decode import LOSSY, decode, encoding
from zoo.data.examples import Rejected
from zoo.errors import UsageError

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")
CLEARLY_NO_IMAGE = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".html", ".pdf"),
    *(".bib", ".log", ".py", ".ipynb", ".xlsx", ".xls", ".doc", ".docx", ".ini", ".cfg", ".roi"),
)


class Folder:
    """Images under a folder, hidden files left out.

    A file's class is the first folder on its way; with no folder anywhere there is no class. Each
    file is its own group, because a file name says nothing that could be relied on.

    Args:
        path: The folder.

    Raises:
        zoo.errors.UsageError: If it is missing, or holds no image file.
    """

    def __init__(self, path: str) -> None:
        self.root = Path(path).expanduser()
        if not path:
            raise UsageError("folder: needs a path, as in folder:PATH")
        if not self.root.is_dir():
            raise UsageError(f"folder:{path}: no such folder")
        self.files = sorted(self._found())
        if not any(file.suffix.lower() in IMAGES for file in self.files):
            raise UsageError(f"folder:{path} holds no images; these are read: {', '.join(IMAGES)}")
        self.classes = any(len(file.relative_to(self.root).parts) > 1 for file in self.files)

    @property
    def content_key(self) -> str:
        """Hash of each file's name, size and time of change."""
        digest = hashlib.sha256(os.fsencode(self.root.resolve()))
        for file in self.files:
            state = file.stat() if file.is_file() else None
            digest.update(os.fsencode(file) + b"\0")
            digest.update(f"{state and (state.st_size, state.st_mtime_ns)}\n".encode())
        return digest.hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """How many files have each encoding, and how many a lossy one."""
        images = (file for file in self.files if file.suffix.lower() in IMAGES and file.is_file())
        formats = Counter(filter(None, map(encoding, images)))
        lossy = sum(n for name, n in formats.items() if name.endswith(LOSSY))
        return {"formats": dict(formats.most_common()), "lossy_files": lossy}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for file in self.files:
            name = _name(file.relative_to(self.root))
            try:
                image, note = self._read(file)
            except Rejected as reason:
                yield {"id": name, "rejected": str(reason)}
                continue
            label = {"label": name.partition("/")[0] if "/" in name else "."}
            yield {
                "id": name,
                "image": image,
                "note": note,
                **(label if self.classes else {}),
            }

    def _read(self, file: Path) -> tuple[Any, str]:
        if file.suffix.lower() not in IMAGES:
            raise Rejected(f"not of a kind that is read: {', '.join(IMAGES)}")
        if not file.is_file():
            raise Rejected("no regular file, or a broken link")
        try:
            return decode(file)
        except OSError as error:
            raise Rejected(f"cannot be read: {error.strerror}") from None

    def _found(self) -> Iterator[Path]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                ignored = name.startswith(".") or name.lower().endswith(CLEARLY_NO_IMAGE)
                if not ignored and name.lower() not in ("thumbs.db", "desktop.ini"):
                    yield Path(folder, name)


def _name(path: Path) -> str:
    """A path as text that can be written anywhere, whatever bytes the file system holds."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
