"""A folder is there whole, checked, and alone; or not at all, with one line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import cellsearch.exporters.folder as folder_module
from cellsearch.cell import load
from cellsearch.errors import CellsearchError, DivergenceError, ExportError
from cellsearch.exporters.folder import FORMATS, Format, export_folder
from cellsearch.recurrence import RNN
from tests.helpers.alone import TORCH, run
from tests.helpers.exported import SEEDS


def small(name: str = "lstm") -> RNN:
    torch.manual_seed(0)
    return RNN(SEEDS[name], 3, 4)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_folder_has_the_cell_and_what_was_asked_for(tmp_path: Path) -> None:
    written = export_folder(small(), tmp_path / "mine", beside={"README.md": b"# lstm"})
    assert [path.name for path in written] == ["README.md", "cell.json", "model.py", "model.safetensors"]
    assert names(tmp_path) == ["mine"] and names(tmp_path / "mine") == [path.name for path in written]
    assert load(tmp_path / "mine" / "cell.json") == SEEDS["lstm"]
    assert run(tmp_path / "mine" / "model.py", alone=TORCH).returncode == 0


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path: Path) -> None:
    export_folder(small("lstm"), tmp_path / "mine", beside={"README.md": b"# lstm"})
    export_folder(small("gru"), tmp_path / "mine")
    assert names(tmp_path / "mine") == ["cell.json", "model.py", "model.safetensors"]
    assert load(tmp_path / "mine" / "cell.json") == SEEDS["gru"]
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(ExportError, match=r"holds what is no export, such as 'notes.txt'; name one that is new"):
        export_folder(small(), tmp_path / "mine")
    assert load(tmp_path / "mine" / "cell.json") == SEEDS["gru"]


@pytest.mark.parametrize(
    ("place", "formats", "message"),
    [
        ("mine", ["source", "flax"], "unknown format 'flax'; use source, torch"),
        ("mine", [], "an export needs a format; use source, torch"),
        ("a_file", ["source"], "is a file; name a folder, new, empty, or of an earlier export"),
        ("no/mine", ["source"], "no folder '.*no' to export 'mine' to; create it first"),
    ],
)
def test_a_wrong_place_or_format_is_one_clear_line(
    place: str, formats: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "a_file").touch()
    with pytest.raises(CellsearchError, match=message) as caught:
        export_folder(small(), tmp_path / place, formats)
    assert "\n" not in str(caught.value) and names(tmp_path) == ["a_file"]


def test_what_disagrees_is_not_left_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = FORMATS["source"]

    def wrong(rnn: RNN, folder: Path) -> None:
        source.write(rnn, folder)
        text = (folder / "model.py").read_text()
        (folder / "model.py").write_text(text.replace("forget_gate * c + input_gate", "input_gate * c + input_gate"))

    monkeypatch.setattr(folder_module, "FORMATS", {"source": Format(source.files, wrong, source.check)})
    with pytest.raises(ExportError, match=r"model\.py differs from the module that it was made of, by .* is rounding"):
        export_folder(small(), tmp_path / "mine")
    assert names(tmp_path) == []


def test_a_format_whose_package_is_missing_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FORMATS["source"]
    lacking = Format(source.files, source.write, source.check, needs=("no_such_runtime",))
    monkeypatch.setattr(folder_module, "FORMATS", {"onnx": lacking})
    with pytest.raises(ExportError, match=r"format 'onnx' needs no_such_runtime: pip install 'cellsearch\[onnx\]'"):
        export_folder(small(), tmp_path / "mine", ["onnx"])


def test_weights_that_leave_the_finite_numbers_are_not_exported(tmp_path: Path) -> None:
    rnn = small()
    with torch.no_grad():
        next(rnn.parameters()).fill_(torch.nan)
    with pytest.raises(DivergenceError, match="finite"):
        export_folder(rnn, tmp_path / "mine")
    assert names(tmp_path) == []
