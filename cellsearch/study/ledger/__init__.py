"""The ledger: every trial of a study on disk, in Optuna's storage. Nothing outside of this room knows Optuna."""

from __future__ import annotations

from cellsearch.study.ledger.importance import importances
from cellsearch.study.ledger.ledger import STARTUP, Ledger
from cellsearch.study.ledger.reading import read_records, read_settings, read_study

__all__ = ["STARTUP", "Ledger", "importances", "read_records", "read_settings", "read_study"]
