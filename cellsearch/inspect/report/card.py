"""The card of an exported folder: what the cell is, how good it was, whence it is, as Hugging Face's README.md has it.

The head is YAML with their fields, each value written as JSON, which is YAML that no name can break out of; the rest is
Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from cellsearch.cell import Cell, equations, identity
from cellsearch.cell.notation.symbols import legend
from cellsearch.exporters.names import printable
from cellsearch.inspect.report.reproduce import search_commands
from cellsearch.inspect.study_tables import statement
from cellsearch.study.lineage import lineage
from cellsearch.study.study import Study
from cellsearch.study.verdict import Verdict
from cellsearch.training import task_text

__all__ = ["PICTURE", "card"]

PICTURE = "cell.png"

TAGS = ("cellsearch", "recurrent-neural-network", "neural-architecture-search")

LICENCE = """\
The code in this folder was written by cellsearch (Apache-2.0) for this cell, and is yours to license. The weights come
from the data that they were trained on: whoever passes them on sees to that data's terms. A published cell is its
authors' idea; cite them."""


def card(cell: Cell, trial: tuple[Study, str] | None, files: Mapping[str, str], export: str) -> str:
    """The text of README.md for a cell, with the trial that it is of, if it is of one.

    `files` maps the folder's files to what they are; `export` is the command that made the folder. Raises StudyError if
    there is no such trial.
    """
    verdict = _verdict(cell, trial[0]) if trial else None
    lines = ["---", *_head(cell, trial, verdict), "---", "", f"# {_plain(cell.name)}", ""]
    states = f"{len(cell.states)} state{'s' if len(cell.states) > 1 else ''}"
    lines += [f"A recurrent cell of {len(cell.nodes)} operations and {states}, identity `{identity(cell)}`.", ""]
    lines += [f"![The cell as a graph]({PICTURE})", "", "## Equations", "", "```text"]
    lines += [*equations(cell), "", *legend(cell), "```", ""]
    lines += ["## Files", "", *(f"- `{name}`: {what}" for name, what in files.items()), ""]
    if trial:
        lines += [*_numbers(trial[0], verdict), *_origin(*trial)]
    else:
        lines += ["The weights are fresh: this cell has not been trained here.", ""]
    lines += ["## Make it again", "", "```sh", *(search_commands(trial[0])[:1] if trial else ()), export, "```", ""]
    lines += ["## Licence", "", LICENCE]
    return "\n".join(lines) + "\n"


def _head(cell: Cell, trial: tuple[Study, str] | None, verdict: Verdict | None) -> Iterator[str]:
    fields: dict[str, object] = {
        "library_name": "pytorch",
        "license": "other",
        "license_name": "see-the-note",
        "tags": list(TAGS),
    }
    if trial and verdict and verdict.test:
        study = trial[0]
        task = {"type": "other", "name": study.task.name}
        metric = {"type": study.task.metric, "name": f"{study.task.metric} on test", "value": verdict.test.mean}
        data = {"type": study.task.name, "name": task_text(study.settings["task"], study.settings["options"])}
        result = {"task": task, "dataset": data, "metrics": [metric]}
        fields["model-index"] = [{"name": cell.name, "results": [result]}]
    return (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())


def _verdict(cell: Cell, study: Study) -> Verdict | None:
    return next((each for each in study.verdicts if each.cell == cell), None)


def _numbers(study: Study, verdict: Verdict | None) -> Iterator[str]:
    """Each finalist's numbers, and what may be claimed of the cell."""
    yield from ("## Numbers", "")
    if not study.verdicts:
        yield from ("No finals yet: nothing has been compared with fresh seeds.", "")
        return
    metric = _plain(study.task.metric)
    way = "lower is better" if study.task.lower_is_better else "higher is better"
    yield from (f"{metric}, {way}; mean over fresh seeds and its 95 % interval.", "")
    yield from ("| cell | parameters | seeds | validation | test |", "|---|---|---|---|---|")
    for each in study.verdicts:
        name = f"**{_plain(each.label)}**" if each is verdict else _plain(each.label)
        numbers = " | ".join(_interval(found) for found in (each.validation, each.test))
        yield f"| {name} | {each.parameters or 0:,} | {each.fresh_seeds} | {numbers} |"
    yield from ("", *(_plain(line, 1000) for line in statement(study).splitlines()), "")


def _interval(found: object) -> str:
    mean, low, high = (getattr(found, name, None) for name in ("mean", "low", "high"))
    if mean is None:
        return "-"
    return f"{mean:.4g}" if low is None or high is None else f"{mean:.4g} ({low:.4g} to {high:.4g})"


def _origin(study: Study, which: str) -> Iterator[str]:
    """The task, the budget, and each edit on the way from a published cell."""
    settings = study.settings
    yield from ("## How it was found", "")
    task = printable(task_text(settings["task"], settings["options"]), 200).replace("`", "'")
    yield f"Task `{task}`, at most"
    yield f"{settings['parameters']:,} learned numbers, {settings['steps']:,} steps in the search and"
    yield f"{settings['final_steps']:,} in the finals; strategy {settings['strategy']}, seed {settings['seed']}."
    yield ""
    for step in lineage(study, which):
        changes = "; ".join(map(_plain, step.record.edits)) or "where the search began"
        yield f"- {_plain(step.record.cell.name)}, trial {step.record.number}: {changes}"
    yield ""


def _plain(text: str, longest: int = 100) -> str:
    """Text that is no markup: what Markdown and HTML read as such is written as a letter."""
    shown = printable(text, longest).replace("`", "'")
    return "".join(f"\\{letter}" if letter in "*_[]<>|#" else letter for letter in shown)
