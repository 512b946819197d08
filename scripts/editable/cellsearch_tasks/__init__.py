"""In a checkout that is installed to be edited, the folder `tasks`; in a wheel that folder has this name."""

from pathlib import Path

__path__ = [str(Path(__file__).parents[3] / "tasks")]
