"""Searches a cell that reads a text of your own by characters.

    python search_text.py novel.txt

The budget is small, so that it takes seconds: leave what follows `seeds` out for a search that tells something.
"""

import sys

import cellsearch as cs

if __name__ == "__main__":
    study = cs.search(
        "chars",
        study="runs/text",
        options={"data": sys.argv[1], "length": 32, "batch": 8},
        seeds=["gru"],
        budget=cs.Budget(parameters=6_000, steps=10, reports=1),
        hyperparameters={"learning_rate": 0.02},
        until="2 candidates",
        finalists=1,
        fresh_seeds=2,
    )
    print(*cs.equations(study.cell("best")), sep="\n")
    for verdict in study.verdicts:
        print(f"{verdict.cell.name}: {verdict.test} bits per character")
