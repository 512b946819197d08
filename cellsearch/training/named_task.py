"""A task as it is named in a list: `digits@permuted=1,batch=20` is a name or reference, and options of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cellsearch import plugins
from cellsearch.cell.untrusted import short
from cellsearch.errors import UnknownNameError
from cellsearch.training.options import option_text
from cellsearch.training.task import MeasuredTask, Task, load_task, task_options

__all__ = ["NamedTask", "named_task", "named_tasks", "split_task", "task_text"]

TEXT: Final = re.compile(r"(?P<reference>.*?\.py:\w+|[^@]*)(?:@(?P<options>.*))?", re.DOTALL)
"""The folder of a file may have an @ in its name."""

LONGEST: Final = 80
"""Characters of a folder's name, about."""


@dataclass(frozen=True)
class NamedTask:
    """A task with its reference and all the options that it was given."""

    reference: str
    options: Mapping[str, str]
    task: Task

    @property
    def text(self) -> str:
        """The task in one word, as it may be named again."""
        return task_text(self.reference, self.options)

    @property
    def measured(self) -> MeasuredTask:
        """What a study keeps of the task."""
        return MeasuredTask(self.task.name, self.task.metric, bool(self.task.lower_is_better))

    @property
    def folder(self) -> str:
        """The text as the name of a folder; two tasks never have the same."""
        safe = re.sub(r"[^\w.,=@+-]+", "-", self.text).strip(".-")
        if safe == self.text and len(safe) <= LONGEST:
            return safe
        return f"{safe[-LONGEST:]}-{sha256(self.text.encode()).hexdigest()[:8]}"


def named_task(task: str | Task, options: Mapping[str, object]) -> NamedTask:
    """A task, or that of a text, with `options` where it has none of its own.

    An option is the same however it was written, as 10, "10" or "010". Raises as `load_task` does.
    """
    reference, own = split_task(_text(task))
    both = {name: _absolute(name, value) for name, value in {**options, **own}.items()}
    loaded = load_task(reference, both)
    return NamedTask(reference, {name: option_text(getattr(loaded, name)) for name in both}, loaded)


def named_tasks(tasks: str | Task | Sequence[str | Task], options: Mapping[str, object]) -> list[NamedTask]:
    """The tasks of a list, or one alone; each gets those of the `options` beside that it has.

    Raises UnknownNameError, in one line, if a task is unknown or there twice, or no task has one of the options.
    """
    texts = [_text(task) for task in ([tasks] if isinstance(tasks, str) or not isinstance(tasks, Sequence) else tasks)]
    if not texts:
        raise UnknownNameError("no task is named; name one or more, as chars or digits@permuted=1")
    known = {text: task_options(load_task(split_task(text)[0], {})) for text in texts}
    everything = sorted({option for each in known.values() for option in each})
    for option in options:
        if option not in everything:
            raise UnknownNameError(
                f"none of the tasks {', '.join(texts)} has an option {option!r}; their options: {', '.join(everything)}"
            )
    found: list[NamedTask] = []
    for text in texts:
        named = named_task(text, {name: value for name, value in options.items() if name in known[text]})
        if any(named.task == other.task for other in found):
            raise UnknownNameError(f"task {named.text!r} is named twice; name each task once")
        found.append(named)
    return found


def split_task(text: str) -> tuple[str, dict[str, str]]:
    """A text's reference and its own options. Raises UnknownNameError of an option without a value."""
    match = TEXT.fullmatch(text)
    assert match is not None
    options: dict[str, str] = {}
    for part in filter(None, (match["options"] or "").split(",")):
        name, equals, value = part.partition("=")
        if equals:
            options[name] = value
        elif options:  # the next of several values, as in sizes=1,2
            options[next(reversed(options))] += f",{part}"
        else:
            raise UnknownNameError(f"task {text!r}: option {name!r} has no value; write {name}=VALUE")
    return match["reference"], options


def task_text(reference: str, options: Mapping[str, str]) -> str:
    """The text of a reference with options."""
    pairs = ",".join(f"{name}={value}" for name, value in sorted(options.items()))
    return f"{reference}@{pairs}" if pairs else reference


def _text(task: str | Task) -> str:
    """The text of a task that is given as itself or by its text.

    Workers find a task by its name, so that an object goes by that of its class which the class's module holds; fields
    in which the two differ are options.
    """
    if isinstance(task, str):
        return task
    if is_dataclass(task) and not isinstance(task, type):
        reference, other = plugins.reference(plugins.TASKS, type(task))
        if reference:
            known = task_options(other)
            return task_text(
                reference, {o: option_text(value) for o, value in task_options(task).items() if value != known[o]}
            )
    raise UnknownNameError(
        f"a task's name is expected, got {short(task)}; write TASK = {_made(task)} into a file, and pass that TASK "
        "or my_file.py:TASK"
    )


def _made(task: object) -> str:
    return f"{task.__name__ if isinstance(task, type) else 'MyTask'}()"


def _absolute(option: str, value: object) -> object:
    """The value, of data that is a path its absolute path: a study is continued from other folders."""
    if option == "data" and isinstance(value, str | Path) and value and Path(value).exists():
        return str(Path(value).absolute())
    return value
