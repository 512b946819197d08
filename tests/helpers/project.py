"""What pyproject.toml says, for the tests that hold the code to it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

IMPORTED_AS = {"scikit_learn": "sklearn", "cuda_bindings": "cuda", "mlflow_skinny": "mlflow"}


def dependencies(extra: str | None = None) -> set[str]:
    """The packages that the project, or one of its extras, declares, spelled as they are imported."""
    declared = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    names = {re.split(r"[^\w-]", requirement)[0].lower().replace("-", "_") for requirement in declared}
    return {IMPORTED_AS.get(name, name) for name in names}
