"""Names of files and folders that are made from names that people or plugins chose."""

import hashlib
import re

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
LONGEST = 60


def file_name(text: str, *, longest: int = LONGEST) -> str:
    """A name that Linux, macOS and Windows can have for a file: letters, digits, `.`, `_`, `-`.

    It begins and ends with a letter, a digit or `_`, and is none of Windows' devices, such as
    `NUL`. Different texts may give one name; `distinct_file_name` tells them apart.

    Args:
        text: Any; what cannot stay becomes hyphens.
        longest: Characters at most, since Windows takes 260 for a whole path.
    """
    name = re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[:longest].rstrip("-.")
    return RESERVED.sub(r"\g<1>_", name, count=1) if RESERVED.match(name) else name or "data"


def distinct_file_name(text: str) -> str:
    """`file_name`, in lower case and with a hash where the text is not such a name already.

    Two texts so never share a file, not even where `A` and `a` are one name.
    """
    name = file_name(text).lower()
    if name == text:
        return name
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
