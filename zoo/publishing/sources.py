"""Where a publication is taken from: a folder, an archive of it, or an address."""

import contextlib
import hashlib
import io
import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from zoo.data.archive import check_entry, open_zip
from zoo.data.download import download
from zoo.data.hashing import file_hash
from zoo.data.home import home
from zoo.data.locking import cannot_write, lock, slug
from zoo.errors import UsageError, ZooError
from zoo.progress import progress
from zoo.publishing.sums import LARGEST, LONGEST, SUMS, Files, read_sums

HUB = "https://huggingface.co/"
HERE = ("localhost", "127.0.0.1", "::1")
WORD = r"[A-Za-z0-9_][\w.-]*"
REPOSITORY = re.compile(
    rf"(?P<name>{WORD}/{WORD}?)(?:(?:@|/tree/|/resolve/)(?P<revision>{WORD}))?/?"
)
ARCHIVES = (".zip", ".tar")
UNSEEN = (".git", ".cache")  # of git and of Hugging Face's client; never read
CHUNK = 2**20
MEGABYTE = 1e6
POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Held:
    """One file of a source: its size, and how it is opened."""

    size: int
    open: Callable[[], IO[bytes]]


@contextlib.contextmanager
def delivered(source: str) -> Iterator[tuple[Path, Files]]:
    """A folder of one's own with the checked files of a publication; it vanishes afterwards.

    What arrived of a download that broke off is kept and continued the next time.

    Args:
        source: A folder, a `.zip` or `.tar` of it, `https://…`, or `hf:owner/name`.

    Raises:
        zoo.errors.UsageError: If it is none of these.
        zoo.errors.ZooError: If a file is missing, additional, or not the one that is stated.
    """
    if address := address_of(source):
        with _downloaded(address) as found:
            yield found
        return
    path = Path(source)
    if not path.exists():
        raise UsageError(f"no folder or archive {source}; addresses begin with https:// or hf:")
    with _workshop() as place, _opened(path) as held:
        yield place, _copied(held, place, source)


def address_of(source: str) -> str | None:
    """The address that files are below or, of an archive, that it is at; none of a path.

    Raises:
        zoo.errors.UsageError: If it is an address that zoo does not go to.
    """
    if source.startswith("hf:") or source.startswith(HUB):
        wanted = source.removeprefix("hf:").removeprefix(HUB)
        if match := REPOSITORY.fullmatch(wanted):
            return f"{HUB}{match['name']}/resolve/{match['revision'] or 'main'}/"
        raise UsageError(f"{source} names no repository: hf:OWNER/NAME or hf:OWNER/NAME@REVISION")
    if "://" not in source:
        return None
    parts = urlsplit(source)
    if parts.scheme != "https" and (parts.scheme, parts.hostname in HERE) != ("http", True):
        raise UsageError(f"{source} is no https address")
    if parts.query or parts.fragment or parts.username or not parts.hostname:
        raise UsageError(f"{source}: an address has neither a user nor ? nor # here")
    return source if source.endswith(ARCHIVES) else f"{source.rstrip('/')}/"


@contextlib.contextmanager
def _workshop() -> Iterator[Path]:
    """An empty folder for what is not checked yet."""
    parent = home() / "downloads"
    with cannot_write(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pulled-", dir=parent) as place:
            yield Path(place)


@contextlib.contextmanager
def _downloaded(address: str) -> Iterator[tuple[Path, Files]]:
    key = hashlib.sha256(address.encode()).hexdigest()[:12]
    place = home() / "downloads" / "pulled" / f"{slug(urlsplit(address).path)[-40:]}-{key}"
    with lock(place, address):
        if address.endswith(ARCHIVES):
            archive = place / f"archive{address[-4:]}"
            download(address, archive, most=LARGEST)
            with _gone_after(place), delivered(str(archive)) as found:
                yield found
            return
        with _kept_to_continue(place):
            files = _fetched(address, place)
        with _gone_after(place):
            for name, file in files.items():
                _check(name, file_hash(place / name), file.sha256, address)
            yield place, files


def _fetched(address: str, place: Path) -> Files:
    sums = place / SUMS
    sums.unlink(missing_ok=True)
    download(address + SUMS, sums, most=LONGEST)
    files = read_sums(sums.read_bytes(), address)
    for name, file in files.items():
        target = place / name
        # Complete from an attempt that broke off at a later file.
        if not (target.is_file() and target.stat().st_size == file.size):
            download(address + name, target, size=file.size, most=file.size)
    return files


@contextlib.contextmanager
def _kept_to_continue(place: Path) -> Iterator[None]:
    """Keep what arrived only where a download broke off in the middle of a file."""
    try:
        yield
    except BaseException:
        if not any(place.rglob(".*.part")):
            shutil.rmtree(place, ignore_errors=True)
        raise


@contextlib.contextmanager
def _gone_after(place: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, Held]]:
    """The files of a folder or an archive by their names."""
    if path.is_dir():
        # Before all of a folder is walked through that may be anything.
        yield _in_folder(path) if (path / SUMS).exists() else {}
    elif path.suffix == ".zip":
        with open_zip(path) as archive:
            yield _below_top(_in_zip(archive, path))
    elif path.suffix == ".tar":
        try:
            with tarfile.open(path, "r:") as archive:
                yield _below_top(_in_tar(archive, path))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ZooError(f"{path} is no tar archive, or is damaged: {error}") from error
    else:
        raise UsageError(f"{path} is neither a folder nor a .zip or .tar file")


def _in_folder(folder: Path) -> dict[str, Held]:
    held = {}
    for place, folders, names in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [name for name in folders if name not in UNSEEN]
        for name in [*folders, *names]:
            path = Path(place, name)
            shown, mode = path.relative_to(folder).as_posix(), path.lstat().st_mode
            if stat.S_ISREG(mode):
                held[shown] = Held(path.lstat().st_size, partial(_file, path))
            elif not stat.S_ISDIR(mode):
                raise ZooError(f"{folder} is refused: {shown} is a link or no file")
    return held


def _file(path: Path) -> IO[bytes]:
    return path.open("rb")


def _in_zip(archive: zipfile.ZipFile, path: Path) -> dict[str, Held]:
    held: dict[str, Held] = {}
    for entry in archive.infolist():
        try:
            check_entry(entry)
        except ZooError as error:
            raise ZooError(f"{path} is refused: {entry.filename!r}: {error}") from None
        if entry.filename in held or entry.filename != entry.orig_filename:
            raise ZooError(f"{path} is refused: {entry.filename!r} is in it twice")
        if not entry.is_dir():
            held[entry.filename] = Held(entry.file_size, partial(archive.open, entry))
    return held


def _in_tar(archive: tarfile.TarFile, path: Path) -> dict[str, Held]:
    held: dict[str, Held] = {}
    for entry in archive:
        if entry.isdir():
            continue
        name = entry.name.removeprefix("./")
        if not entry.isreg() or entry.issparse():
            raise ZooError(f"{path} is refused: {name!r} is a link or no file")
        if name in held:
            raise ZooError(f"{path} is refused: {name!r} is in it twice")
        held[name] = Held(entry.size, partial(_member, archive, entry))
    return held


def _member(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    return archive.extractfile(entry) or io.BytesIO()


def _below_top(held: dict[str, Held]) -> dict[str, Held]:
    """The files, without the one folder that all of them may lie in."""
    tops = {name.partition("/")[0] for name in held}
    if SUMS in held or len(tops) != 1:
        return held
    return {name.partition("/")[2]: file for name, file in held.items()}


def _copied(held: Mapping[str, Held], place: Path, source: str) -> Files:
    if SUMS not in held:
        raise ZooError(f"{source} is no publication of zoo: it holds no {SUMS}")
    with held[SUMS].open() as stated:
        content = stated.read(LONGEST)
    files = read_sums(content, source)
    if missing := sorted(set(files) - set(held)):
        raise ZooError(f"{source} lacks {missing[0]}, which its {SUMS} states")
    if additional := sorted(set(held) - set(files) - {SUMS}):
        raise ZooError(f"{source} is refused: {additional[0]!r} is not in its {SUMS}")
    size = sum(file.size for file in files.values())
    if size > (free := shutil.disk_usage(place).free):
        raise ZooError(f"{source} has {size:,} bytes; {place.parent} has {free:,} left")
    with progress("Checking files", size / MEGABYTE, "MB") as advance:
        for name, file in files.items():
            digest = _copy(held[name], place / name, file.size, advance)
            _check(name, digest, file.sha256, source)
    (place / SUMS).write_bytes(content)
    return files


def _copy(held: Held, target: Path, size: int, advance: Callable[[float], None]) -> str:
    """Copy no more than one byte above the stated size; the hash of what was copied."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), size + 1
    try:
        with held.open() as source, target.open("xb") as file:
            while chunk := source.read(min(CHUNK, left)):
                file.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
                advance(len(chunk) / MEGABYTE)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError) as error:
        raise ZooError(f"{target.name} is damaged in its archive: {error}") from error
    with target.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise ZooError(f"{target.name} is a pointer of Git LFS: `git lfs pull` gets the file")
    return digest.hexdigest()


def _check(name: str, found: str, stated: str, source: str) -> None:
    if found != stated:
        raise ZooError(
            f"{source} is refused: the SHA-256 of {name} is {found[:12]}…, not {stated[:12]}…"
        )
