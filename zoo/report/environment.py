"""The Jinja environment of pages and cards: everything escaped, nothing loaded from elsewhere."""

import base64
import hashlib
import html
import re
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import ChainableUndefined, Environment, PackageLoader
from markupsafe import Markup, escape

from zoo import claims
from zoo.report import numbers


def environment(*, html_page: bool) -> Environment:
    """The templates of this package with their filters.

    Args:
        html_page: HTML and not Markdown.
    """
    made = Environment(
        loader=PackageLoader("zoo.report", "."),
        autoescape=html_page,
        finalize=None if html_page else _markdown,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["notice"] = claims.NOTICE
    made.globals["script"], made.globals["script_hash"] = script("page.js")
    names = ("figure", "count", "percent", "span", "plain", "protocol", "moment", "mean_sd")
    made.filters.update({name: getattr(numbers, name) for name in names})
    made.filters.update(picture=_data_uri, link=_link, name=numbers.full_name, code=_code)
    made.filters["short_span"] = partial(numbers.span, show=partial(numbers.figure, digits=2))
    made.filters["percent_span"] = partial(numbers.span, show=numbers.percent)
    return made


def script(name: str) -> tuple[Markup, str]:
    """A script of this package and the hash by which a page's policy allows it alone."""
    text = (files("zoo.report") / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), digest


def _data_uri(picture: Path | bytes) -> str:
    content = picture if isinstance(picture, bytes) else picture.read_bytes()
    kind = "webp" if content[:4] == b"RIFF" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _link(address: Any) -> str:
    """The address if a browser may be sent there, else nothing."""
    return str(address) if urlsplit(str(address)).scheme in ("http", "https") else ""


def _code(text: Any) -> Markup:
    """Text with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _markdown(value: Any) -> Any:
    if value is None or isinstance(value, Markup):
        return value
    text = html.escape(str(value), quote=False)
    return " ".join(text.split()).replace("|", "\\|")
