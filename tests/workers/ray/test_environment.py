"""The environment: what is sent to a cluster is what a machine without it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cellsearch.workers.ray.environment import environment


def test_nothing_is_sent_where_nothing_is_asked_for() -> None:
    assert environment([], send_cellsearch=False) == {}
    assert environment([Path("mine.py")], send_cellsearch=False) == {"py_modules": ["mine.py"]}


def test_the_cellsearch_that_is_sent_is_whole(tmp_path: Path) -> None:
    """A Python that has nothing but what is sent, under the names it is sent by, knows a task by its name."""
    for each in map(Path, environment([], send_cellsearch=True)["py_modules"]):
        (tmp_path / each.name).symlink_to(each.resolve())
    program = f"""if True:
        import sys
        sys.path[:] = [place for place in sys.path if "packages" not in place and "editable" not in place]
        sys.path.append({str(tmp_path)!r})
        import cellsearch, importlib.metadata
        points = importlib.metadata.entry_points(group="cellsearch.tasks")
        print(cellsearch.__file__, importlib.metadata.version("cellsearch"), points["chars"].value)
    """
    told = subprocess.run([sys.executable, "-S", "-P", "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split()[0] == f"{tmp_path}/cellsearch/__init__.py"
    assert told.stdout.split()[2] == "cellsearch_tasks.chars:TASK"
