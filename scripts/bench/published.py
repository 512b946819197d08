"""The table of the published cells: settings, what the trainings say of each cell, and the page that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.trainings import Setting, Trainings, loss, tune
from cellsearch import plugins
from cellsearch.cell import Cell
from cellsearch.statistics.differences import Difference, Interval, difference, interval
from cellsearch.statistics.ranks import Ranking, ranking

__all__ = ["KEPT", "PAGE", "SETTINGS", "Result", "results", "settle", "write_page"]

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "published.csv"
PAGE = ROOT / "docs" / "published.md"

SETTINGS = (
    Setting("chars", "chars", 20_000, 1_000, {}),
    Setting("jsb", "jsb", 30_000, 1_000, {}),
    Setting("digits", "digits", 10_000, 800, {"permuted": "1"}),
    Setting("modular", "modular", 10_000, 1_000, {}),
)
"""Text, music, pixels in one random order, and arithmetic, whose running value has to be tracked in the state."""

FRESH_SEEDS = range(1_000, 1_005)

REFERENCES = {"LSTM": ("lstm", "greff_np"), "GRU": ("gru", "gru_reset_before")}
"""The usual forms of the two, greff_np with a forget bias of 0; a cell is held against the better, by validation."""


@dataclass(frozen=True)
class Result:
    """What is known of a cell in a setting: `tests` and `validations` by fresh seed, of trainings that ended well."""

    setting: str
    cell: str
    learning_rate: float
    tries: int
    untuned: str
    hidden_size: int | None
    step_seconds: float | None
    tests: Mapping[int, float]
    validations: Mapping[int, float]
    failed: int

    @property
    def test(self) -> Interval | None:
        """Mean and interval over the seeds."""
        return interval(list(self.tests.values()))


def settle(trainings: Trainings, setting: Setting, cell: Cell) -> Result:
    """Tune the cell and train it with the fresh seeds, as far as that is not done."""
    choice, tries = tune(trainings, setting, cell)
    rate = setting.grid.rate(choice.place)
    fresh = [trainings.train(setting, cell, rate, seed) for seed in FRESH_SEEDS]
    ended = [each for each in fresh if each.test is not None]
    # Trainings ran beside other work: the quickest is the least disturbed.
    steps = [each.step_seconds for each in trainings.of(setting, cell.name) if each.step_seconds is not None]
    return Result(
        setting=setting.name,
        cell=cell.name,
        learning_rate=rate,
        tries=tries,
        untuned=choice.untuned,
        hidden_size=ended[0].hidden_size if ended else None,
        step_seconds=min(steps, default=None),
        tests={each.seed: each.test for each in ended if each.test is not None},
        validations={each.seed: each.validation for each in ended if each.validation is not None},
        failed=len(fresh) - len(ended),
    )


def results(trainings: Trainings, settings: Sequence[Setting], cells: Iterable[Cell]) -> Iterator[Result]:
    """The results of the cells that were trained whole in a setting."""
    for cell in cells:
        for setting in settings:
            if {each.seed for each in trainings.of(setting, cell.name)} >= set(FRESH_SEEDS):
                yield settle(trainings, setting, cell)


def write_page(found: Sequence[Result], settings: Sequence[Setting], path: Path) -> None:
    """The page: how it was made, the ranking over the tasks, and a table a task."""
    parts = [_head(found, settings), _overall(found, settings)]
    parts += [_task_table([r for r in found if r.setting == setting.name], setting) for setting in settings]
    path.write_text("\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _head(found: Sequence[Result], settings: Sequence[Setting]) -> str:
    rows = "\n".join(
        f"| {s.name} | `{s.task}`{_options(s)} | {s.parameters:,} | {s.steps:,} | "
        f"{sum(r.setting == s.name for r in found)} |"
        for s in settings
    )
    return f"""# The published cells, tuned alike

Written by `scripts/rank_published` from the trainings in [published.csv](published.csv); run again, it trains what is
missing. Every seed cell of the search spaces is tuned by the rule of `cellsearch/statistics/tuning.py` (its learning
rate by bracketing, on validation), then trained with five fresh seeds. Parameters are those of the whole model.
Intervals are of 95 %, those of differences of 99 %, by Student's t, of seeds alone: other data is another matter. Test
scores are of the weights with the best validation. The time of a step is the shortest median of a cell's trainings,
which ran beside other work.

| setting | task | parameters | steps | cells of {len(plugins.seeds())} so far |
|---|---|---|---|---|
{rows}
"""


def _options(setting: Setting) -> str:
    shown = [f"{name}={value}" for name, value in setting.options.items() if name != "data"]
    return f" ({', '.join(shown)})" if shown else ""


def _overall(found: Sequence[Result], settings: Sequence[Setting]) -> str:
    """Mean ranks of the cells that have a result everywhere."""
    table = {(r.cell, r.setting): r for r in found if r.test}
    whole = [c for c in dict.fromkeys(r.cell for r in found) if all((c, s.name) in table for s in settings)]
    if len(whole) < 3:
        return ""
    means = {c: [loss(s, table[c, s.name].test.mean) for s in settings] for c in whole}  # type: ignore[union-attr]
    ranks = ranking(means)
    order = sorted(whole, key=lambda cell: ranks.ranks[cell].mean)
    lines = [
        "## Over the tasks",
        "",
        _significance(ranks, len(whole)),
        "",
        "| cell | source | mean rank | " + " | ".join(s.name for s in settings) + " |",
        "|---|---|---|" + "---|" * len(settings),
    ]
    for cell in order:
        scores = " | ".join(_mean(table[cell, s.name].test) for s in settings)
        lines.append(f"| {cell} | {_source(cell)} | {ranks.ranks[cell].mean:.1f} | {scores} |")
    return "\n".join(lines) + "\n"


def _significance(ranks: Ranking, cells: int) -> str:
    assert ranks.p_value is not None and ranks.critical is not None
    return (
        f"{cells} cells on {ranks.tasks} tasks. Friedman's test with Iman and Davenport's correction: p = "
        f"{ranks.p_value:.2g}; two cells differ at 5 % from a difference of mean ranks of {ranks.critical:.1f} on "
        "(Nemenyi), which few tasks make large (Demsar 2006)."
    )


def _task_table(found: Sequence[Result], setting: Setting) -> str:
    """The cells of a setting, best test mean first, each against the better form of LSTM and of GRU."""
    ended = sorted((r for r in found if r.test), key=lambda r: loss(setting, r.test.mean))  # type: ignore[union-attr]
    if not ended:
        return ""
    forms = {name: _better(setting, [r for r in ended if r.cell in cells]) for name, cells in REFERENCES.items()}
    shown = {name: form for name, form in forms.items() if form}
    direction = "lower" if setting.lower_is_better else "higher"
    heads = "".join(f" minus {name} ({form.cell}) |" for name, form in shown.items())
    lines = [
        f"## {setting.name}",
        "",
        f"{setting.metric} on test, {direction} is better. Differences are paired by seed, their intervals corrected "
        f"for {len(ended) - 1} comparisons; bold where clear of zero.",
        "",
        f"| | cell | test |{heads} learning rate | tries | size | step, ms | |",
        "|---|---|---|" + "---|" * len(shown) + "---|---|---|---|---|",
    ]
    for place, result in enumerate(ended, start=1):
        against = "".join(f" {_against(result, form, len(ended) - 1)} |" for form in shown.values())
        lines.append(
            f"| {place} | {result.cell} | {result.test} |{against} {result.learning_rate:.2g} | {result.tries} | "
            f"{result.hidden_size} | {1000 * (result.step_seconds or 0):.1f} | {_remark(result)} |"
        )
    if order := _order(ended, setting):
        lines[3:3] = ["", order]
    lost = [r.cell for r in found if not r.test]
    return "\n".join(lines) + ("\n\nEvery seed failed: " + ", ".join(lost) + ".\n" if lost else "\n")


def _order(ended: Sequence[Result], setting: Setting) -> str:
    """Whether gated units are ahead of the plain recurrent network, as the literature has it; empty without it."""
    plain = next((r for r in ended if r.cell == "rnn"), None)
    sentences = []
    for name, cells in REFERENCES.items():
        form = _better(setting, [r for r in ended if r.cell in cells])
        found = difference(form.tests, plain.tests) if form and plain else None
        if form and found and form.test and plain and plain.test:
            sign = 1 if setting.lower_is_better else -1
            ahead = "is ahead of" if sign * found.interval.mean < 0 else "is behind"
            shown = "" if found.shown else ", which is not shown to be more than chance"
            sentences.append(f"the {name} ({form.cell}) {ahead} the plain RNN by {_signed(found).strip('*')}{shown}")
    if not sentences:
        return ""
    return (
        "Chung et al. (2014) and Jozefowicz et al. (2015) find gated units ahead of the plain recurrent network. Here "
        f"{'; '.join(sentences)}."
    )


def _better(setting: Setting, forms: Sequence[Result]) -> Result | None:
    """The form with the better mean validation."""

    def mean(form: Result) -> float:
        return fmean(loss(setting, score) for score in form.validations.values())

    return min(forms, key=mean, default=None)


def _against(result: Result, form: Result, comparisons: int) -> str:
    if result.cell == form.cell:
        return ""
    found = difference(result.tests, form.tests, max(1, comparisons))
    return _signed(found) if found else ""


def _signed(found: Difference) -> str:
    low, high, mean = found.interval.low, found.interval.high, found.interval.mean
    text = f"{mean:+.3f}" if low is None else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"**{text}**" if found.shown else text


def _remark(result: Result) -> str:
    failed = f"{result.failed} of {result.failed + len(result.tests)} seeds failed" if result.failed else ""
    return "; ".join(each for each in (failed, f"not tuned: {result.untuned}" if result.untuned else "") if each)


def _mean(found: Interval | None) -> str:
    return f"{found.mean:.3f}" if found else ""


def _source(cell: str) -> str:
    return next((space.sources[cell] for space in plugins.spaces().values() if cell in space.sources), "")
