"""From a cell to a recurrence over sequences. Needs torch and networkx alone."""

from cellsearch.recurrence.backends import BACKENDS, choose, refusals
from cellsearch.recurrence.interface import Backend
from cellsearch.recurrence.rnn import RNN, parameter_count
from cellsearch.recurrence.torch_weights import load_torch, to_torch

__all__ = ["BACKENDS", "RNN", "Backend", "choose", "load_torch", "parameter_count", "refusals", "to_torch"]
