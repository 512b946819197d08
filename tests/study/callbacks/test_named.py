"""Callbacks by name: ours, a user's own, and what is refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cellsearch.errors import UnknownNameError
from cellsearch.study.callbacks.named import find_callback

MINE = """
import cellsearch as cs

class Ends(cs.Callback):
    def __init__(self, study):
        self.study = study

NOTHING = 3
"""


def test_a_file_makes_a_callback_of_the_studys_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    found = find_callback(f"{tmp_path}/mine.py:Ends", tmp_path)
    assert found.study == tmp_path  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("wandb", "unknown callback 'wandb'; use tensorboard, mlflow, or a reference such as my_file.py:CALLBACK"),
        ("mine.py:NOTHING", "callback 'mine.py:NOTHING' makes no callback of a study's folder; name a class or"),
        ("nowhere.py:ENDS", "callback 'nowhere.py:ENDS': no file nowhere.py"),
    ],
)
def test_what_makes_no_callback_is_one_line(
    reference: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownNameError) as refusal:
        find_callback(reference, tmp_path)
    assert str(refusal.value).startswith(message)


def test_a_package_that_is_not_installed_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "cellsearch.study.callbacks.mlflow", raising=False)
    with pytest.raises(UnknownNameError, match=r"'mlflow' needs mlflow; run: pip install 'cellsearch\[metrics\]'"):
        find_callback("mlflow", tmp_path)
