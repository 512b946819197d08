"""What paid: edits after which candidates were better than their parents, and what each hyperparameter explains."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from rich.markup import escape
from rich.table import Table

from cellsearch.inspect.columns import right_aligned
from cellsearch.inspect.report.printed import Block, blocks
from cellsearch.inspect.report.trials import gain
from cellsearch.statistics.shares import share
from cellsearch.study.ledger import importances
from cellsearch.study.study import Study

__all__ = ["edit_kind", "paid"]

MOST: Final = 20
"""Kinds of edits that are listed, at most."""

FEWEST: Final = 10
"""Complete trials from which on hyperparameters are said to explain anything."""

KINDS: Final = (
    (re.compile(r"insert \w+ = (\w+)\(.*"), r"insert \1"),
    (re.compile(r"change \w+ from \w+ to (\w+)\(.*"), r"change to \1"),
    (re.compile(r"delete \w+ \((\w+)\).*"), r"delete \1"),
    (re.compile(r"(add|remove) \w+, the last .*"), r"\1 a state"),
)
"""What an edit in words is called here, names of nodes aside; of others the first word counts."""


def paid(study: Study) -> list[Block]:
    """A table of edits and one of hyperparameters, each under a line that says what it tells; nothing without gains."""
    gains = _gains(study)
    found = []
    if gains:
        found += [
            Block(
                f"Edits, and how often a candidate was better than its parent by {study.task.metric}; a candidate "
                "of several edits counts for each. Every score is of one training, so that a gain is no proof."
            )
        ]
        found += blocks(_edits(gains))
    shares = _importances(study)
    if shares:
        found += [
            Block(
                "How much each hyperparameter has to do with being among the best tenth of the candidates (PED-ANOVA, "
                "Watanabe et al. 2023); each candidate has a cell of its own too."
            )
        ]
        found += blocks(_table_of(shares))
    return found


def edit_kind(edit: str) -> str:
    """`insert tanh` of `insert a = tanh(b) before c`."""
    for pattern, kind in KINDS:
        if pattern.fullmatch(edit):
            return pattern.sub(kind, edit)
    return edit.split()[0] if edit.split() else "an edit"


def _gains(study: Study) -> dict[str, list[float]]:
    """The gains on their parents of all candidates with an edit of a kind, the most frequent kinds first."""
    scores = {record.number: record.score for record in study.records}
    found: dict[str, list[float]] = defaultdict(list)
    for record in study.records:
        if (gained := gain(record, scores, study.task)) is not None:
            for kind in dict.fromkeys(map(edit_kind, record.edits)):
                found[kind].append(gained)
    return dict(sorted(found.items(), key=lambda each: -len(each[1])))


def _edits(gains: Mapping[str, Sequence[float]]) -> Table:
    table = right_aligned("edit", "candidates", "better than the parent", "95 % interval", "median gain", "best gain")
    for kind, values in [*gains.items()][:MOST]:
        better = share(sum(value > 0 for value in values), len(values))
        table.add_row(
            escape(kind),
            str(len(values)),
            f"{better.mean:.0%}",
            f"{better.low:.0%} to {better.high:.0%}",
            f"{median(values):+.4f}",
            f"{max(values):+.4f}",
        )
    return table


def _importances(study: Study) -> Mapping[str, float]:
    complete = [r for r in study.records if r.role == "candidate" and r.score is not None]
    return importances(complete, study.task.lower_is_better) if len(complete) >= FEWEST else {}


def _table_of(shares: Mapping[str, float]) -> Table:
    table = right_aligned("hyperparameter", "share")
    for name, value in sorted(shares.items(), key=lambda each: -each[1]):
        table.add_row(escape(name.replace("_", " ")), f"{value:.0%}")
    return table
