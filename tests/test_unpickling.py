"""No file that anyone hands over is unpickled: which code could, by every file's syntax, and what comes of a pickle."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

from cellsearch.cell import load
from cellsearch.errors import CellError
from cellsearch.training.checkpoint import unpacked
from tests.helpers.project import ROOT

OWN = {
    "cellsearch/training/shared.py": "data in a folder of the pool's own, written by the code that reads it",
    "cellsearch/recurrence/trace/sizes.py": "the outcome of a child process of our own",
}
"""Where something is unpickled, and why that is no stranger's."""

MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def test_nothing_is_unpickled_but_what_this_process_has_made() -> None:
    files = [path for room in ("cellsearch", "search_spaces", "tasks") for path in (ROOT / room).rglob("*.py")]
    assert {path.relative_to(ROOT).as_posix() for path in files if _unpickles(path.read_text("utf-8"))} == OWN.keys()


@pytest.mark.parametrize(
    "source",
    [
        "pickle.loads(text)",
        "from pickle import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "pandas.read_pickle(path)",
    ],
)
def test_what_unpickles_is_found(source: str) -> None:
    assert _unpickles(source)


def test_what_does_not_is_not() -> None:
    assert not _unpickles("torch.load(path, weights_only=True)\nnp.load(path, allow_pickle=False)\njson.load(file)")


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_in_the_place_of_a_cell_or_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    (tmp_path / "cell.json").write_bytes(bomb)
    with pytest.raises(CellError):
        load(tmp_path / "cell.json")
    with pytest.raises(Exception, match="header"):
        unpacked(bomb)
    assert not (tmp_path / "ran").exists()
    pickle.loads(bomb)
    assert (tmp_path / "ran").exists()


def _unpickles(source: str) -> bool:
    """Whether the code reads a pickle, as far as its syntax tells."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            return True
        if isinstance(node, ast.Call):
            module, _, name = ast.unparse(node.func).rpartition(".")
            options = {option.arg: ast.unparse(option.value) for option in node.keywords}
            unsafe = name == "read_pickle" or (module in MODULES and name in ("load", "loads", "Unpickler", "open"))
            unsafe |= (module, name) == ("torch", "load") and options.get("weights_only") != "True"
            if unsafe or options.get("allow_pickle") == "True":
                return True
    return False
