"""Reading what nobody vouches for: bounded text, JSON, and checks whose errors name the place. Runs no code."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cellsearch.errors import CellError

__all__ = ["bounded_text", "expect", "expect_keys", "json_value", "short"]


def bounded_text(path: Path, where: str, most: int) -> str:
    """The text of a file of at most `most` bytes. Raises CellError, which begins with `where`."""
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise CellError(f"{where}: {error.strerror}") from None
    except ValueError as error:  # A path with a zero character.
        raise CellError(f"{where}: {error}") from None
    if len(content) > most:
        raise CellError(f"{where}: larger than {most} bytes, too large for a cell")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CellError(f"{where}: not UTF-8 text") from None


def json_value(text: str, where: str) -> Any:
    """The value that JSON text stands for, no key twice. Raises CellError, which begins with `where`."""
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise CellError(f"{where}: not JSON: {error.msg} in line {error.lineno}") from None
    except RecursionError:
        raise CellError(f"{where}: nested too deeply for a cell") from None
    except ValueError as error:
        raise CellError(f"{where}: {error}") from None


def expect(holds: bool, where: str, what: str, wanted: str, got: object) -> None:
    """Raise CellError `where: what must be wanted, got ...` unless it holds."""
    if not holds:
        raise CellError(f"{where}: {what} must be {wanted}, got {short(got)}")


def expect_keys(
    content: Mapping[str, Any], needed: Collection[str], possible: Collection[str], where: str, what: str
) -> None:
    """Raise CellError if a needed key is missing or one is there that is neither needed nor possible."""
    missing, unknown = set(needed) - content.keys(), content.keys() - set(needed) - set(possible)
    if missing:
        raise CellError(f"{where}: {what} has no {', '.join(map(repr, sorted(missing)))}; add it")
    if unknown:
        raise CellError(f"{where}: {what} has unknown {short(min(unknown, key=str))}; remove it")


def short(value: object) -> str:
    """The value as it is quoted in an error: on one line, of 80 characters at most."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # Nested too deeply, or an integer of too many digits.
        return f"a {type(value).__name__} too large to print"
    text = " ".join(text.splitlines())
    return text if len(text) <= 80 else text[:77] + "..."


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{short(twice)} is there twice; rename or remove one")
    return content
