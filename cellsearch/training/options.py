"""Options of a task: its fields, which a text sets by what they are annotated with, and the one text of each value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from cellsearch.cell.untrusted import short
from cellsearch.errors import TaskError, UnknownNameError, one_line

__all__ = ["converted", "option_text"]

WORDS: Final = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

NONE: Final = "none"


def converted(reference: str, task: Any, given: Mapping[str, object]) -> dict[str, Any]:
    """The values that options are given by their texts, or as themselves, by name.

    A field is a str, int, float, bool or Path, a Literal, a tuple or list of these (`1,2`), or one of them or None
    (`none`). Raises UnknownNameError on an unknown option or a text that is none of its kind, TaskError if the field is
    annotated with something else.
    """
    known = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
    hints = _hints(reference, task) if given else {}
    values = {}
    for name, value in given.items():
        if name not in known:
            some = f"its options: {', '.join(known)}" if known else "it has no options"
            raise UnknownNameError(f"task {reference!r} has no option {name!r}; {some}")
        hint = _wanted(hints[name], known[name])
        try:
            values[name] = _value(hint, option_text(value))
        except NotImplementedError:
            raise TaskError(
                f"task {reference!r}: option {name!r} is annotated {_words(hint)}, which no text can give; annotate it "
                "with str, int, float, bool, Path, a Literal, a tuple of them, or one of them | None"
            ) from None
        except ValueError:
            raise UnknownNameError(f"task {reference!r}: {name} must be {_words(hint)}, got {short(value)}") from None
    return values


def option_text(value: object) -> str:
    """The text of an option's value, which `converted` reads back: `10`, `0.5`, `1,2`, `none`. Raises ValueError."""
    if value is None:
        return NONE
    if isinstance(value, bool | Integral):
        return str(int(value))
    if isinstance(value, Real):
        return repr(float(value))
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, Iterable):
        return ",".join(map(option_text, value))
    raise ValueError


def _hints(reference: str, task: Any) -> dict[str, Any]:
    try:
        return get_type_hints(type(task))
    except Exception as error:  # An annotation that names what is not there.
        raise TaskError(f"task {reference!r}: its annotations cannot be read: {one_line(error)}") from error


def _wanted(hint: Any, default: object) -> Any:
    """The annotation, or where it says nothing the default's type."""
    if hint in (Any, object):
        return type(default)
    if hint in (tuple, list):
        kinds = {type(each) for each in default} if isinstance(default, tuple | list) else set()
        return hint[kinds.pop() if len(kinds) == 1 else str, ...] if hint is tuple else hint[next(iter(kinds), str)]
    return hint


def _value(hint: Any, text: str) -> Any:
    """Raises ValueError if the text is no such value, NotImplementedError if no text is."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _one_of(parts, text)
    if origin is Literal:
        return {option_text(each): each for each in parts}[text] if text in map(option_text, parts) else _no()
    if origin in (tuple, list):
        return _several(origin, parts, text)
    if hint is bool:
        return WORDS[text.lower()] if text.lower() in WORDS else _no()
    if hint in (str, int, float, Path):
        return hint(text)
    raise NotImplementedError


def _one_of(kinds: tuple[Any, ...], text: str) -> Any:
    """The first kind that the text is one of; any text is a str, which therefore comes last."""
    if NoneType in kinds and text.lower() == NONE:
        return None
    for kind in sorted(kinds, key=lambda kind: kind is str):
        if kind is not NoneType:
            try:
                return _value(kind, text)
            except ValueError:
                continue
    return _no()


def _several(origin: Any, kinds: tuple[Any, ...], text: str) -> Any:
    texts = [each.strip() for each in text.strip("()[] ").split(",") if each.strip()]
    if origin is list or kinds[1:] == (...,):
        return origin(_value(kinds[0], each) for each in texts)
    return tuple(_value(kind, each) for kind, each in zip(kinds, texts, strict=True))


def _no() -> Any:
    raise ValueError


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
