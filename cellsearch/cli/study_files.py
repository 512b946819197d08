"""What a search and a comparison leave in their folders, and what is shown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cellsearch.errors import StudyError

if TYPE_CHECKING:
    from pathlib import Path

    from cellsearch.study.comparing.ablation import Ablation
    from cellsearch.study.comparing.comparison import Comparison
    from cellsearch.study.comparing.several_tasks import SeveralTasks
    from cellsearch.study.profiling.profile import Profile
    from cellsearch.study.study import Study

__all__ = ["deliver_ablation", "deliver_comparison", "deliver_profile", "deliver_study", "written_into"]

STUDY: Final = [
    ("report.html", "all of this as one page: open it in a browser"),
    ("verdict.csv", "the finals: means, intervals and differences"),
    ("report.csv", "every trial: cell, score, edits, parents"),
    ("progress.png", "scores over the search"),
    ("curves.png", "learning curves of the finals: means and intervals"),
    ("best.json", "the best cell, for `cellsearch show` and new searches"),
    ("best.png", "its picture"),
    ("best.py", "its standalone PyTorch module; `python best.py` checks it"),
    ("best.safetensors", "the module's trained weights"),
]

COMPARISON: Final = [
    ("report.html", "all of this as one page: open it in a browser"),
    ("comparison.csv", "an entrant a line: means, intervals, differences, times"),
    ("trainings.csv", "every training: role, seed, hyperparameters, scores"),
    ("comparison.png", "scores of all seeds, means, intervals and differences"),
    ("curves.png", "learning curves: means and intervals"),
]

TASKS: Final = [
    ("report.html", "all of this as one page: open it in a browser"),
    ("tasks.csv", "an entrant a line: mean rank, relative difference, scores; a folder a task beside it"),
]

PROFILE: Final = [
    ("profile.csv", "a cell and skill a line: figure and level"),
    ("profile.png", "skills, gradients by lag, gates"),
]


@contextmanager
def written_into(folder: Path) -> Iterator[None]:
    """Turns what keeps a file of results from being written into one line."""
    try:
        yield
    except OSError as error:
        raise StudyError(
            f"results in {folder} cannot be written: {error.strerror}; mend that, and the same command writes them"
        ) from error


def deliver_study(study: Study, show: Callable[[Any], None]) -> None:
    """Show the verdict and leave tables, plot, picture and export in the study's folder."""
    import cellsearch
    from cellsearch.inspect.ablation_tables import ablation_statement
    from cellsearch.inspect.cell_tables import cell_sheet
    from cellsearch.inspect.picture.picture import save_picture
    from cellsearch.inspect.plots.curves_plot import Line, save_curves
    from cellsearch.inspect.plots.progress_plot import save_course
    from cellsearch.inspect.report.report import REPORT, save_report
    from cellsearch.inspect.study_tables import confirmation_statement, failure_note, statement, verdict_table
    from cellsearch.study.comparing.ablation import load_ablation
    from cellsearch.study.comparing.confirm import load_confirmation

    study.write_tables()
    save_course(study, study.path / "progress.png")
    study.best  # noqa: B018, without one there is no more to show, and its error says what to do
    lines = [Line(v.label, study.curves[v.cell], v.role == "baseline") for v in study.verdicts if v.fresh_seeds]
    save_curves(lines, study.task, study.settings["parameters"], study.path / "curves.png")
    if study.verdicts:
        show(verdict_table(study))
    show(statement(study))
    if note := failure_note(study):
        show(note)
    if confirmation := load_confirmation(study):
        confirmation.write_tables()
        for text, comparison in confirmation.comparisons.items():
            _deliver_task(comparison, show, text)
        show(_written(confirmation.path, TASKS))
        show(confirmation_statement(study, confirmation))
    best, stem = study.best.cell, study.path / "best"
    show(cell_sheet(best, 128, 128))
    if ablation := load_ablation(study):
        show(cell_sheet(ablation.simplest.cell, 128, 128))
        show(ablation_statement(ablation))
    cellsearch.save(best, stem.with_suffix(".json"))
    save_picture(best, stem.with_suffix(".png"))
    stem.with_suffix(".safetensors").unlink(missing_ok=True)  # those of an earlier best, maybe
    cellsearch.export(study.trained() or best, stem.with_suffix(".py"))
    save_report(study, study.path / REPORT)
    show(_written(study.path, STUDY))


def deliver_ablation(ablation: Ablation, show: Callable[[Any], None]) -> None:
    """Show what the parts are good for, and leave tables and plots in the ablation's folder."""
    from cellsearch.inspect.ablation_tables import ablation_statement, ablation_table
    from cellsearch.inspect.report.report import REPORT, save_report

    comparison = ablation.comparison
    comparison.write_tables()
    show(ablation_table(ablation))
    _check_results(comparison)
    show(ablation_statement(ablation))
    save_report(comparison, comparison.path / REPORT)
    show(_written(comparison.path, COMPARISON))


def deliver_comparison(comparison: Comparison | SeveralTasks, show: Callable[[Any], None]) -> None:
    """Show the comparison and leave tables and plots in its folder."""
    from cellsearch.inspect.comparison_tables import comparison_statement
    from cellsearch.inspect.report.report import REPORT, save_report
    from cellsearch.inspect.task_tables import tasks_statement, tasks_table
    from cellsearch.study.comparing.comparison import Comparison

    if isinstance(comparison, Comparison):
        _deliver_task(comparison, show)
        _check_results(comparison)
        show(comparison_statement(comparison))
        save_report(comparison, comparison.path / REPORT)
        show(_written(comparison.path, COMPARISON))
        return
    comparison.write_tables()
    for text, each in comparison.comparisons.items():
        _deliver_task(each, show, text)
        show(comparison_statement(each))
    show(tasks_table(comparison))
    show(tasks_statement(comparison))
    if any(entrant.test for each in comparison.comparisons.values() for entrant in each.entrants):
        save_report(comparison, comparison.path / REPORT)
    show(_written(comparison.path, TASKS))


def _check_results(comparison: Comparison) -> None:
    """Raises StudyError, with what to do, where no entrant has a result."""
    from cellsearch.study.failures import remedy

    if not any(entrant.test for entrant in comparison.entrants):
        records = [record for each in comparison.forms for trials in each.values() for record in trials]
        raise StudyError(f"study {comparison.path} has no result: {remedy(records)}")


def _deliver_task(comparison: Comparison, show: Callable[[Any], None], text: str = "") -> None:
    """Tables and plots of one task, shown under its text where there are several."""
    from rich.text import Text

    from cellsearch.inspect.comparison_tables import comparison_table
    from cellsearch.inspect.plots.comparison_plot import save_comparison
    from cellsearch.inspect.plots.curves_plot import Line, save_curves
    from cellsearch.study.forms import baseline_of

    comparison.write_tables()
    save_comparison(comparison, comparison.path / "comparison.png")
    lines = [Line(e.label, e.curve, baseline_of(e.cell) is not None) for e in comparison.entrants if e.curve]
    save_curves(lines, comparison.task, comparison.settings["parameters"], comparison.path / "curves.png")
    if text:
        show(Text(f"\non {text}:"))
    show(comparison_table(comparison))


def deliver_profile(profile: Profile, show: Callable[[Any], None]) -> None:
    """Show the profile and leave its picture in the folder, beside the table."""
    from cellsearch.inspect.plots.profile_plot import save_profile
    from cellsearch.inspect.profile_tables import profile_table

    save_profile(profile, profile.path / "profile.png")
    show(profile_table(profile))
    show(_written(profile.path, PROFILE))


def _written(folder: Path, files: list[tuple[str, str]]) -> Any:
    from cellsearch.inspect.cell_tables import catalogue

    return catalogue(f"results in {folder}", [each for each in files if (folder / each[0]).is_file()])
