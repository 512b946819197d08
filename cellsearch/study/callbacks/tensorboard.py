"""TensorBoard: a curve a trial, and the best score so far, in the folder `tensorboard` of the study."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torch.utils.tensorboard import SummaryWriter

from cellsearch.study.callback import Callback
from cellsearch.study.record import Record
from cellsearch.training import Report

__all__ = ["TensorBoard"]

FOLDER: Final = "tensorboard"


class TensorBoard(Callback):
    """Writes what `tensorboard --logdir STUDY/tensorboard` shows: a run a trial, called `stage-number-cell`."""

    def __init__(self, study: Path) -> None:
        self._folder = study / FOLDER
        self._writers: dict[str, SummaryWriter] = {}

    def report(self, record: Record, report: Report) -> None:
        writer = self._writer(record)
        writer.add_scalar("score", report.score, report.step)
        writer.add_scalar("seconds", report.seconds, report.step)
        writer.flush()

    def end(self, record: Record) -> None:
        writer = self._writer(record)
        writer.add_text("trial", f"{record.state} {record.reason}".strip(), record.reached)
        if record.score is not None:
            writer.add_hparams(
                {**record.hyperparameters, "cell": record.cell.name, "parameters": record.parameters or 0},
                {"best score": record.score},
                run_name=".",
            )
        writer.close()
        del self._writers[_run(record)]

    def _writer(self, record: Record) -> SummaryWriter:
        run = _run(record)
        if run not in self._writers:
            self._writers[run] = SummaryWriter(str(self._folder / run))
        return self._writers[run]


def _run(record: Record) -> str:
    return f"{record.stage}-{record.number}-{record.cell.name}".replace("/", "-")
