"""Tasks and search spaces by name or reference, through the door that a user's own package uses too.

A reference is a name registered in an entry-point group, `package.module:OBJECT`, or `path/to/file.py:OBJECT`.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.abc import InspectLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from cellsearch import files
from cellsearch.cell import Cell
from cellsearch.cell.untrusted import short
from cellsearch.errors import UnknownNameError, one_line
from cellsearch.space import SearchSpace

__all__ = [
    "CALLBACKS",
    "SPACES",
    "STRATEGIES",
    "TASKS",
    "broken_spaces",
    "load",
    "load_file",
    "names",
    "reference",
    "seed",
    "seeds",
    "sources",
    "spaces",
    "texts",
    "titles",
]

TASKS: Final = "cellsearch.tasks"
SPACES: Final = "cellsearch.search_spaces"
STRATEGIES: Final = "cellsearch.strategies"
CALLBACKS: Final = "cellsearch.callbacks"

KIND: Final = {TASKS: "task", SPACES: "search space", CALLBACKS: "callback", STRATEGIES: "strategy"}


def names(group: str) -> list[str]:
    """The registered names of a group, sorted."""
    return sorted(_registered(group))


def titles(group: str) -> dict[str, str]:
    """What each registered name of a group is, sorted: the first line of its module's source, which is not run."""
    return {name: _title(points[0].module) for name, points in sorted(_registered(group).items())}


def _title(module: str) -> str:
    """The first line of a module's docstring. The packages that it is in are imported, as Python does to find it."""
    try:
        found = importlib.util.find_spec(module)
        source = found.loader.get_source(module) if found and isinstance(found.loader, InspectLoader) else None
        return (ast.get_docstring(ast.parse(source or "")) or "").partition("\n")[0]
    except Exception as error:
        return f"cannot be loaded: {one_line(error)}"


def load(group: str, reference: str) -> Any:
    """The object that a name or reference leads to. Raises UnknownNameError, which lists the names that exist."""
    kind = KIND[group]
    if not isinstance(reference, str):
        raise UnknownNameError(f"a {kind}'s name is expected, got {short(reference)}; use one, or my_file.py:OBJECT")
    if ":" in reference:
        place, _, attribute = reference.rpartition(":")
        module = load_file(kind, reference, Path(place)) if place.endswith(".py") else _module(kind, reference, place)
        if not hasattr(module, attribute):
            raise UnknownNameError(f"{kind} {reference!r}: {place} has no {attribute!r}; name what it defines")
        return getattr(module, attribute)
    registered = _registered(group)
    if reference not in registered:
        raise UnknownNameError(
            f"unknown {kind} {reference!r}; use {', '.join(sorted(registered))}, or a reference such as "
            f"my_file.py:{'TASK' if group == TASKS else 'SPACE'}"
        )
    return _loaded(kind, registered[reference])


def load_operations(reference: str) -> None:
    """Run what defines operations: a file such as my_ops.py, or a search space. Raises UnknownNameError."""
    if reference.endswith(".py"):
        load_file("operations", reference, Path(reference))
    else:
        load(SPACES, reference)


def reference(group: str, kind: type) -> tuple[str, Any]:
    """The reference of an object of the class that the class's own module holds, and that object; else "" and None."""
    module = sys.modules.get(kind.__module__)
    found = [(name, value) for name, value in vars(module).items() if type(value) is kind] if module else []
    if not found or module is None:
        return "", None
    place, value = f"{module.__name__}:{found[0][0]}", found[0][1]
    names = {points[0].value: name for name, points in _registered(group).items()}
    if module.__name__ == "__main__" or module.__name__.startswith(files.PREFIX):
        file = getattr(module, "__file__", None)  # a notebook has none
        return (f"{file}:{found[0][0]}", value) if file else ("", None)
    return names.get(place, place), value


def _registered(group: str) -> Mapping[str, list[EntryPoint]]:
    """What is registered in a group, by name: ours first, so that no other package takes the place of what is ours."""
    return _registered_on(group, tuple(sys.path))


@cache
def _registered_on(group: str, path: tuple[str, ...]) -> Mapping[str, list[EntryPoint]]:
    """The same, read once for each path on which Python looks for packages: there may be hundreds of them."""
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=group), key=lambda point: (not _is_ours(point), point.name)):
        found.setdefault(point.name, []).append(point)
    return found


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == "cellsearch"


def _loaded(kind: str, points: Sequence[EntryPoint]) -> Any:
    """What is registered under a name. Raises UnknownNameError if it fails to load, or two packages mean two things."""
    point, others = points[0], sorted({point.value for point in points} - {points[0].value})
    if others and not _is_ours(point):
        raise UnknownNameError(
            f"{kind} {point.name!r} is registered twice, as {point.value} and {others[0]}; name it by one of these"
        )
    try:
        return point.load()
    except Exception as error:
        raise UnknownNameError(
            f"{kind} {point.name!r} is registered but cannot be loaded: {one_line(error)}"
        ) from error


def _module(kind: str, reference: str, place: str) -> ModuleType:
    try:
        return files.load_module(place)
    except Exception as error:
        raise UnknownNameError(
            f"{kind} {reference!r}: {one_line(error)}; install the package or name a file"
        ) from error


def load_file(kind: str, reference: str, path: Path) -> ModuleType:
    """The module of a Python file. Raises UnknownNameError, `kind` and `reference` tell for what."""
    try:
        return files.load(path)
    except FileNotFoundError as error:
        if error.filename not in (str(path), str(path.resolve())):
            raise _fails_to_load(kind, reference, path, error) from error
        raise UnknownNameError(f"{kind} {reference!r}: no file {path}") from None
    except Exception as error:
        raise _fails_to_load(kind, reference, path, error) from error


def _fails_to_load(kind: str, reference: str, path: Path, error: Exception) -> UnknownNameError:
    return UnknownNameError(f"{kind} {reference!r}: {path} fails to load: {one_line(error)}")


def texts(*references: str) -> dict[str, str]:
    """The texts of the files that these references name, as this process has run them, by their paths."""
    places = [reference if reference.endswith(".py") else reference.rpartition(":")[0] for reference in references]
    return {place: files.text_of(Path(place)) for place in places if place.endswith(".py")}


def sources(*references: str) -> list[Path]:
    """The files and packages, but for ours, that another machine needs to load what these references name."""
    found: list[Path] = []
    for reference in references:
        place = reference.rpartition(":")[0] or reference
        if place.endswith(".py"):
            found += files.sources(Path(place))
            continue
        points = [point for group in KIND for point in _registered(group).get(reference, [])]
        modules = [point.module for point in points if not _is_ours(point)] or ([place] if ":" in reference else [])
        for top in [module.partition(".")[0] for module in modules if not module.startswith(files.OURS)]:
            if root := files.package_root(importlib.import_module(top)):
                found.append(root)
    return [*dict.fromkeys(found)]


def seed(name: str) -> Cell:
    """The seed cell of that name in any registered space, ours first. Raises UnknownNameError, which names some."""
    for _, space in _spaces():
        if isinstance(space, SearchSpace) and name in space.seeds:
            return space.seeds[name]
    near = get_close_matches(name, seeds(), n=3) or ["lstm", "gru", "rnn"]
    lost = "".join(f"; {reason}" for reason in broken_spaces().values())
    raise UnknownNameError(
        f"unknown cell {name!r}; use a seed such as {', '.join(near)} (all: cellsearch list cells), "
        f"a .json file, or STUDY:best{lost}"
    )


def seeds() -> dict[str, Cell]:
    """All seed cells of the registered spaces by name; a name that several spaces have is the first one's."""
    found: dict[str, Cell] = {}
    for space in spaces().values():
        found |= {name: cell for name, cell in space.seeds.items() if name not in found}
    return found


def spaces() -> dict[str, SearchSpace]:
    """The registered search spaces by name, ours first, without those that cannot be loaded."""
    return {name: space for name, space in _spaces() if isinstance(space, SearchSpace)}


def broken_spaces() -> dict[str, str]:
    """Why registered search spaces cannot be loaded, by name."""
    return {name: reason for name, reason in _spaces() if isinstance(reason, str)}


def _spaces() -> Iterator[tuple[str, SearchSpace | str]]:
    """Each registered space when it is due, or why it cannot be loaded: one that is broken takes no other along."""
    for name, points in _registered(SPACES).items():
        try:
            space = _loaded(KIND[SPACES], points)
        except UnknownNameError as error:
            yield name, str(error)
        else:
            right = isinstance(space, SearchSpace)
            yield name, space if right else f"search space {name!r} is a {type(space).__name__}, no SearchSpace"
