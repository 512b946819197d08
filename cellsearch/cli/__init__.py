"""The command line: it parses, calls and prints, and has no logic of its own."""

from cellsearch.cli import explaining as explaining  # its commands
from cellsearch.cli import looking as looking  # its commands
from cellsearch.cli.commands import main

__all__ = ["main"]
