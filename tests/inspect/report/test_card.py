"""A card is what Hugging Face reads: its fields, the numbers of the finals, and no name is more than a name."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st

from cellsearch.inspect.report.card import card
from cellsearch_search_spaces.gated import GRU
from tests.helpers.large_study import large_study

STUDY = large_study(7)
FILES = {"model.py": "the module"}
EXPORT = "cellsearch export runs/large:best -o mine --as source"


def test_the_card_of_a_winner_has_its_numbers_where_hugging_face_reads_them() -> None:
    winner = STUDY.cell("best")
    text = card(winner, (STUDY, "best"), FILES, EXPORT)
    found = ModelCard(text).data
    (result,) = found.eval_results
    (verdict,) = (each for each in STUDY.verdicts if each.cell == winner)
    assert verdict.test is not None
    assert (found.model_name, result.metric_value) == (winner.name, verdict.test.mean)
    assert found.library_name == "pytorch" and found.license == "other"
    for wanted in (
        "![The cell as a graph](cell.png)",
        "output = ",
        "- `model.py`: the module",
        EXPORT,
        "where the search began",
    ):
        assert wanted in text
    assert f"| {verdict.parameters:,} | {verdict.fresh_seeds} |" in text


def test_a_cell_of_no_study_says_that_its_weights_are_fresh() -> None:
    text = card(GRU, None, FILES, EXPORT)
    assert ModelCard(text).data.eval_results is None
    assert "The weights are fresh" in text and "h' = z ⊙ h + (1 − z) ⊙ h̃" in text


HOSTILE = ["x\"]: '--- {a}", "--- # !!python/object", "|a|b|", "</p><script>x</script>", "```", "[a](javascript:b)"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_out(name: str) -> None:
    text = card(GRU.renamed(name), None, FILES, EXPORT)
    assert not re.search(r"(?<!\\)(<script|\]\(java|`{3}[^\n]*`)", text)
    assert len(text.splitlines()) == len(card(GRU, None, FILES, EXPORT).splitlines())


@settings(max_examples=15, deadline=None)
@given(name=st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_no_text_breaks_out_of_the_fields(name: str) -> None:
    known, winner = STUDY.cell("best"), STUDY.cell("best").renamed(name)
    records = [replace(each, cell=winner) if each.cell == known else each for each in STUDY.records]
    finals = {winner if cell == known else cell: trials for cell, trials in STUDY.finals.items()}
    study = replace(STUDY, records=records, finals=finals)
    assert ModelCard(card(winner, (study, "best"), FILES, EXPORT)).data.model_name == name
