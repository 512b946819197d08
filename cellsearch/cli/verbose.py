"""`--verbose`, an option of every command: what is logged goes to standard error, an error with its traceback."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable
from inspect import Parameter
from typing import Annotated, Any, Final

import typer

__all__ = ["verbose"]

VERBOSE: Final = Annotated[
    bool, typer.Option("--verbose", help="Print what is logged, and an error with its traceback.")
]


def verbose(command: Callable[..., None]) -> Callable[..., None]:
    """Decorates a command with the option."""

    def logged(*arguments: Any, verbose: bool, **given: Any) -> None:
        if verbose:
            _show_log()
        command(*arguments, **given)

    own = inspect.signature(command)
    option = Parameter("verbose", Parameter.KEYWORD_ONLY, default=False, annotation=VERBOSE)
    logged.__name__, logged.__doc__ = command.__name__, command.__doc__
    logged.__signature__ = own.replace(parameters=[*own.parameters.values(), option])  # type: ignore[attr-defined]
    return logged


class _Printed(logging.Handler):
    """Prints to what is standard error at the time: above the live view, where there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def _show_log() -> None:
    log = logging.getLogger("cellsearch")
    log.setLevel(logging.DEBUG)
    log.addHandler(_Printed())
    log.propagate = False
