"""The hash by which a file is known."""

import hashlib
from pathlib import Path

from zoo.errors import ZooError
from zoo.progress import progress

CHUNK = 2**22
MEGABYTE = 1e6


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal hash of a file's content, with progress.

    Raises:
        zoo.errors.ZooError: If it is missing or unreadable.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size / MEGABYTE
            with progress(f"Checking {path.name}", size, "MB") as advance:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    advance(len(chunk) / MEGABYTE)
    except FileNotFoundError:
        raise ZooError(f"no file {path}") from None
    except OSError as error:
        raise ZooError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
