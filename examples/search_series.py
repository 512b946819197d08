"""Searches a cell for a table of sensors, a CSV file of your own, and exports it with its trained weights.

    python search_series.py sensors.csv temperature

Leaves `sensor_cell.py` and `sensor_cell.safetensors`; `fine_tune.py` makes a forecaster of them. The budget is small,
so that it takes seconds: leave what follows `seeds` out for a search that tells something.
"""

import sys

import cellsearch as cs

if __name__ == "__main__":
    file, column = sys.argv[1:]
    study = cs.search(
        "series",
        study="runs/sensors",
        options={"data": file, "target": column, "length": 24},
        seeds=["gru"],
        budget=cs.Budget(parameters=400, steps=20, reports=1),
        hyperparameters={"learning_rate": 0.02},
        until="2 candidates",
        finalists=1,
        fresh_seeds=2,
    )
    best = study.cell("best")
    print(*cs.equations(best), sep="\n")
    for verdict in study.verdicts:
        print(f"{verdict.cell.name}: {verdict.test} of the error of saying 'as it is now'")
    cs.export(study.trained("best") or best, "sensor_cell.py")
