"""Training: one cell on one task at one budget and seed."""

from cellsearch.training.evaluation import REPORTS, Evaluation, Report, evaluate, hidden_size_for
from cellsearch.training.task import Split, Task, load_task, task_options

__all__ = [
    "REPORTS",
    "Evaluation",
    "Report",
    "Split",
    "Task",
    "evaluate",
    "hidden_size_for",
    "load_task",
    "task_options",
]
