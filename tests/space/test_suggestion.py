"""A trial's parameters make a cell of the space, the same each time, and samplers of Optuna learn from them."""

from __future__ import annotations

import optuna
import pytest

from cellsearch.cell import complexity, identity
from cellsearch.space.suggestion import suggest
from cellsearch_search_spaces import gated, nasbench_nlp, small

SPACES = {module.SPACE.name: module.SPACE for module in (gated, nasbench_nlp, small)}


@pytest.mark.parametrize("name", SPACES)
def test_suggested_cells_lie_in_the_space_and_parameters_say_which(name: str) -> None:
    space, found = SPACES[name], set()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(8):
        trial = study.ask()
        cell = suggest(space, trial)
        assert space.contains(cell)
        again = suggest(space, optuna.trial.FixedTrial(trial.params))
        assert identity(again) == identity(cell)
        found.add(identity(cell))
        study.tell(trial, 0.0)
    assert len(found) > 3


def test_a_sampler_learns_which_edits_pay() -> None:
    """Fewer multiplications, a score that no training has to find."""

    def objective(trial: optuna.Trial) -> float:
        return float(complexity(suggest(gated.SPACE, trial, edits=2), 8, 8).multiply_adds)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=40)
    first, last = (sum(t.value or 0.0 for t in part) for part in (study.trials[:10], study.trials[-10:]))
    assert last < first
    assert "seed" in optuna.importance.get_param_importances(study)
