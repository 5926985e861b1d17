"""Text from files on a page: shown as it is, whatever signs of Markdown or HTML it holds."""

import re

SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=@\"'/])")


def plain(text: object) -> str:
    """A text in one line of Markdown that shows it letter by letter.

    Labels, captions and messages are Markdown to Streamlit, so that a class named `![](http://…)`
    would send the browser to another machine.
    """
    return SIGNS.sub(r"\\\1", re.sub(r"\s+", " ", str(text)))


def told(text: object) -> str:
    """The same, with what stands between backticks set as code, as messages of zoo have it."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(
        f"`{' '.join(part.split())}`" if i % 2 and part.strip() else plain(part)
        for i, part in enumerate(parts)
    )
