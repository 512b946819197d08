"""What every search space must do: run `check_space` on your own in one line of a test.

from cellsearch.testing.space import check_space
def test_my_space(): check_space("my_file.py:SPACE")
"""

from __future__ import annotations

from random import Random

from cellsearch import plugins
from cellsearch.cell import SearchSpace, from_json, identity, to_json
from cellsearch.cell.edits import edit

__all__ = ["check_space"]

EDITS = 20


def check_space(reference: str) -> None:
    """Hold the search space of a reference to the rules of `cell.SearchSpace`.

    Raises AssertionError that says which rule it breaks.
    """
    space = plugins.load(plugins.SPACES, reference)
    assert isinstance(space, SearchSpace), f"{reference} is a SearchSpace, got {type(space).__name__}"
    assert space.name, "a space has a name"
    assert len(set(space.operations)) == len(space.operations), "an operation is named once"
    _check_seeds(space)
    _check_edits(space)


def _check_seeds(space: SearchSpace) -> None:
    assert space.seeds, "a search starts from at least one seed"
    for name, cell in space.seeds.items():
        assert cell.name == name, f"seed {name!r} is called by its own name, got {cell.name!r}"
        assert space.contains(cell), f"seed {name!r} lies in its space"
        assert from_json(to_json(cell)) == cell, f"seed {name!r} can be written and read"
    identities = {identity(cell) for cell in space.seeds.values()}
    assert len(identities) == len(space.seeds), "no two seeds are the same graph"


def _check_edits(space: SearchSpace) -> None:
    """A walk of edits from each seed never leaves the space, and is the same for the same draws."""
    for name, seed in space.seeds.items():
        walks = []
        for _ in range(2):
            random, cell, walk = Random(0), seed, []
            for _ in range(EDITS):
                cell, words = edit(cell, space, random)
                assert space.contains(cell), f"edit {words!r} from seed {name!r} stays in the space"
                walk.append((identity(cell), words))
            walks.append(walk)
        assert walks[0] == walks[1], f"edits of seed {name!r} are the same for the same draws"
