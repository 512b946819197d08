"""Where pictures go: .svg and .png in letters of any case, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.inspect.picture_path import picture_path


@pytest.mark.parametrize("name", ["cell.svg", "cell.png", "folder/cell.v2.PNG"])
def test_a_picture_may_end_in_svg_or_png(name: str) -> None:
    assert picture_path(name) == Path(name)


@pytest.mark.parametrize("name", ["cell.pdf", "cell", "png", ".svg"])
def test_another_ending_is_refused_with_the_path(name: str) -> None:
    with pytest.raises(CellsearchError) as error:
        picture_path(name)
    assert str(error.value) == f"picture '{name}' ends in neither .svg nor .png; name a file that does"
