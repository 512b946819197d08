"""From a file: a cell of any notation that is data, recognised by what is in the file. Nothing of it is run.

- a cell file;
- NAS-Bench-NLP: a recipe, or an entry of its logs that has one in `recipe`;
- DARTS: a genotype in JSON, as its code prints it, or the file of genotypes of its repository;
- ENAS: the numbers of an arc, between spaces or commas.

Several objects of JSON may stand in one list, or a line each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cellsearch.cell.cell import Cell
from cellsearch.cell.file import MOST_BYTES, from_content
from cellsearch.cell.readers.darts import from_darts, from_enas
from cellsearch.cell.readers.genotypes import genotypes, mentions_genotypes
from cellsearch.cell.readers.nasbench_nlp import from_nasbench_nlp
from cellsearch.cell.untrusted import bounded_text, json_value, short
from cellsearch.errors import CellError

__all__ = ["from_file"]

MOST_BYTES_OF_LINES: Final = 64_000_000
"""Size of a file with an object a line, at most; a line, or any other file, may be as large as a cell file."""

MOST_ENTRIES: Final = 100_000
"""Objects in a list, or lines, at most; the benchmark has 14,322 recipes."""

NUMBERS: Final = re.compile(r"[\[(]?[-\s\d,]+[\])]?", re.ASCII)
"""Text that holds nothing but numbers, in brackets or not."""

NOTATIONS: Final = "cell file, recipe of NAS-Bench-NLP, genotype of DARTS or arc of ENAS"

SHOWN: Final = 4
"""Names in an error, at most."""


@dataclass(frozen=True)
class Entry:
    """What may be a cell: its own name, if it has one, its number and place in the file, and how it is read."""

    name: str
    number: int
    place: str
    cell: Callable[[], Cell]


def from_file(path: str | Path, name: str | None = None) -> Cell:
    """The cell in a file; of several, that with this name, recipe id or number (in lines of JSON, the line's).

    Raises CellError, one line that names the file and the place in it, if there is no such cell.
    """
    where = f"file {path}"
    text = bounded_text(Path(path), where, MOST_BYTES_OF_LINES)
    entry = _chosen(_entries(text, where), name, where)
    try:
        return entry.cell()
    except CellError as error:
        raise CellError(f"{where}: {entry.place}{error}") from None


def _chosen(entries: Iterator[Entry], name: str | None, where: str) -> Entry:
    seen = []
    for entry in entries if name else islice(entries, SHOWN + 1):
        if name in (entry.name, str(entry.number)):
            return entry
        seen.append(entry)
        del seen[SHOWN + 1 :]
    if name is None and len(seen) == 1:
        return seen[0]
    names = ", ".join(short(entry.name or str(entry.number)) for entry in seen[:SHOWN])
    told = "it holds several cells" if name is None else f"it holds no {short(name)}"
    raise CellError(f"{where}: {told}; name one: {names}{', ...' if len(seen) > SHOWN else ''}")


def _entries(text: str, where: str) -> Iterator[Entry]:
    """What a file holds. Raises CellError if that is in no notation, or none at all."""
    first = list(islice(_lines(text, where), 2))
    if len(first) > 1 and _is_object(first[0][1]):
        for number, line in _lines(text, where):
            _check_size(line, f"{where}: line {number}")
            yield _entry(json_value(line, f"{where}: line {number}"), number, f"line {number}: ", where)
        return
    _check_size(text, where)
    if NUMBERS.fullmatch(text.strip()):
        yield Entry("", 1, "", lambda: from_enas(text))
    elif (content := _json(text, where)) is None:
        yield from _genotypes(text, where)
    elif isinstance(content, list) and content:
        _check_count(len(content), "entries", where)
        for number, each in enumerate(content, start=1):
            yield _entry(each, number, f"entry {number}: ", where)
    else:
        yield _entry(content, 1, "", where)


def _lines(text: str, where: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, one at a time, with their numbers."""
    start = number = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        _check_count(number, "lines", where)
        if line := text[start:end].strip():
            yield number, line
        start = end + 1


def _json(text: str, where: str) -> Any:
    """The value of JSON text; None where it is a genotype in Python, which may begin in the same way."""
    try:
        return json_value(text, where)
    except CellError:
        if mentions_genotypes(text) or not text.lstrip().startswith(("{", "[")):
            return None
        raise


def _genotypes(text: str, where: str) -> Iterator[Entry]:
    found = genotypes(text, where) if mentions_genotypes(text) else []
    if not found:
        raise CellError(f"{where}: it is no {NOTATIONS}; see `cellsearch import --help`")
    for number, (name, genotype) in enumerate(found, start=1):
        yield _genotype(name, number, "", genotype)


def _genotype(name: str, number: int, place: str, content: Any) -> Entry:
    return Entry(name, number, place, lambda: from_darts(content, name or "darts"))


def _entry(content: Any, number: int, place: str, where: str) -> Entry:
    """The entry of an object of JSON, by the keys that its notation alone has."""
    match content:
        case {"nodes": _, "states": _} | {"nodes": _, "schema": _} | {"states": _, "schema": _}:
            name = content.get("name")
            return Entry(name if isinstance(name, str) else "", number, place, lambda: from_content(content))
        case {"recurrent": _} | {"concat": _}:
            return _genotype("", number, place, content)
        case {"recipe": recipe}:
            identity = content.get("recipe_id")
            return _recipe(str(identity) if isinstance(identity, int | str) else "", number, place, recipe)
        case dict() if any(isinstance(node, dict) for node in content.values()):
            return _recipe("", number, place, content)
    raise CellError(f"{where}: {place}{short(content)} is no {NOTATIONS}; see `cellsearch import --help`")


def _recipe(name: str, number: int, place: str, recipe: Any) -> Entry:
    title = f"nasbench_nlp_{name}" if name else "nasbench_nlp"

    def cell() -> Cell:
        # The benchmark's logs hold their recipe as text.
        content = json_value(recipe, f"recipe {short(title)}") if isinstance(recipe, str) else recipe
        return from_nasbench_nlp(content, title)

    return Entry(name, number, place, cell)


def _is_object(line: str) -> bool:
    try:
        return len(line) <= MOST_BYTES and isinstance(json_value(line, ""), dict)
    except CellError:
        return False


def _check_count(count: int, what: str, where: str) -> None:
    if count > MOST_ENTRIES:
        raise CellError(f"{where}: it has more than {MOST_ENTRIES} {what}; split it")


def _check_size(text: str, where: str) -> None:
    if len(text) > MOST_BYTES:
        raise CellError(f"{where}: larger than {MOST_BYTES} characters, too large for a cell")
