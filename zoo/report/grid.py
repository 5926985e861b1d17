"""A table of results, described once: the page prints it, CSV and LaTeX files hold it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from zoo.report.latex import latex
from zoo.report.numbers import figure, plain
from zoo.runs import write_text
from zoo.runs.tables import csv_text

Card = Sequence[tuple[str, Sequence[tuple[str, str]]]]
FORMULA = tuple("=+-@\t\r＝＋－＠")
NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]?\d+)?( ?[%×])?")
RANGE = ("low", "high")
SPREAD = ("mean", "sd")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Printed above it.
        parts: What the numbers are called that a cell was printed from, `""` for a single one;
            each has a column of its own in the CSV file, in full precision.
        left: Whether its text starts at the left.
        main: Whether it holds what the table is about.
        shown: Where it is printed, `"page"` and `"latex"`; the CSV file has every column.
    """

    heading: str
    parts: tuple[str, ...] = ()
    _: KW_ONLY
    left: bool = False
    main: bool = False
    shown: tuple[str, ...] = ("page", "latex")

    @property
    def on_page(self) -> bool:
        """Whether the page shows it."""
        return "page" in self.shown


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: As printed.
        exact: The numbers that it was printed from, for the parts of its column.
        quiet: A second line in small print.
        mark: `"pass"` or `"fail"` of a verdict.
        share: Length of a bar beside it in percent.
    """

    text: str
    exact: tuple[Any, ...] = ()
    _: KW_ONLY
    quiet: str = ""
    mark: str = ""
    share: int | None = None

    @property
    def printed(self) -> str:
        """Both lines in one."""
        return f"{self.text} ({self.quiet})" if self.quiet else self.text


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table.

    Attributes:
        cells: One for each column, the first names the row.
        section: Heading of the rows that it belongs to.
        note: What is said under it on the page.
        card: (heading, rows) that the note opens.
        title: Explains the row's name.
        void: Whether it is struck out.
    """

    cells: tuple[Cell, ...]
    _: KW_ONLY
    section: str = ""
    note: str = ""
    card: Card = ()
    title: str = ""
    void: bool = False

    def on_page(self, columns: Sequence[Column]) -> list[tuple[Column, Cell]]:
        """The cells that the page shows, each with its column."""
        pairs = zip(columns, self.cells, strict=True)
        return [(column, cell) for column, cell in pairs if column.on_page]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of results.

    Attributes:
        name: Of its files, and with `-table` of its element.
        title: A few words.
        caption: How to read it: n, protocol and floor.
        columns: From left to right.
        lines: From top to bottom.
        sections: What the sections of its lines are, such as `Compared`.
        narrow: Whether it leaves a part of the page's width free.
        stack: Whether each line is a block on a phone.
        void: Whether its numbers say nothing; the caption must say so.
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    _: KW_ONLY
    sections: str = ""
    narrow: bool = False
    stack: bool = True
    void: bool = False

    @property
    def blocks(self) -> list[tuple[str, list[Line]]]:
        """(heading, lines) of each section."""
        return [(name, list(lines)) for name, lines in groupby(self.lines, lambda x: x.section)]

    @property
    def csv(self) -> str:
        """Every cell as printed and, beside it, the numbers it was printed from."""
        return csv_text(self._records())

    @property
    def latex(self) -> str:
        """A floating table in booktabs' style, with caption and label."""
        places = [i for i, column in enumerate(self.columns) if "latex" in column.shown]
        columns = [self.columns[i] for i in places]
        heads = " & ".join(latex(column.heading) for column in columns)
        align = "".join("l" if column.left or not i else "r" for i, column in enumerate(columns))
        return "\n".join(
            [
                "% needs \\usepackage{booktabs}",
                *("\\begin{table}", "  \\centering", "  \\small"),
                f"  \\caption{{{latex(f'{self.title}. {self.caption}')}}}",
                f"  \\label{{tab:{re.sub(r'[^a-z0-9]+', '-', self.name.lower())}}}",
                f"  \\begin{{tabular}}{{@{{}}{align}@{{}}}}",
                *("    \\toprule", f"    {heads} \\\\"),
                *self._body(places),
                *("    \\bottomrule", "  \\end{tabular}", "\\end{table}", ""),
            ]
        )

    def _body(self, places: list[int]) -> Iterator[str]:
        for heading, lines in self.blocks:
            yield "    \\midrule"
            if heading:
                whole = f"\\multicolumn{{{len(places)}}}{{@{{}}l}}"
                yield f"    {whole}{{\\emph{{{latex(heading)}}}}} \\\\"
            for line in lines:
                yield f"    {' & '.join(latex(line.cells[i].printed) for i in places)} \\\\"

    def _records(self) -> Iterator[list[str]]:
        extra = [self.sections] if self.sections else []
        yield [_inert(head) for head in extra + [x for c in self.columns for x in _heads(c)]]
        for line in self.lines:
            row = [line.section] if self.sections else []
            for column, cell in zip(self.columns, line.cells, strict=True):
                exact = (*cell.exact, *[None] * len(column.parts))[: len(column.parts)]
                row += [_inert(cell.printed), *map(_exact, exact)]
            yield row


def write_tables(folder: Path, tables: Iterable[Table]) -> None:
    """Write each table that has rows as `NAME.csv` and `NAME.tex`; older ones are removed."""
    files = {
        f"{table.name}.{ending}": text
        for table in tables
        if table.lines
        for ending, text in (("csv", table.csv), ("tex", table.latex))
    }
    for path in folder.glob("*.*"):
        if path.suffix in (".csv", ".tex") and path.name not in files:
            path.unlink()
    for name, text in files.items():
        write_text(folder / name, text)


def cell(value: Any, show: Callable[[Any], str] = plain, **more: Any) -> Cell:
    """A cell printed from one number, a range, or a mean with its deviation."""
    if isinstance(value, dict):
        return Cell(show(value), (value.get("mean"), value.get("sd")), **more)
    exact = tuple(value) if isinstance(value, list | tuple) else (value,)
    return Cell(show(value), exact, **more)


def number(value: Any, digits: int = 4) -> Cell:
    """A cell with so many figures of a number."""
    return Cell(figure(value, digits), (value,))


def _heads(column: Column) -> list[str]:
    return [column.heading, *(f"{column.heading}, {part or 'exact'}" for part in column.parts)]


def _exact(value: Any) -> str:
    return "" if value is None else _inert(repr(value) if isinstance(value, float) else str(value))


def _inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
