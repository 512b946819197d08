"""The lineage of a cell as a picture: from the seed downwards each edit, and beside it the score that it led to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Final

from cellsearch.inspect.picture.page import Drawing, document, lines_of, save_drawing
from cellsearch.inspect.picture.text import DARK, QUIET, Text
from cellsearch.study.lineage import Step

__all__ = ["lineage_svg", "save_lineage"]

BETTER: Final = "#178a3e"
WORSE: Final = "#b3261e"

LINE: Final = 8.0
"""Where the line from the seed down stands."""

WORDS: Final = 26.0
"""Where the text begins."""

AXIS: Final = 240.0
"""Width of the axis of scores."""

APART: Final = 22.0
"""Points from one step to the next, and from the text to the axis."""

LENGTH: Final = 72
"""Characters of a line, at most."""


def lineage_svg(steps: Sequence[Step], metric: str) -> str:
    """The way from a seed to a cell as SVG; scores are of one training each, and the axis has no zero."""
    name = steps[-1].record.cell.name
    heading = [
        Text(f"how {name} came about", 17, bold=True),
        *(Text(line, 10, colour=QUIET) for line in wrap(_note(metric), LENGTH + 20)),
    ]
    texts = [_words(step, step is steps[-1]) for step in steps]
    start = WORDS + max(line.width for lines in (*texts, heading) for line in lines) + 2 * APART
    place = _axis(steps, start)
    top = sum(line.height for line in heading) + APART
    parts, middles = [lines_of(heading, 0, 0)], []
    for lines in texts:
        middles.append(top + lines[0].height / 2)
        parts.append(lines_of(lines, WORDS, top))
        top += sum(line.height for line in lines) + APART
    parts += [
        f'<path d="M{LINE},{middles[0]:.1f} V{middles[-1]:.1f}" stroke="#c8c8c4" stroke-width="2"/>',
        *_scores(steps, middles, place),
    ]
    return document(f"lineage of {name}", Drawing(parts, start + AXIS + 130, top))


def save_lineage(steps: Sequence[Step], metric: str, path: str | Path) -> None:
    """Write it in the format of the path's ending. Raises CellsearchError as `save_picture` does."""
    save_drawing(lambda: lineage_svg(steps, metric), path)


def _note(metric: str) -> str:
    return f"right: {metric} on validation, of one training each, which proves nothing by itself; gains on the parent"


def _words(step: Step, last: bool) -> list[Text]:
    """What a step says: name, edits, what it has and costs."""
    record = step.record
    crossed = [f"crossed with trial {', '.join(map(str, step.others))}"] if step.others else []
    facts = [f"trial {record.number}", f"{step.multiply_adds:,} multiply-adds a step"]
    facts += [] if record.parameters is None else [f"{record.parameters:,} parameters"]
    return [
        *(Text(line, 13, bold=True) for line in wrap(record.cell.name, LENGTH)),
        *(Text(line, 11) for edit in (*record.edits, *crossed) for line in wrap(edit, LENGTH)),
        Text(", ".join(facts), 9, colour=QUIET),
    ]


def _axis(steps: Sequence[Step], start: float) -> Callable[[float], float]:
    """Where a score stands."""
    scores = [step.record.score for step in steps if step.record.score is not None]
    low, high = (min(scores), max(scores)) if scores else (0.0, 0.0)
    return lambda score: start + (AXIS * (score - low) / (high - low) if high > low else AXIS / 2)


def _scores(steps: Sequence[Step], middles: Sequence[float], place: Callable[[float], float]) -> Iterator[str]:
    """A dot a step on its line and on the axis, with its score and gain, and lines from one score to the next."""
    known = [(place(s.record.score), y) for s, y in zip(steps, middles, strict=True) if s.record.score is not None]
    way = " L".join(f"{x:.1f},{y:.1f}" for x, y in known)
    yield f'<path d="M{way}" fill="none" stroke="#c8c8c4" stroke-width="1.5"/>' if known else ""
    for step, y in zip(steps, middles, strict=True):
        colour = DARK if not step.gain else BETTER if step.gain > 0 else WORSE
        yield f'<circle cx="{LINE}" cy="{y:.1f}" r="5" fill="{colour}"/>'
        if step.record.score is not None:
            x = place(step.record.score)
            gain = "" if step.gain is None else f" ({step.gain:+.4f})"
            text = Text(f"{step.record.score:.4f}{gain}", 10, colour=colour)
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
            yield text.svg(x + 10, y - text.height / 2, "start")
