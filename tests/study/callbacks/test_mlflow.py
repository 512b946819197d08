"""MLflow: runs that its own client reads back, and a server that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch.errors import UnknownNameError
from cellsearch.study.callbacks.mlflow import MlflowClient
from cellsearch.study.callbacks.named import find_callback
from tests.helpers.trials import a_report, a_trial


def test_a_trial_is_a_run_with_its_curve_and_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlflow").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    study = tmp_path / "chars"
    callback, trial = find_callback("mlflow", study), a_trial(number=3, score=0.5)
    for step, score in ((5, 0.7), (10, 0.5)):
        callback.report(trial, a_report(step, score))
    callback.end(trial)
    client = MlflowClient()
    experiment = client.get_experiment_by_name("chars")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    curve = client.get_metric_history(run.info.run_id, "score")
    assert sorted((each.step, each.value) for each in curve) == [(5, 0.7), (10, 0.5)]
    assert run.data.metrics["best score"] == 0.5 and run.info.status == "FINISHED"
    assert run.data.params == {"learning_rate": "0.01"} and run.data.tags["trial"] == "3"


def test_a_server_that_does_not_answer_is_one_line_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UnknownNameError, match=r"callback 'mlflow': MlflowException: .*; set MLFLOW_TRACKING_URI to"):
        find_callback("mlflow", tmp_path)


def test_a_server_that_goes_away_is_a_warning_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlflow").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    callback = find_callback("mlflow", tmp_path / "chars")
    callback._client = MlflowClient("http://127.0.0.1:9")  # type: ignore[attr-defined]
    for number in range(2):
        callback.report(a_trial(number), a_report(5, 0.7))
    assert caplog.text.count("MLflow hears nothing more of this search: MlflowException: ") == 1
