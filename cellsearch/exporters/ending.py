"""How an exported file ends that is run as a program: its check of itself, the verdict, and the exit code."""

from __future__ import annotations

from typing import Final

__all__ = ["TRIED", "VERDICT"]

TRIED: Final = """\
    try:
        difference = check()
    except Exception as error:
        problem = " ".join(str(error).split())
        sys.exit(f"$name: its weights cannot be read: {problem}")
"""
"""The check of a file whose weights lie beside it."""

VERDICT: Final = """\
    verdict = "agrees" if difference <= $tolerance else "DISAGREES"
    print(f"$name: largest difference {difference:.1e}, {verdict}")
    sys.exit(verdict != "agrees")
"""
"""What follows the check."""
