"""A table of the user's: a CSV file as columns of numbers, dates and texts; what is wrong is told by line and column.

Fields stand between commas, semicolons, tabs or bars, whichever the first line has most of. A first line without any
number or date names the columns; without such a line they are called 1, 2, 3. The first value of a column decides what
the column holds: numbers, dates as 2020-01-31 or 2020-01-31 10:00 (ISO 8601), or texts. A field that is empty or a word
such as NA is a gap. Blank lines are none.
"""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from cellsearch.cell.untrusted import short
from cellsearch.errors import DataError
from cellsearch.training.dataset import read_text

Kind = Literal["number", "date", "text"]

SEPARATORS: Final = (",", ";", "\t", "|")

GAPS: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
"""What a field says, in any case, where nothing was measured."""

REMEDY: Final = "leave the field empty where nothing was measured"


@dataclass(eq=False)
class Column:
    """The values of a column, [rows]: numbers, seconds since 1970, or places among `texts`; NaN in a gap.

    `kind` is what the first value says, if it is not given.
    """

    name: str
    kind: Kind | None = None
    values: array[float] = field(default_factory=lambda: array("d"))
    texts: dict[str, int] = field(default_factory=dict)

    def read(self, text: str) -> None:
        """Append a field. Raises ValueError, which says what is wrong with it."""
        text = text.strip()
        if text.lower() in GAPS:
            self.values.append(math.nan)
            return
        if self.kind is None:
            self.kind = _kind(text)
        self.values.append(
            self.texts.setdefault(text, len(self.texts)) if self.kind == "text" else VALUE[self.kind](text)
        )


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file by name, and the line of each row, [rows]."""

    file: Path
    columns: Mapping[str, Column]
    lines: array[int]

    def column(self, name: str) -> Column:
        """The column of a name. Raises DataError, which lists those that there are."""
        if name not in self.columns:
            raise DataError(f"data file {self.file} has no column {short(name)}; it has {', '.join(self.columns)}")
        return self.columns[name]

    def error(self, reason: str, column: str = "", row: int | None = None) -> DataError:
        """An error that names the file, the line of a row and a column."""
        return _error(self.file, None if row is None else self.lines[row], column, reason)


def read_table(
    path: str, kinds: Mapping[str, Kind], dropped: Collection[str] = (), header: bool | None = None
) -> Table:
    """The table of a file, without the `dropped` columns; `kinds` says what some columns hold, if not what they seem.

    `header` tells whether the first line names the columns; None looks. Raises DataError of what cannot be read.
    """
    file = Path(path).expanduser()
    rows = _rows(file)
    begins, first = next(rows)
    if header is None:
        header = all(_kind(text.strip()) == "text" for text in first)
    names = _names(file, begins, first) if header else [str(place) for place in range(1, len(first) + 1)]
    for name in (*kinds, *dropped):
        if name not in names:
            raise DataError(f"data file {file} has no column {short(name)}; it has {', '.join(names)}")
    columns = {name: Column(name, kinds.get(name)) for name in names if name not in dropped}
    lines = array("q")
    for line, fields in rows if header else chain([(begins, first)], rows):
        if len(fields) != len(names):
            raise _error(file, line, "", f"{len(fields)} fields where the first line has {len(names)}; make them equal")
        for name, text in zip(names, fields, strict=True):
            if name in columns:
                try:
                    columns[name].read(text)
                except ValueError as error:
                    raise _error(file, line, name, str(error)) from None
        lines.append(line)
    if not lines:
        raise DataError(f"data file {file} has a line of names and no rows; name a file with values")
    return Table(file, columns, lines)


def _error(file: Path, line: int | None, column: str, reason: str) -> DataError:
    where = [
        f"data file {file}",
        *([] if line is None else [f"line {line}"]),
        *([f"column {short(column)}"] * bool(column)),
    ]
    return DataError(f"{', '.join(where)}: {reason}")


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The fields of each row and the line where it begins."""
    text = read_text(file).removeprefix("\ufeff")
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text), delimiter=max(SEPARATORS, key=first.count), strict=True, skipinitialspace=True
    )
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _error(file, line, "", f"{error}; close each quote, and double one inside of quotes") from None
        if len(fields) > 1 or any(each.strip() for each in fields):
            yield line, fields


def _names(file: Path, line: int, fields: list[str]) -> list[str]:
    """The names of the columns; one without a name is called by its place."""
    names = [text.strip() or str(place) for place, text in enumerate(fields, 1)]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise _error(file, line, name, f"{count} columns have this name; give each its own")
    return names


def _kind(text: str) -> Kind:
    """What a value is, whether or not it is one that can be used."""
    readers: tuple[tuple[Kind, Callable[[str], object]], ...] = (("number", float), ("date", datetime.fromisoformat))
    for kind, read in readers:
        try:
            read(text)
        except ValueError:
            continue
        return kind
    return "text"


def _number(text: str) -> float:
    try:
        value = float(text.replace("_", "x"))  # 1_000 is Python's spelling alone
    except ValueError:
        raise ValueError(f"{short(text)} is no number; write one as -1.5 or 2e3, and {REMEDY}") from None
    if not math.isfinite(value):
        raise ValueError(f"{short(text)} is not finite; {REMEDY}")
    return value


def _date(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{short(text)} is no date; write one as 2020-01-31 or 2020-01-31 10:00") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


VALUE: Final[Mapping[Kind, Callable[[str], float]]] = {"number": _number, "date": _date}
