"""Downloads that give up: a limit for the answer, one for silence, one for slowness."""

import contextlib
import os
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.utils import formatdate, mktime_tz, parsedate_tz
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any

from zoo.data.locking import cannot_write
from zoo.errors import ZooError
from zoo.progress import progress

ANSWER_SECONDS = 5.0
SILENCE_SECONDS = 20.0
SLOWEST = 50_000.0  # bytes a second; the 83 MB of BBBC038 would take half an hour
CHUNK = 2**16
MEGABYTE = 1e6


class _StaysSecure(urllib.request.HTTPRedirectHandler):
    """Follows no https address to one that anybody on the way could answer for."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.URLError(f"it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


OPENER = urllib.request.build_opener(_StaysSecure)


def download(
    url: str,
    target: Path,
    *,
    size: int = 0,
    most: int | None = None,
    answer: float = ANSWER_SECONDS,
) -> None:
    """Download a file, announcing its size on stderr.

    What arrived of a download that broke off is kept beside the target, and continued if the
    server still has the same file. Hold a lock of the target.

    Args:
        url: http or https.
        target: Takes its name only when it is complete.
        size: Bytes expected if the server does not say.
        most: Bytes after which it is given up, whatever the server says.
        answer: Seconds for the name to resolve, the connection and the answer's headers together.

    Raises:
        zoo.errors.ZooError: If the host is unknown, silent, slow or answers with an error, the file
            is too large or cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    with contextlib.closing(_continued(url, part, answer)) as response:
        kept = _kept(url, response, part)
        left = int(response.headers.get("Content-Length") or max(size - kept, 0))
        if most is not None and kept + left > most:
            raise ZooError(f"{url} has {kept + left:,} bytes, more than the {most:,} expected")
        shown = f"{(kept + left) / MEGABYTE:.0f} MB" if left else "an unknown size"
        known = f", of which {kept / MEGABYTE:.0f} MB are here" if kept else ""
        print(f"downloading {url} ({shown}{known})", file=sys.stderr)
        with cannot_write(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(response, part, url, kept, left, most)
                part.replace(target)
            finally:
                _settle(part, response, kept + left)


def check_reachable(url: str, *, answer: float = ANSWER_SECONDS) -> None:
    """Ask for a file and read nothing of it.

    Raises:
        zoo.errors.ZooError: If the host is unknown or silent, or answers with an error.
    """
    _answer(url, answer).close()


def _continued(url: str, part: Path, seconds: float) -> Any:
    """The response, to a request for what is missing if a part of the file is here."""
    if not part.is_file():
        return _answer(url, seconds)
    state = part.stat()
    try:
        # If the file has changed since the part's date, a server sends all of it.
        since = formatdate(state.st_mtime, usegmt=True)
        return _answer(url, seconds, {"Range": f"bytes={state.st_size}-", "If-Range": since})
    except ZooError as error:
        cause = error.__cause__
        if getattr(cause, "code", None) != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        part.unlink()
        return _answer(url, seconds)


def _kept(url: str, response: Any, part: Path) -> int:
    """Bytes of the part that the response continues."""
    if response.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    kept = part.stat().st_size
    if not response.headers.get("Content-Range", "").startswith(f"bytes {kept}-"):
        part.unlink()
        raise ZooError(f"{url} continued elsewhere than it was asked to; try again")
    return kept


def _write(response: Any, part: Path, url: str, kept: int, left: int, most: int | None) -> None:
    with (
        part.open("ab" if kept else "wb") as file,
        progress("Downloading", left / MEGABYTE, "MB") as advance,
    ):
        _copy(response, file, advance, url, left, None if most is None else most - kept)
        file.flush()
        os.fsync(file.fileno())


def _settle(part: Path, response: Any, total: int) -> None:
    """Keep an unfinished part, under the date of the file, if it can be continued."""
    if not part.is_file():
        return
    changed = parsedate_tz(response.headers.get("Last-Modified"))
    ranges = (
        response.headers.get("Accept-Ranges") == "bytes"
        or response.status == HTTPStatus.PARTIAL_CONTENT
    )
    if not (changed and ranges and 0 < part.stat().st_size < total):
        part.unlink()
        return
    os.utime(part, (mktime_tz(changed),) * 2)


def _copy(response: Any, file: Any, advance: Any, url: str, total: int, most: int | None) -> None:
    start, got = time.monotonic(), 0
    while part := _part(response, url):
        file.write(part)
        got += len(part)
        advance(len(part) / MEGABYTE)
        seconds = time.monotonic() - start
        if seconds > SILENCE_SECONDS and got / seconds < SLOWEST:
            raise ZooError(f"{url} sends less than {SLOWEST / 1e3:g} kB/s")
        if total and got > total:
            raise ZooError(f"{url} sends more than the {total:,} bytes that it announced")
        if most is not None and got > most:
            raise ZooError(f"{url} sends more than the {most:,} bytes expected")
    if got < total:
        raise ZooError(f"{url} ended after {got:,} of {total:,} bytes")


def _part(response: Any, url: str) -> bytes:
    try:
        part: bytes = response.read1(CHUNK)
    except (OSError, HTTPException) as error:
        raise ZooError(f"{url}: the download broke off ({_reason(error)})") from error
    return part


def _answer(url: str, seconds: float, headers: Mapping[str, str] | None = None) -> Any:
    """The response, or an error after `seconds` whatever the resolver or the host does.

    A socket's timeout covers neither name resolution nor a host that sends a byte now and then,
    so a thread that may outlive the request does the waiting.
    """
    if not url.startswith(("http://", "https://")):
        raise ZooError(f"{url} is no http or https address")
    answers: queue.Queue[Any] = queue.Queue()
    request = urllib.request.Request(url, headers={"User-Agent": "zoo", **(headers or {})})

    def ask() -> None:
        try:
            answers.put(OPENER.open(request, timeout=SILENCE_SECONDS))
        except (OSError, HTTPException, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise ZooError(f"{url} did not answer within {seconds:g} seconds") from None
    if isinstance(answer, Exception):
        raise ZooError(f"{url}: {_reason(answer)}") from answer
    return answer


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    inner = getattr(error, "reason", None)
    text = str(inner if inner is not None else error) or type(error).__name__
    return " ".join(text.split())
