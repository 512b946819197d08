"""TensorBoard: what it shows is what was reported."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cellsearch.study.callbacks.named import find_callback
from tests.helpers.trials import a_report, a_trial


def test_a_trials_curve_and_end_are_in_a_run_of_its_own(tmp_path: Path) -> None:
    callback, trial = find_callback("tensorboard", tmp_path), a_trial(number=3, score=0.5)
    for step, score in ((5, 0.7), (10, 0.5)):
        callback.report(trial, a_report(step, score))
    callback.end(trial)
    shown = EventAccumulator(str(tmp_path / "tensorboard" / "search-3-lstm")).Reload()
    assert [(each.step, round(each.value, 6)) for each in shown.Scalars("score")] == [(5, 0.7), (10, 0.5)]
    assert round(shown.Scalars("best score")[0].value, 6) == 0.5
