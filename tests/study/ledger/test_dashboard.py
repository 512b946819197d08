"""The real optuna-dashboard opens a study as it is, with the metric's name, the cells' names, and notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

from cellsearch.study.finals import final_stage
from cellsearch.study.record import SEARCH, Proposal
from cellsearch_search_spaces.gated import RNN
from tests.helpers.written_study import writing

pytestmark = pytest.mark.filterwarnings("ignore")  # of the dashboard's own


def answer(application: Any, path: str) -> dict[str, Any]:
    """What the dashboard answers to its page."""
    environment = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "wsgi.errors": None}
    parts = application(environment, lambda status, headers, error=None: None)
    found: dict[str, Any] = json.loads(b"".join(parts))
    return found


def test_it_shows_metric_names_and_notes(tmp_path: Path) -> None:
    import optuna_dashboard

    hostile = RNN.renamed("`</code>` <script>")
    with writing(tmp_path, metric="bits per character") as search:
        search.trial(2.5, hostile, parents=(0,))
        search.ledger.queue(final_stage(hostile), Proposal(hostile), "fresh", 1)
    storage = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    names = {each.study_name: each._study_id for each in storage.get_all_studies()}
    application = optuna_dashboard.wsgi(storage)
    found, final = (answer(application, f"/api/studies/{names[name]}") for name in (SEARCH, final_stage(hostile)))
    assert found["objective_names"] == final["objective_names"] == ["bits per character"]
    assert found["note"]["body"].startswith("The search on `")
    assert "h' = tanh(" in final["note"]["body"] and "` </code>  <script>`" in final["note"]["body"]
    assert {"name", "role", "edits"} <= {each["key"] for each in found["union_user_attrs"]}
    trials = optuna.load_study(study_name=SEARCH, storage=storage).trials
    assert [trial.user_attrs["name"] for trial in trials] == ["lstm", "gru", hostile.name]
    storage.engine.dispose()
