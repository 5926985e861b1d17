"""Text from files on a page: shown as it is, whatever signs of Markdown or HTML it holds."""

import re

SIGNS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=@\"'/])")


def plain(text: object) -> str:
    """A text in one line of Markdown that shows it letter by letter.

    Labels, captions and messages are Markdown to Streamlit, so that a class named `![](http://…)`
    would send the browser to another machine.
    """
    return SIGNS.sub(r"\\\1", " ".join(str(text).split()))
