"""Training: one cell on one task at one budget and seed."""

from cellsearch.training.evaluation import PATIENCE, REPORTS, Evaluation, Report, evaluate, hidden_size_for
from cellsearch.training.hyperparameters import Range, Tuning, tuning
from cellsearch.training.task import Split, Task, load_task, task_options

__all__ = [
    "PATIENCE",
    "REPORTS",
    "Evaluation",
    "Range",
    "Report",
    "Split",
    "Task",
    "Tuning",
    "evaluate",
    "hidden_size_for",
    "load_task",
    "task_options",
    "tuning",
]
