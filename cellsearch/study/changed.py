"""How a setting differs from what a study was begun with: the part that differs, shown within a line."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Final

__all__ = ["changed"]

LONGEST: Final = 60
"""Characters of a value in a line."""

BEFORE: Final = 15
"""Characters before the first difference that tell where it is."""


def changed(name: str, before: object, now: object) -> tuple[str, str, str]:
    """What differs, such as `options length`, and both values of it: the first entry that is not the same in both."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        key = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        return changed(f"{name} {key}", before.get(key), now.get(key))
    if (
        isinstance(before, list)
        and isinstance(now, list)
        and len(before) == len(now)
        and isinstance(now[0], str | list)
    ):
        place = next(place for place, each in enumerate(before) if each != now[place])
        return changed(f"{name} {place + 1}", before[place], now[place])
    if before is None or now is None:
        return name, _text(before), _text(now)
    one, other = repr(before), repr(now)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return name, _around(one, same), _around(other, same)


def _text(value: object) -> str:
    return "not given" if value is None else _around(repr(value), 0)


def _around(text: str, place: int) -> str:
    """The text, or where it is long what stands around a place."""
    if len(text) <= LONGEST:
        return text
    start = max(0, min(place - BEFORE, len(text) - LONGEST))
    return ("..." if start else "") + text[start : start + LONGEST] + ("..." if start + LONGEST < len(text) else "")
