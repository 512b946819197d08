"""All commands with what they take, as the site's page has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from cellsearch.cli.commands import app

__all__ = ["commands"]

KINDS = ("argument", "option")


def commands() -> Iterator[str]:
    """All commands, from what `--help` shows."""
    for name, command in sorted(getattr(typer.main.get_command(app), "commands", {}).items()):
        shown = {kind: [each for each in command.params if each.param_type_name == kind] for kind in KINDS}
        usage = " ".join(["cellsearch", name, *map(_argument, shown["argument"])])
        yield f"## {name}\n\n{command.help}\n\n```text\n{usage}\n```\n"
        for kind, parameters in shown.items():
            if parameters:
                yield f"| {kind} | default | |\n|---|---|---|"
                yield from map(_row, parameters)
                yield ""


def _argument(argument: Any) -> str:
    several = "..." if argument.nargs == -1 else ""
    name = f"{(argument.metavar or argument.name).upper()}{several}"
    return name if argument.required else f"[{name}]"


def _row(parameter: Any) -> str:
    """The line of a table that tells an argument or option."""
    name = _argument(parameter) if parameter.param_type_name == "argument" else parameter.opts[0]
    nothing = isinstance(parameter.default, bool) or parameter.default in (None, "", ())
    given = "" if nothing else f"`{parameter.default}`"
    default = "needed" if parameter.required else given
    told = " ".join(parameter.help.split()).replace("|", "\\|").replace("<", "&lt;")
    return f"| `{name}` | {default} | {told} |"
