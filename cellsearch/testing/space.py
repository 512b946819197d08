"""What every search space must do: run `check_space` on your own in one line of a test.

from cellsearch.testing.space import check_space
def test_my_space(): check_space("my_file.py:SPACE")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from cellsearch import plugins
from cellsearch.cell import Cell, from_json, identity, to_json
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate

__all__ = ["check_space"]

EDITS: Final = 10
"""Edits of a walk from each seed, and from each of EDITED samples."""

EDITED: Final = 3

SAMPLES: Final = 50
"""Random cells that a check draws, of which a share of DISTINCT at least are different graphs."""

DISTINCT: Final = 0.5


def check_space(reference: str) -> None:
    """Hold the search space of a reference to the rules of `cell.SearchSpace`.

    Raises AssertionError that says which rule it breaks.
    """
    space = plugins.load(plugins.SPACES, reference)
    assert isinstance(space, SearchSpace), f"{reference} is a SearchSpace, got {type(space).__name__}"
    assert space.name, "a space has a name"
    assert len(set(space.operations)) == len(space.operations), "an operation is named once"
    _check_seeds(space)
    _check_edits(space, space.seeds)
    if space.sample:
        _check_samples(space, space.sample)


def _check_seeds(space: SearchSpace) -> None:
    assert space.seeds, "a search starts from at least one seed"
    for name, cell in space.seeds.items():
        assert cell.name == name, f"seed {name!r} is called by its own name, got {cell.name!r}"
        assert space.contains(cell), f"seed {name!r} lies in its space"
        assert from_json(to_json(cell)) == cell, f"seed {name!r} can be written and read"
    identities = {identity(cell) for cell in space.seeds.values()}
    assert len(identities) == len(space.seeds), "no two seeds are the same graph"
    stray = [name for name in space.sources if name not in space.seeds]
    assert not stray, f"a source is that of a seed, got one of {', '.join(stray)}"


def _check_edits(space: SearchSpace, cells: Mapping[str, Cell]) -> None:
    """A walk of edits from each cell never leaves the space, and is the same for the same draws."""
    for name, start in cells.items():
        walks = []
        for _ in range(2):
            random, cell, walk = Random(0), start, []
            for _ in range(EDITS):
                cell, words = mutate(cell, space, random)
                assert words and "\n" not in words, f"an edit of {name!r} is told in a line, got {words!r}"
                assert space.contains(cell), f"edit {words!r} from {name!r} stays in the space"
                assert from_json(to_json(cell)) == cell, f"edit {words!r} from {name!r} can be written and read"
                walk.append((identity(cell), words))
            walks.append(walk)
        assert walks[0] == walks[1], f"edits of {name!r} are the same for the same draws"


def _check_samples(space: SearchSpace, sample: Callable[[Random], Cell]) -> None:
    """Random cells lie in the space, can be edited there, differ, and are the same for the same draws."""
    cells = [sample(Random(number)) for number in range(SAMPLES)]
    for number, cell in enumerate(cells):
        assert space.contains(cell), f"sample {number} lies in the space"
        assert from_json(to_json(cell)) == cell, f"sample {number} can be written and read"
        assert sample(Random(number)) == cell, f"sample {number} is the same for the same draws"
    _check_edits(space, {f"sample {number}": cell for number, cell in enumerate(cells[:EDITED])})
    random = Random(0)
    distinct = {identity(sample(random)) for _ in range(SAMPLES)}
    assert len(distinct) >= DISTINCT * SAMPLES, f"of {SAMPLES} samples most differ, got {len(distinct)} graphs"
