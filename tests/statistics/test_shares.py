"""The interval of a share, beside what Wilson's formula gives by hand."""

from __future__ import annotations

from math import isclose, sqrt

import pytest

from cellsearch.statistics.shares import share


@pytest.mark.parametrize(("found", "total"), [(0, 5), (3, 10), (5, 5), (40, 100)])
def test_a_share_has_wilsons_interval(found: int, total: int) -> None:
    z, p = 1.959963984540054, found / total
    middle = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    made = share(found, total)
    assert made.mean == p and made.low is not None and made.high is not None
    assert isclose(made.low, max(0.0, middle - half), abs_tol=1e-9)
    assert isclose(made.high, min(1.0, middle + half), abs_tol=1e-9)
