"""Importance: which hyperparameters have to do with a good score."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import optuna
from optuna.distributions import FloatDistribution

from cellsearch.study.record import Record

__all__ = ["importances"]


def importances(records: Sequence[Record], lower_is_better: bool) -> dict[str, float]:
    """How much each hyperparameter has to do with being among the best tenth, in shares of 1 (PED-ANOVA, IJCAI 2023).

    Of the complete trials; nothing where fewer than two hyperparameters were drawn, or all scores are equal.
    """
    scored = [r for r in records if r.score is not None and isfinite(r.score)]
    names = scored[0].hyperparameters if scored else {}
    alike = [r for r in scored if r.hyperparameters.keys() == names.keys()]
    values = {name: [r.hyperparameters[name] for r in alike] for name in names}
    drawn = {name: FloatDistribution(min(each), max(each)) for name, each in values.items() if len({*each}) > 1}
    if len(drawn) < 2 or len({r.score for r in alike}) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize" if lower_is_better else "maximize")
    trials = [
        optuna.create_trial(params={n: r.hyperparameters[n] for n in drawn}, distributions={**drawn}, value=r.score)
        for r in alike
    ]
    study.add_trials(trials)
    return optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
