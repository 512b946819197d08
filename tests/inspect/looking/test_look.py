"""A look into a trained cell says what is true of cells whose gates, eigenvalues and memory are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch

from cellsearch.cell import Cell, from_equations, identity
from cellsearch.errors import CellsearchError, StudyError
from cellsearch.inspect.look_tables import look_table
from cellsearch.inspect.looking.look import LOOK, Look, load_look, look, save_look
from cellsearch.inspect.plots.look_plot import save_look_plot
from cellsearch.inspect.report.look_plots import look_plots
from cellsearch.inspect.report.report import page
from cellsearch.inspect.report.study_report import study_document
from cellsearch.study.finals import final_stage
from cellsearch.study.record import FRESH, Proposal, TuningResult
from cellsearch.study.study import Study, load_study
from cellsearch.training import Report, load_task, parts
from cellsearch.training.joint import JOINT
from cellsearch.training.weights import weights_file
from tests.helpers.printed import printed
from tests.helpers.written_study import writing

KEEPER = from_equations(
    "keeper", "h_next = sigmoid(linear(x, bias=1)) * h + linear(x, bias=1)", states=["h"], output="h_next"
)

TEXT = "".join(Random(0).choices("abcdefgh", k=600))


def trained(path: Path, task: str = "chars", cell: Cell = KEEPER, gate: float | None = None) -> Study:
    """A study whose finalist has drawn weights; `gate` is the bias of its gate, whose weights are 0 then."""
    torch.manual_seed(0)
    model = parts(load_task(task, {}))[0].model(cell, 6)
    if gate is not None:
        with torch.no_grad():
            for name, array in model.named_parameters():
                if name.endswith(f"_{cell.order[0]}"):
                    array.fill_(gate if "bias" in name else 0.0)
    with writing(path, task=task) as search:
        number = search.trial(2.5, cell)
        assert number == 2
        stage = final_stage(cell)
        search.ledger.queue(stage, Proposal(cell), FRESH, 1, tuning=TuningResult(2.5, 1))
        search.ledger.begin(stage)
        weights = weights_file(model, model.state_dict())
        search.ledger.report(stage, 0, Report(500, 2.5, 0.1, 6, 99, test=2.5, weights=weights))
        search.ledger.finish(stage, 0)
    return load_study(path)


@pytest.fixture(scope="module")
def half_open(tmp_path_factory: pytest.TempPathFactory) -> Look:
    return look(trained(tmp_path_factory.mktemp("study"), gate=0.0), text=TEXT)


def test_a_gate_without_weights_is_half_open_and_so_are_the_eigenvalues(half_open: Look) -> None:
    ((_, values),) = half_open.gates.items()
    assert len(values) == len(half_open.labels) == 120 and {v for step in values for v in step} == {0.5}
    assert "".join(half_open.labels) == TEXT[:120]
    assert half_open.eigenvalues["trained"] == [(0.5, 0.0)] * 24
    assert any(each != (0.5, 0.0) for each in half_open.eigenvalues["before training"])


def test_of_a_search_on_several_tasks_the_first_is_looked_at(half_open: Look, tmp_path: Path) -> None:
    assert look(trained(tmp_path, task=JOINT, gate=0.0), text=TEXT).gates == half_open.gates


def test_a_gradient_halves_a_step_where_the_state_does(half_open: Look) -> None:
    norms = half_open.gradients["trained"]
    assert norms[3] == pytest.approx(norms[0] / 8)


def test_an_open_gate_remembers_longer_than_a_half_open_one(half_open: Look, tmp_path: Path) -> None:
    kept = look(trained(tmp_path, gate=3.0), text=TEXT)
    assert all(0 <= share <= 1 for unit in half_open.memory for share in unit)
    far = [sum(unit[5] for unit in seen.memory) for seen in (half_open, kept)]
    assert far[0] < 0.1 < 0.2 < far[1]
    assert half_open.longest[0][1] < kept.longest[0][1]
    assert all(unit[0] > unit[1] > unit[2] for unit in half_open.memory)


def test_a_task_without_texts_is_looked_at_on_its_own_data_and_says_that_it_reads_none(tmp_path: Path) -> None:
    study = trained(tmp_path, "adding")
    assert look(study).labels == [] and look(study).memory
    with pytest.raises(CellsearchError, match="task adding reads no text; leave --on out"):
        look(study, text="a")


def test_what_cannot_be_looked_at_is_told_in_one_line(tmp_path: Path) -> None:
    study = trained(tmp_path)
    with pytest.raises(
        StudyError, match="nothing to look at: lstm has had no training with a fresh seed; name a trial"
    ):
        look(study, "0")
    with pytest.raises(CellsearchError, match="text '☃' has no character of the corpus"):
        look(study, text="☃")


def test_it_is_kept_for_the_report_of_the_same_cell(half_open: Look, tmp_path: Path) -> None:
    save_look(half_open, tmp_path / LOOK)
    kept = load_look(tmp_path / LOOK, identity(KEEPER))
    assert kept is not None and look_plots(kept) == look_plots(half_open)
    assert [plot.name for plot in look_plots(kept)] == ["gate-0", "reach", "eigenvalues", "memory"]
    assert load_look(tmp_path / LOOK, "another") is None and load_look(tmp_path / "none", "") is None
    (tmp_path / LOOK).write_text("[1, 2]")
    assert load_look(tmp_path / LOOK, identity(KEEPER)) is None


def test_the_report_of_the_study_shows_what_was_seen_of_its_winner(half_open: Look, tmp_path: Path) -> None:
    study = trained(tmp_path, gate=0.0)
    assert 'id="looks"' not in page(study_document(study))
    save_look(half_open, tmp_path / LOOK)
    assert 'id="looks"' in page(study_document(study)) and 'data-plot="eigenvalues"' in page(study_document(study))


def test_hostile_names_and_texts_are_drawn_as_they_are(half_open: Look, tmp_path: Path) -> None:
    hostile = replace(half_open, cell="$\\frac{", labels=["$", "<", "\n", " "] * 30)
    save_look_plot(hostile, tmp_path / "look.svg")
    assert "<script" not in (tmp_path / "look.svg").read_text(encoding="utf-8")
    assert "&lt;" in str(look_plots(replace(half_open, labels=["<"] * 120))[0].figure)


def test_the_table_names_gates_states_and_units(half_open: Look) -> None:
    text = printed(look_table(half_open), 120)
    assert "0.50" in text and "largest |eigenvalue|" in text and "remembers the input of" in text
