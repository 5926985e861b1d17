"""Lossy and lossless files are never compared as they are: the codec would be what is measured."""

import re
import sys
from collections import Counter

import numpy as np

from zoo.data.decode import LOSSY
from zoo.data.imageset import ImageSet
from zoo.errors import UsageError

QUALITY = 90
UNKNOWN = "never encoded, or not known how"


def encoding_of(images: ImageSet) -> str:
    """How the images' files are encoded, such as `JPEG, lossy`; several as `PNG; JPEG, lossy`."""
    if "codec" in images.fields:
        counted = Counter(images.fields["codec"].astype(str).tolist())
    else:
        counted = Counter(images.provenance.get("formats") or {})
    return "; ".join(sorted(filter(None, counted))) or UNKNOWN


def check_encodings(real: tuple[str, str], fake: tuple[str, str]) -> None:
    """Refuse a lossy side beside a lossless one, and a side that is both.

    Args:
        real: Name and encoding of the real images.
        fake: Name and encoding of the generated ones.

    Raises:
        zoo.errors.UsageError: If they do not match; says what encodes both alike.
    """
    kinds = [lossiness(encoding) for _, encoding in (real, fake)]
    known = [kind for kind in kinds if kind]
    if len(set().union(*known)) > 1:
        raise UsageError(
            f"{real[0]} ({real[1]}) and {fake[0]} ({fake[1]}) cannot be compared as they are, for "
            f"the score would be the codec's; --reencode jpeg:{QUALITY} encodes both alike"
        )
    if len(known) == 1 and known[0] == {True}:
        lossy, other = (real, fake) if kinds[0] else (fake, real)
        print(
            f"warning: {lossy[0]} is {lossy[1]}, and {other[0]} was {UNKNOWN}; part of a "
            f"distance may be the codec's (--reencode jpeg:{QUALITY} encodes both alike)",
            file=sys.stderr,
        )


def parse_reencode(text: str | None) -> int | None:
    """The quality of `jpeg` or `jpeg:QUALITY`, or `None`.

    Raises:
        zoo.errors.UsageError: If it is neither.
    """
    if text is None:
        return None
    found = re.fullmatch(r"jpeg(?::(\d{1,3}))?", text)
    quality = int(found[1] or QUALITY) if found else 0
    if not 1 <= quality <= 100:
        raise UsageError(f"reencode={text}: expected jpeg or jpeg:QUALITY, quality 1 to 100")
    return quality


def lossiness(encoding: str) -> set[bool]:
    """Whether files are lossy: one answer, both, or none if nothing is known."""
    if encoding == UNKNOWN:
        return set()
    return {bool(lossy) for lossy in np.char.endswith(encoding.split("; "), LOSSY)}
