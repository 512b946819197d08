"""What is looked at: the recurrent layer of a trained model, beside what it reads of a text or of the task's data.

x: [T, B, I] time, batch, input of the first layer, as the model around it gives it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from cellsearch.cell import Cell
from cellsearch.errors import CellsearchError, StudyError
from cellsearch.recurrence import RNN
from cellsearch.signals import Probe, first_call
from cellsearch.study.study import Study
from cellsearch.training import Task, load_task, parts, prepare_task

__all__ = ["Seen", "seen"]


@dataclass(frozen=True, eq=False)
class Seen:
    """A layer in float64 on what it reads, and the same with fresh weights; `labels` name the steps of the text."""

    trained: Probe
    fresh: Probe
    labels: Sequence[str]


def seen(study: Study, which: str, text: str | None) -> Seen:
    """The first recurrent layer of a trial's best fresh training, on a text, or on a batch of the task's without one.

    Raises StudyError if the trial has no trained weights, CellsearchError if the task reads no texts.
    """
    if why := study.untrained(which):
        raise StudyError(f"nothing to look at: {why}; name a trial that came to the finals")
    # The weights of a search on several tasks are those of the first.
    task, *_ = parts(load_task(study.settings["task"], study.settings["options"]))
    prepare_task(study.settings["task"], task)
    cell, path, hidden_size = study.cell(which), *study.trained_file(which)
    model = task.model(cell, hidden_size)
    model.load_state_dict(load(path.read_bytes()))
    given, labels = _read(task, text)
    rnn, x = _first_call(model, task, given)
    return Seen(_probe(cell, rnn, x, rnn), _probe(cell, rnn, x, None), labels)


def _read(task: Task, text: str | None) -> tuple[Any, Sequence[str]]:
    """What the model takes of a text, and a label a step; None for a batch of the task's."""
    if text is None:
        return None, ()
    read = getattr(task, "read", None)
    if read is None:
        raise CellsearchError(f"task {task.name} reads no text; leave --on out to look at a batch of its own data")
    given, labels = read(text)
    return given, labels


def _first_call(model: nn.Module, task: Task, given: Any) -> tuple[RNN, Tensor]:
    """The model's first recurrent module, and what it reads, [T, B, I]."""
    run = partial(model, given) if given is not None else lambda: task.loss(model, next(task.batches(0)), None)
    called = first_call(model, run)
    if called is None:
        raise CellsearchError(f"the model of task {task.name} has no recurrent module to look at")
    rnn, x = called
    return rnn, _by_time(rnn, x)


def _by_time(rnn: RNN, x: Tensor | PackedSequence) -> Tensor:
    """x as [T, B, I]; of sequences of several lengths as many steps as the shortest has."""
    if isinstance(x, PackedSequence):
        padded, lengths = pad_packed_sequence(x)
        return padded[: int(lengths.min())]
    if x.dim() == 2:
        return x.unsqueeze(1)
    return x.transpose(0, 1) if rnn.batch_first else x


def _probe(cell: Cell, like: RNN, x: Tensor, weights: RNN | None) -> Probe:
    """The first layer of an RNN in float64, with its own weights or fresh ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        rnn = RNN(cell, like.input_size, like.hidden_size, dtype=torch.float64)
    if weights is not None:
        rnn.layers[0].load_state_dict(weights.layers[0].state_dict())
    return Probe(rnn, x.detach().double())
