"""The numbers in a file notice every wrong weight."""

from pathlib import Path

import pytest
import torch

from cellsearch.exporters.expected import BATCH, STEPS, expected, filled
from cellsearch.exporters.standalone import export
from cellsearch.recurrence import RNN
from tests.helpers.exported import CELLS, SEEDS, imported


@pytest.mark.parametrize("name", CELLS)
def test_there_is_a_row_for_each_step_and_last_state(name: str) -> None:
    rows = expected(filled(CELLS[name]))
    assert len(rows) == STEPS + 4 * len(CELLS[name].states)
    assert all(len(row) == BATCH for row in rows)


def test_every_single_weight_of_a_trained_module_counts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path, _ = export(RNN(SEEDS["lstm"], 4, 3, 2, bidirectional=True), tmp_path / "trained.py")
    file = imported(path)
    module = file.load()
    file.load = lambda: module
    assert file.check() <= 1e-9
    for array in module.parameters():
        for index in range(array.numel()):
            kept = array.view(-1)[index].item()
            with torch.no_grad():
                array.view(-1)[index] += 1e-4
            assert not file.check() <= 1e-9
            with torch.no_grad():
                array.view(-1)[index] = kept
    assert file.check() <= 1e-9
