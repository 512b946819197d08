"""A cell's equations as LaTeX: h_t from h_{t-1}, one formula a line, without the dollar signs."""

from __future__ import annotations

import re
from collections import Counter

from cellsearch.cell.cell import Cell
from cellsearch.cell.notation.expressions import Style, statements, write
from cellsearch.cell.notation.symbols import OUTPUT, Symbol, learned, symbols
from cellsearch.cell.ops import OPS

__all__ = ["latex"]


def latex(cell: Cell) -> tuple[str, ...]:
    """The cell's lines as LaTeX, each of which amsmath and matplotlib's mathtext read between dollar signs."""
    names = _names(cell)
    style = Style(
        name=names.__getitem__,
        number=_number,
        call=_call,
        parentheses=r"\left({}\right)",
        plus=" + ",
        minus=" - ",
        times=r" \odot ",
        over=" / ",
        applied=r" \, ",
    )
    return tuple(f"{names[target]} = {write(tree, style)}" for target, tree in statements(cell))


def _names(cell: Cell) -> dict[str, str]:
    """The LaTeX of every name of the equations' text."""
    found: dict[str, str] = {}
    for name, symbol in symbols(cell).items():
        found[str(symbol)] = _timed(symbol, "t-1" if name in cell.states else "t")
        if name in cell.states:
            found[f"{symbol}'"] = _timed(symbol, "t")
    for array in (array for arrays in learned(cell).values() for array in arrays):
        letter, _, subscript = array.partition("_")
        found[array] = f"{letter}_{{{_index(subscript)}}}"
    output = "y_{t}" if "y_{t}" not in found.values() else r"\mathrm{output}_{t}"
    return _told_apart(found) | {OUTPUT: output}


def _timed(symbol: Symbol, time: str) -> str:
    base = _word(symbol.letter)
    index = f"{_index(symbol.index)}," if symbol.index else ""
    base = rf"\tilde{{{base}}}" if symbol.tilde else base
    return f"{base}_{{{index}{time}}}"


def _index(text: str) -> str:
    return ",".join(_word(piece) for piece in text.split("_") if piece)


def _word(text: str) -> str:
    """A letter, a number or both in italics, a word upright."""
    return text if re.fullmatch("[A-Za-z]?[0-9]*", text) else _upright(text)


def _told_apart(names: dict[str, str]) -> dict[str, str]:
    """Names whose LaTeX is another's too, `h1` beside `h_1`, are written out."""
    count = Counter(names.values())
    return {name: text if count[text] == 1 else _upright(name) for name, text in names.items()}


def _upright(text: str) -> str:
    escaped = text.replace("_", r"\_")
    return rf"\mathrm{{{escaped}}}"


def _number(number: float) -> str:
    digits, _, exponent = repr(number).removesuffix(".0").partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


def _call(function: str, arguments: list[str]) -> str:
    rows = (row for row in OPS.values() if row.latex and row.value.startswith(f"{function}("))
    shown = next((row.latex for row in rows), _word(function))
    return rf"{shown}\left({', '.join(arguments)}\right)"
