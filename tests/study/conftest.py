"""One small search that many tests read."""

from __future__ import annotations

import pytest

from cellsearch.study.study import Study
from tests.helpers.small_search import small_search


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return small_search(tmp_path_factory.mktemp("small"))
