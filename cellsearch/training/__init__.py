"""Training: one cell on one task at one budget and seed."""

from cellsearch.training.budget import Budget, check_counts, expect_budget, hidden_size_for, whole_number
from cellsearch.training.evaluation import Evaluation, Report
from cellsearch.training.hyperparameters import Hyperparameters, Range, Tuning, tuning
from cellsearch.training.joint import evaluate, joint, parts, references, rungs_of, task_texts
from cellsearch.training.named_task import NamedTask, named_task, named_tasks, split_task, task_text
from cellsearch.training.task import (
    Measure,
    MeasuredTask,
    Split,
    Task,
    load_task,
    prepare_task,
    settled_steps,
    task_options,
)

__all__ = [
    "Budget",
    "Evaluation",
    "Hyperparameters",
    "Measure",
    "MeasuredTask",
    "NamedTask",
    "Range",
    "Report",
    "Split",
    "Task",
    "Tuning",
    "check_counts",
    "evaluate",
    "expect_budget",
    "hidden_size_for",
    "joint",
    "load_task",
    "named_task",
    "named_tasks",
    "parts",
    "prepare_task",
    "references",
    "rungs_of",
    "settled_steps",
    "split_task",
    "task_options",
    "task_text",
    "task_texts",
    "tuning",
    "whole_number",
]
