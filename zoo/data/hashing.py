"""The hash by which a file is known."""

import hashlib
from pathlib import Path

from zoo.errors import ZooError


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal hash of a file's content.

    Raises:
        zoo.errors.ZooError: If it is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest()
    except FileNotFoundError:
        raise ZooError(f"no file {path}") from None
    except OSError as error:
        raise ZooError(f"{path} cannot be read: {error.strerror}") from error
