"""A user's Python file as a module: run once, and again after it or what it imports from beside it was changed.

Three processes must have the same of it: the driver, its workers, and a later driver. So the file that a program was
started with is that program's own module and not run again; a search that such a file begins on its last lines is none
where the file is only loaded; and workers run the text that their driver has run, whatever has become of the file.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

__all__ = ["PREFIX", "end_load", "give_texts", "load", "load_module", "package_root", "sources", "text_of"]

PREFIX: Final = "cellsearch_file_"
"""How the modules of files are called, with a number after it: a file's classes find it when they are pickled."""

OURS: Final = "cellsearch"


@dataclass(frozen=True)
class _Loaded:
    """A module, the text that was run, and the files of the modules that it imported from beside it, by name."""

    module: ModuleType
    text: str
    beside: Mapping[str, tuple[Path, bytes]]

    def is_current(self, text: str) -> bool:
        """Whether nothing of it has changed since."""
        return text == self.text and all(_content(path) == content for path, content in self.beside.values())


_LOADED: Final[dict[Path, _Loaded]] = {}
_GIVEN: Final[dict[str, str]] = {}
_CONTENTS: Final[dict[str, bytes]] = {}
_LOADING: Final[list[Path]] = []


class _LoadEnds(BaseException):
    """Ends a file that is loaded where it would begin a search of its own."""


def end_load() -> None:
    """Called where a search begins: in a file that is only being loaded, all that is asked of it is there by now."""
    if _LOADING:
        raise _LoadEnds


def give_texts(texts: Mapping[str, str]) -> None:
    """From here on these files, by their paths as they are named, have these texts, and all others what is on disk."""
    _GIVEN.clear()
    _GIVEN.update(texts)


def text_of(path: Path) -> str:
    """The text of a loaded file as it was run."""
    return _LOADED[path.resolve()].text


def sources(path: Path) -> list[Path]:
    """What a loaded file needs of its folder: the package that it is in, and what was imported from beside it."""
    folder = path.resolve().parent
    tops = {name.partition(".")[0] for name in list(sys.modules) if _is_beside(name, folder)} - {"__main__"}
    found = [root for name in sorted(tops) if (root := package_root(sys.modules[name]))]
    package = None
    while (folder / "__init__.py").is_file():
        package, folder = folder, folder.parent
    return [package, *found] if package else found


def package_root(module: ModuleType) -> Path | None:
    """The folder of a package, or the file of a module that is none."""
    places = [*getattr(module, "__path__", []), *filter(None, [getattr(module, "__file__", None)])]
    return Path(places[0]).absolute() if places else None  # a link keeps its name, by which it is imported


def load_module(name: str) -> ModuleType:
    """The module of that name, anew if its file has changed since. Raises whatever importing it raises."""
    main = sys.modules["__main__"]
    if getattr(getattr(main, "__spec__", None), "name", None) == name:  # python -m name
        return main
    module = importlib.import_module(name)
    file = _file(module)
    content = _content(file) if file else b""
    if _CONTENTS.setdefault(name, content) != content:
        importlib.invalidate_caches()
        module = importlib.reload(module)
    _CONTENTS[name] = content
    return module


def load(path: Path) -> ModuleType:
    """The module of a file. Raises OSError if there is none, and whatever running it raises."""
    text = _GIVEN.get(str(path))
    place = path.resolve()
    if text is None:
        text = place.read_text("utf-8")
    main = sys.modules.get("__main__")
    if main is not None and _file(main) == place:
        _LOADED.setdefault(place, _Loaded(main, text, {}))
        return main
    known = _LOADED.get(place)
    if known is None or not known.is_current(text):
        _forget(place, known)
        _LOADED[place] = _run(place, text)
    return _LOADED[place].module


def _run(place: Path, text: str) -> _Loaded:
    name = f"{PREFIX}{sha256(str(place).encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(place)
    before = set(sys.modules)
    sys.modules[name] = module
    _LOADING.append(place)
    try:
        with _beside(place.parent):
            exec(compile(text, str(place), "exec"), vars(module))
    except _LoadEnds:
        pass
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        _LOADING.pop()
    imported = {name: sys.modules[name] for name in set(sys.modules) - before if _is_beside(name, place.parent)}
    files = {name: path for name, each in imported.items() if (path := _file(each))}
    return _Loaded(module, text, {name: (path, _content(path)) for name, path in files.items()})


@contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Modules of the folder are found first, as in a program that is started there, and later on after all others."""
    importlib.invalidate_caches()
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # which a change within a second would outlive
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        with suppress(ValueError):  # a file may have changed the path itself
            sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _forget(place: Path, known: _Loaded | None) -> None:
    """Let modules be imported anew: those beside the file that have changed, and namesakes from beside other files."""
    stale = set(known.beside) if known else set()
    others = {name for path, each in _LOADED.items() if path.parent != place.parent for name in each.beside}
    tops = {name.partition(".")[0] for name in others}
    hidden = {top for top in tops if (place.parent / f"{top}.py").is_file() or (place.parent / top).is_dir()}
    for name in stale | {name for name in others if name.partition(".")[0] in hidden}:
        sys.modules.pop(name, None)


def _is_beside(name: str, folder: Path) -> bool:
    """Whether a module, or the package that it is in, lies in the folder; ours are never a user's."""
    top = name.partition(".")[0]
    if top.startswith(OURS) or top not in sys.modules:
        return False
    folders: list[Path | None] = [Path(each) for each in getattr(sys.modules[top], "__path__", [])]
    places = folders or [_file(sys.modules[top])]
    return any(place is not None and place.parent == folder for place in places)


def _file(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
