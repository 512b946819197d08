"""A search driven by hand: strategies learn from what is told, and the same scores give the same cells."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

import cellsearch as cs
from cellsearch.cell import identity
from cellsearch.errors import StrategyError, UnknownNameError
from cellsearch.study.strategies.local_search import LocalSearch

OWN = """
import cellsearch as cs

class Mine:
    def __init__(self, seeds, space):
        self.seeds, self.space = seeds, space

    def propose(self, history, lower_is_better, random):
        BODY
"""


def own(folder: Path, body: str) -> str:
    """A strategy of the user's own whose `propose` does this."""
    file = folder / "mine.py"
    file.write_text(OWN.replace("BODY", body))
    return f"{file}:Mine"


def nodes(count: int, **settings: object) -> list[cs.Candidate]:
    """So many candidates; a cell's score is how many nodes it has."""
    found = []
    for candidate in islice(cs.propose(**settings), count):  # type: ignore[arg-type]
        candidate.tell(len(candidate.cell.nodes))
        found.append(candidate)
    return found


def test_the_seeds_come_first_and_the_rest_is_of_the_space_and_new() -> None:
    found = nodes(40)
    assert [each.cell.name for each in found[:4]] == ["rnn", "lstm", "gru", "cell_3"]
    assert len({cs.family(each.cell) for each in found}) == 40
    assert all(each.parents and each.edits for each in found[3:])


def test_the_same_scores_give_the_same_cells_and_others_give_others() -> None:
    cells = [identity(each.cell) for each in nodes(40)]
    assert cells == [identity(each.cell) for each in nodes(40)]
    assert cells != [identity(each.cell) for each in nodes(40, lower_is_better=False)]
    assert cells != [identity(each.cell) for each in nodes(40, seed=1)]


@pytest.mark.parametrize("strategy", ["evolution", LocalSearch])
def test_what_is_told_is_learned_from(strategy: str) -> None:
    few, many = (nodes(60, strategy=strategy, lower_is_better=lower)[-20:] for lower in (True, False))
    assert sum(len(each.cell.nodes) for each in few) < sum(len(each.cell.nodes) for each in many)


def test_what_is_told_late_or_never_does_not_stop_it() -> None:
    candidates = cs.propose(seed=3)
    first = list(islice(candidates, 20))
    first[0].fail()
    for candidate in first[1:10]:
        candidate.tell(1.0)
    assert next(candidates).number == 20


def test_a_strategy_of_ones_own_proposes(tmp_path: Path) -> None:
    reference = own(tmp_path, "return cs.Proposal(cs.mutate(self.seeds[0], self.space, random)[0], (0,), ('mine',))")
    assert nodes(9, strategy=reference, seeds="gru")[-1].edits == ("mine",)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return self.seeds[0]", r"propose returned .*; return cellsearch.Proposal\(cell\)"),
        (
            "return cs.Proposal(cs.find_cell('nas_cell'))",
            "proposed cell 'nas_cell', which lies outside of space 'gated'",
        ),
        ("raise ValueError('two\\nlines')", "propose raised ValueError"),
    ],
)
def test_a_strategy_that_breaks_its_promise_is_told_in_one_line(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(StrategyError, match=words) as raised:
        nodes(9, strategy=own(tmp_path, body))
    assert "\n" not in str(raised.value)


def test_what_is_no_strategy_seed_or_score_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("NONE = 3\ndef none(seeds, space): return 3\n")
    with pytest.raises(StrategyError, match="cannot be made: TypeError"):
        cs.propose(strategy=f"{tmp_path / 'mine.py'}:NONE")
    with pytest.raises(StrategyError, match="has no method propose"):
        cs.propose(strategy=f"{tmp_path / 'mine.py'}:none")
    with pytest.raises(UnknownNameError, match="seed 'nas_cell' lies outside of space 'gated'"):
        cs.propose(seeds="nas_cell")
    with pytest.raises(StrategyError, match="a score is a finite number, got nan"):
        next(cs.propose()).tell(float("nan"))
