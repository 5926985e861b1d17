"""Text as LaTeX: what is special there is escaped, and what a plain engine lacks is spelt out."""

import re
import unicodedata
from typing import Any

SPECIAL = {
    **{char: f"\\{char}" for char in "{}$&#%_"},
    **{"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"},
    **{"−": "$-$", "×": r"$\times$", "±": r"$\pm$", "∞": r"$\infty$", "°": r"\textdegree{}"},
    **{"↓": r"$\downarrow$", "↑": r"$\uparrow$", "≤": r"$\leq$", "≥": r"$\geq$"},
    **{"κ": r"$\kappa$", "ρ": r"$\rho$", "µ": r"$\mu$", "μ": r"$\mu$", "σ": r"$\sigma$"},
    **{"–": "--", "—": "---", "’": "'", "‘": "`", "“": "``", "”": "''", "…": r"\dots{}"},
}


def latex(text: Any) -> str:
    """One line of LaTeX that prints the text; control characters are dropped."""
    line = " ".join(str(text).split())
    shown = (char for char in line if not unicodedata.category(char).startswith("C"))
    escaped = "".join(SPECIAL.get(char, char) for char in shown)
    return re.sub(r"(?<=\d) (?=\\%)", r"\\,", escaped)
