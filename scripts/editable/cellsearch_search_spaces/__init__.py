"""In a checkout that is installed to be edited, the folder `search_spaces`; in a wheel that folder has this name."""

from pathlib import Path

__path__ = [str(Path(__file__).parents[3] / "search_spaces")]
