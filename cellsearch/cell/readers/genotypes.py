"""DARTS genotypes in text: as its code prints and keeps them, read as data. Nothing of the text is run.

    Genotype(recurrent=[('relu', 0), ('relu', 1), ('tanh', 2)], concat=range(1, 4))

A text may hold several under names of their own, as DARTS' `genotypes.py`: what else it says is passed over.
"""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any, Final

from cellsearch.cell.untrusted import bounded_text
from cellsearch.errors import CellError

__all__ = ["genotypes", "holds_genotypes", "mentions_genotypes"]

GENOTYPE: Final = "Genotype"
FIELDS: Final = ("recurrent", "concat")

MOST_CHARACTERS: Final = 200_000
"""Characters of a text, at most: syntax trees take much memory."""

LONGEST: Final = 1000
"""Numbers that a range may stand for, at most."""


def genotypes(text: str, where: str) -> list[tuple[str, dict[str, Any]]]:
    """The genotypes of a text with their names, empty where they have none; as `from_darts` takes them.

    A genotype is a call of Genotype or a literal of its fields. Raises CellError, which names the line, for text that
    is no Python or a genotype that is no literal.
    """
    if len(text) > MOST_CHARACTERS:
        raise CellError(f"{where}: larger than {MOST_CHARACTERS} characters, too large for genotypes")
    found = []
    for statement in _statements(text, where):
        match statement:
            case ast.Assign(targets=[ast.Name(name)], value=value) if _is_genotype(value):
                found.append((name, _value(value, where)))
            case ast.Expr(value=value) if _is_genotype(value):
                found.append(("", _value(value, where)))
    return found


def mentions_genotypes(text: str) -> bool:
    """Whether a text may hold genotypes: a quick look."""
    return GENOTYPE in text or FIELDS[0] in text


def holds_genotypes(path: Path) -> bool:
    """Whether a Python file gives genotypes and defines no class, so that it is data."""
    try:
        statements = _statements(bounded_text(path, "", MOST_CHARACTERS), "")
    except CellError:
        return False
    values = [each.value for each in statements if isinstance(each, ast.Assign | ast.Expr)]
    return any(map(_is_genotype, values)) and not any(isinstance(each, ast.ClassDef) for each in statements)


def _statements(text: str, where: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of the text's style.
            return ast.parse(text).body
    except SyntaxError as error:
        place = "the text" if error.lineno is None else f"line {error.lineno}"
        raise CellError(f"{where}: {place} is no Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise CellError(f"{where}: cannot be read: {error or 'nested too deeply'}") from None


def _is_genotype(node: ast.expr) -> bool:
    match node:
        case ast.Call(ast.Name(function) | ast.Attribute(attr=function)):
            return function == GENOTYPE
        case ast.Dict(keys):
            return any(isinstance(key, ast.Constant) and key.value in FIELDS for key in keys)
    return False


def _value(node: ast.expr, where: str) -> Any:
    """The value of a literal, a range or a genotype."""
    match node:
        case ast.Constant(str() | int() as value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() as value)):
            return -value
        case ast.List(elements) | ast.Tuple(elements):
            return [_value(element, where) for element in elements]
        case ast.Dict(keys, values) if all(isinstance(key, ast.Constant) for key in keys):
            return {_value(key, where): _value(value, where) for key, value in zip(keys, values, strict=True) if key}
        case ast.Call(ast.Name("range"), [*arguments], []) if 1 <= len(arguments) <= 2:
            bounds = [_value(argument, where) for argument in arguments]
            if all(isinstance(bound, int) for bound in bounds):
                return list(range(*bounds)[:LONGEST])
        case ast.Call(_, arguments, keywords) if _is_genotype(node) and len(arguments) <= len(FIELDS):
            fields = {field: _value(value, where) for field, value in zip(FIELDS, arguments, strict=False)}
            return fields | {keyword.arg: _value(keyword.value, where) for keyword in keywords}
    raise CellError(f"{where}: line {node.lineno}: a genotype is written out in names, numbers and lists of them")
