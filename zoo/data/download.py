"""Downloads that give up: a limit for the answer, one for silence, one for slowness."""

import queue
import sys
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.progress import progress
from zoo.runs.files import atomic

ANSWER_SECONDS = 5.0
SILENCE_SECONDS = 20.0
SLOWEST = 50_000.0  # bytes a second; the 83 MB of BBBC038 would take half an hour
CHUNK = 2**16
MEGABYTE = 1e6


def download(url: str, target: Path, *, size: int = 0, answer: float = ANSWER_SECONDS) -> None:
    """Download a file with one request, announcing its size on stderr.

    Args:
        url: http or https.
        target: Written atomically.
        size: Bytes expected if the server does not say.
        answer: Seconds for the name to resolve, the connection and the answer's headers together.

    Raises:
        zoo.errors.ZooError: If the host is unknown, silent, slow or answers with an error, or the
            file cannot be written.
    """
    response = _answer(url, answer)
    try:
        total = int(response.headers.get("Content-Length") or size)
        shown = f"{total / MEGABYTE:.0f} MB" if total else "an unknown size"
        print(f"downloading {url} ({shown})", file=sys.stderr)
        with atomic(target) as file, progress("Downloading", total / MEGABYTE, "MB") as advance:
            _copy(response, file, advance, url, total)
    finally:
        response.close()


def check_reachable(url: str, *, answer: float = ANSWER_SECONDS) -> None:
    """Ask for a file and read nothing of it.

    Raises:
        zoo.errors.ZooError: If the host is unknown or silent, or answers with an error.
    """
    _answer(url, answer).close()


def _copy(response: Any, file: Any, advance: Any, url: str, total: int) -> None:
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
    if got < total:
        raise ZooError(f"{url} ended after {got:,} of {total:,} bytes")


def _part(response: Any, url: str) -> bytes:
    try:
        part: bytes = response.read1(CHUNK)
    except (OSError, HTTPException) as error:
        raise ZooError(f"{url}: the download broke off ({_reason(error)})") from error
    return part


def _answer(url: str, seconds: float) -> Any:
    """The response, or an error after `seconds` whatever the resolver or the host does.

    A socket's timeout covers neither name resolution nor a host that sends a byte now and then,
    so a thread that may outlive the request does the waiting.
    """
    if not url.startswith(("http://", "https://")):
        raise ZooError(f"{url} is no http or https address")
    answers: queue.Queue[Any] = queue.Queue()
    request = urllib.request.Request(url, headers={"User-Agent": "zoo"})

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=SILENCE_SECONDS))
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
