"""MLflow: a run a trial, in the experiment that has the study's name, at the server of MLFLOW_TRACKING_URI."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from typing import Final

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # a server that is away must not hold a search up
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from cellsearch.errors import UnknownNameError, one_line
from cellsearch.study.callback import Callback
from cellsearch.study.record import Record
from cellsearch.training import Report

__all__ = ["MLflow"]

LOG: Final = logging.getLogger("cellsearch")

LONGEST: Final = 200
"""Characters of what MLflow says is wrong."""

STATUS: Final = {"complete": "FINISHED", "failed": "FAILED", "paused": "KILLED"}
"""How MLflow calls what a trial has come to; one that was paused goes on as the same run."""


class MLflow(Callback):
    """Logs each trial's scores, hyperparameters and end. Raises UnknownNameError if the server does not answer.

    A server that goes away later ends nothing: a warning says so, once, and no more is sent.
    """

    def __init__(self, study: Path) -> None:
        self._runs: dict[tuple[str, int], str] = {}
        self._is_there = True
        name = study.resolve().name
        try:
            self._client = MlflowClient()
            known = self._client.get_experiment_by_name(name)
            self._experiment = known.experiment_id if known else self._client.create_experiment(name)
        except MlflowException as error:
            raise UnknownNameError(
                f"callback 'mlflow': {_shortly(error)}; set MLFLOW_TRACKING_URI to the address of a server that answers"
            ) from error

    def report(self, record: Record, report: Report) -> None:
        self._send(lambda: self._client.log_metric(self._run(record), "score", report.score, step=report.step))

    def end(self, record: Record) -> None:
        self._send(lambda: self._end(record))

    def _end(self, record: Record) -> None:
        run = self._run(record)
        for name, value in {"parameters": record.parameters, "best score": record.score, "test": record.test}.items():
            if value is not None:
                self._client.log_metric(run, name, value)
        if record.reason:
            self._client.set_tag(run, "reason", record.reason)
        if record.state in STATUS:
            self._client.set_terminated(run, STATUS[record.state])

    def _run(self, record: Record) -> str:
        """The trial's run, which is made when the first is heard of it."""
        trial = (record.stage, record.number)
        if trial not in self._runs:
            tags = {"stage": record.stage, "role": record.role, "trial": str(record.number)}
            run = self._client.create_run(self._experiment, run_name=record.cell.name, tags=tags)
            self._runs[trial] = run.info.run_id
            for name, value in record.hyperparameters.items():
                self._client.log_param(self._runs[trial], name, value)
        return self._runs[trial]

    def _send(self, call: Callable[[], object]) -> None:
        if not self._is_there:
            return
        try:
            call()
        except MlflowException as error:
            self._is_there = False
            LOG.warning("MLflow hears nothing more of this search: %s", _shortly(error))


def _shortly(error: MlflowException) -> str:
    return shorten(one_line(error), LONGEST)
