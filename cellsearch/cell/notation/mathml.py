"""A cell's equations as MathML, which browsers typeset without a library: h′ from h, an element a line."""

from __future__ import annotations

from html import escape

from cellsearch.cell.cell import Cell
from cellsearch.cell.notation.expressions import TEXT, TEXT_FUNCTIONS, Style, statements, write
from cellsearch.cell.notation.symbols import OUTPUT, Symbol, learned, symbols

__all__ = ["mathml"]


def mathml(cell: Cell) -> tuple[str, ...]:
    """The cell's lines, each a `math` element. Every name in them is text."""
    names = _names(cell)
    style = Style(
        name=names.__getitem__,
        number=lambda number: f"<mn>{TEXT.number(number)}</mn>",
        call=_call,
        parentheses="<mrow><mo>(</mo>{}<mo>)</mo></mrow>",
        plus="<mo>+</mo>",
        minus="<mo>−</mo>",
        times="<mo>⊙</mo>",
        over="<mo>/</mo>",
        applied='<mspace width="0.17em"/>',
    )
    lines = ((names[target], write(tree, style)) for target, tree in statements(cell))
    return tuple(f'<math display="block"><mrow>{name}<mo>=</mo>{right}</mrow></math>' for name, right in lines)


def _names(cell: Cell) -> dict[str, str]:
    """The MathML of every name of the equations' text."""
    found = {OUTPUT: _word(OUTPUT)}
    for name, symbol in symbols(cell).items():
        found[str(symbol)] = _symbol(symbol)
        if name in cell.states:
            found[f"{symbol}'"] = f"<msup>{_symbol(symbol)}<mo>′</mo></msup>"
    for array in (array for arrays in learned(cell).values() for array in arrays):
        letter, _, index = array.partition("_")
        found[array] = f"<msub>{_word(letter)}{_word(index)}</msub>" if index else _word(letter)
    return found


def _symbol(symbol: Symbol) -> str:
    letter = _word(symbol.letter)
    letter = f'<mover accent="true">{letter}<mo>~</mo></mover>' if symbol.tilde else letter
    index = symbol.index.strip("_")
    return f"<msub>{letter}{_word(index)}</msub>" if index else letter


def _word(text: str) -> str:
    """A letter in italics, anything longer upright, as browsers have it."""
    return f"<mi>{escape(text)}</mi>"


def _call(function: str, arguments: list[str]) -> str:
    inside = "<mo>,</mo>".join(arguments)
    return f"<mrow>{_word(TEXT_FUNCTIONS.get(function, function))}<mo>(</mo>{inside}<mo>)</mo></mrow>"
