"""References: read from BibTeX, found by their identifier, printed, and written again."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from zoo.report.latex import latex

ENTRY = re.compile(r"@(\w+)\s*\{\s*([^,\s{}]+)\s*,")
FIELD = re.compile(r"\s*,?\s*(\w+)\s*=\s*")
ADDRESSES = ("doi", "url", "eprint")
SAFE = ":/?#[]@!$&'()*+,;=%-._~"
ACCENTS = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
LETTERS = {r"\l": "ł", r"\o": "ø", r"\ss": "ß"}


@dataclass(frozen=True)
class Reference:
    """An entry of a bibliography.

    Attributes:
        key: By which LaTeX cites it.
        kind: Such as `article`.
        held: (name in lower case, value as BibTeX holds it).
    """

    key: str
    kind: str
    held: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        """The values by name."""
        return dict(self.held)

    @property
    def names(self) -> set[str]:
        """What it is known by: `doi:…`, `arXiv:…` and addresses, in lower case."""
        prefixes = {"url": "", "doi": "doi:", "eprint": "arxiv:"}
        found = {f"{prefixes[key]}{value}" for key, value in self.held if key in prefixes}
        return {name.lower().rstrip("/") for name in found}

    @property
    def address(self) -> str:
        """Where it is read, if that is known."""
        bases = {"doi": "https://doi.org/", "eprint": "https://arxiv.org/abs/", "url": ""}
        fields = self.fields
        return next((f"{base}{fields[key]}" for key, base in bases.items() if key in fields), "")

    @property
    def printed(self) -> str:
        """Authors, year, title and where it appeared, in one line."""
        told = {key: unescaped(value) for key, value in self.fields.items()}
        where = told.get("journal") or told.get("booktitle") or told.get("howpublished", "")
        where += f" {told['volume']}" if "volume" in told else ""
        where += f", {told['pages'].replace('--', '–')}" if "pages" in told else ""
        year = f" ({told['year']})" if "year" in told else ""
        head = f"{_people(told.get('author', ''))}{year}".strip()
        parts = (head, told.get("title", ""), where, told.get("note", ""))
        return ". ".join(part.rstrip(".") for part in parts if part) + "."

    @property
    def bibtex(self) -> str:
        """The entry as text."""
        lines = [f"  {name} = {{{value}}}" for name, value in self.held]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}\n"


def made(key: str, **fields: str) -> Reference:
    """An entry of plain text and addresses, in which nothing can end a field."""
    held = {
        name: quote(text, safe=SAFE) if name in ADDRESSES else latex(text)
        for name, text in fields.items()
        if text
    }
    return Reference(re.sub(r"[^A-Za-z0-9._:-]+", "-", key), "misc", tuple(held.items()))


@cache
def known(package: str = "zoo.report", name: str = "references.bib") -> tuple[Reference, ...]:
    """The entries of a BibTeX file of a package, none if there is no such file."""
    try:
        text = (files(package) / name).read_text(encoding="utf-8")
    except (ImportError, OSError, TypeError, ValueError):
        return ()
    return tuple(parsed(text))


def parsed(text: str) -> Iterator[Reference]:
    """The entries of a BibTeX file whose values stand in braces or quotes, or are numbers."""
    for match in ENTRY.finditer(text):
        fields: dict[str, str] = {}
        at = match.end()
        while named := FIELD.match(text, at):
            value, at = _value(text, named.end())
            fields[named[1].lower()] = " ".join(value.split())
        yield Reference(match[2], match[1].lower(), tuple(fields.items()))


def _value(text: str, start: int) -> tuple[str, int]:
    """A value and where it ends; braces in it are balanced."""
    if text[start : start + 1] == '"':
        end = text.find('"', start + 1)
        return text[start + 1 : end], end + 1
    if text[start : start + 1] != "{":
        word = re.compile(r"\w*").match(text, start)
        assert word is not None
        return word[0], word.end()
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start + 1 : at], at + 1
    return text[start + 1 :], len(text)


def unescaped(text: str) -> str:
    """What a value of BibTeX prints, as far as accents, letters and braces go."""
    text = re.sub(r"\{?\\([\"'`~cv])\s*\{?(\w)\}?\}?", lambda m: m[2] + ACCENTS[m[1]], text)
    for command, letter in LETTERS.items():
        text = text.replace(command, letter)
    text = re.sub(r"\\([&%$#_{}])", r"\1", text).replace("{", "").replace("}", "")
    return unicodedata.normalize("NFC", text)


def _people(authors: str) -> str:
    names = [_reversed(name) for name in authors.split(" and ") if name]
    if len(names) > 3 or "others" in names:
        return f"{names[0]} et al."
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _reversed(name: str) -> str:
    last, _, first = name.partition(", ")
    return f"{first} {last}".strip()


def identifiers(paper: Any) -> list[str]:
    """The identifiers that a record's `paper` holds, in lower case."""
    return [word.strip(",;").lower() for word in str(paper or "").split() if ":" in word]
