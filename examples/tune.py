"""Tunes a cell in an Optuna study of your own, whose pruner stops trainings early.

    python tune.py

`cs.evaluate` trains and reports; whoever iterates over the reports may stop, and that is all that pruning is.
"""

import optuna

import cellsearch as cs
from cellsearch.cell import to_json

CELL = to_json(cs.find_cell("mut1"))


def objective(trial: optuna.Trial) -> float:
    evaluation = cs.Evaluation(
        task="parity",
        options={"length": "6"},
        cell=CELL,
        budget=cs.Budget(parameters=trial.suggest_int("parameters", 100, 1_000, log=True), steps=60, reports=4),
        hyperparameters=cs.Hyperparameters(
            learning_rate=trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True),
            weight_decay=trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        ),
        seed=0,
    )
    best = 0.0
    for report in cs.evaluate(evaluation):
        best = max(best, report.score)
        trial.report(best, report.step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return best


if __name__ == "__main__":
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    study.optimize(objective, n_trials=8, catch=cs.CellsearchError)
    print(f"{study.best_value:.3f} right with", study.best_params)
