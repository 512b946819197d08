"""The search as a whole, on a task that trains in milliseconds: it is repeatable, robust, and fair in its finals."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch

import cellsearch
from cellsearch.cell import Node, from_equations, identity
from cellsearch.errors import BudgetError, CellError, CellsearchError, StudyError, UnknownNameError
from cellsearch.recurrence import RNN
from cellsearch.signals import will_fail
from cellsearch.study.comparing.confirm import load_confirmation
from cellsearch.study.ledger import Ledger, read_records
from cellsearch.study.progress import Progress
from cellsearch.study.record import Record, alive, best_first
from cellsearch.study.study import Study, load_study
from cellsearch.testing.troubled_task import TASK as TROUBLED
from cellsearch.training import Budget, Evaluation
from cellsearch.workers import Resources
from cellsearch.workers.local import LocalPool
from cellsearch_search_spaces.gated import LSTM
from tests.helpers.project import ROOT
from tests.helpers.small_search import BUDGET, GOLDEN, SMALL, TASK, history, small_search


def same(found: Any, expected: Any) -> bool:
    """Equal, numbers to a thousandth: other machines round otherwise."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-3)
    return bool(found == expected)


def test_the_history_of_a_small_search_is_the_golden_one(small: Study) -> None:
    """A change that is meant: `python -m tests.helpers.small_search` writes the file anew."""
    found, golden = history(small), json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert found.keys() == golden.keys()
    for stage in golden:
        for mine, theirs in zip(found[stage], golden[stage], strict=True):
            assert same(mine, theirs), (mine, theirs)


def test_no_candidate_is_trained_that_will_fail(small: Study) -> None:
    """Without the filter this search trains one."""
    assert [will_fail(record.cell) for record in small.records if record.role == "candidate"] == [None] * 8


FUSSY = """
from cellsearch.cell import from_equations
from cellsearch.space import SearchSpace
from cellsearch.recurrence.custom import op

@op
def fussy(a):
    if a.shape[-1] == 24:
        raise RuntimeError("24 hidden units, as a probe has, are too many")
    return a / (1 + a.abs())

OWN = from_equations("own", "h_next = fussy(linear(x, h))", ["h"], "h_next")
SPACE = SearchSpace("fussy", {"own": OWN}, ("linear", "sum", "fussy"), most_nodes=8, most_states=2)
"""


FAMILIES = """
from cellsearch.cell import from_equations
from cellsearch.space import SearchSpace

def cell(name, gate, h_next):
    text = f"z = {gate}\\nn = tanh(linear(x, h))\\nh_next = {h_next}"
    return from_equations(name, text, ["h"], "h_next")

GATE, BIASED = "sigmoid(linear(x, h))", "sigmoid(linear(x, h, bias=1))"
OWN = cell("own", GATE, "blend(z, h, n)")
OTHERS = [
    cell("own_from_its_other_end", GATE, "blend(z, n, h)"),
    cell("biased", BIASED, "blend(z, h, n)"),
    cell("biased_from_its_other_end", BIASED.replace("1", "-1"), "blend(z, n, h)"),
    cell("biased_to_forget", BIASED, "blend(z, n, h)"),
]

SPACE = SearchSpace(
    "families", {"own": OWN}, ("linear", "sigmoid", "tanh", "blend"), most_nodes=8, most_states=1,
    sample=lambda random: random.choice(OTHERS),
)
"""


@pytest.mark.slow
def test_a_cell_that_is_another_with_negated_weights_is_not_trained_again(tmp_path: Path) -> None:
    """Its gate read from the other end; but a bias that the gate starts with tells its ends apart."""
    (tmp_path / "families.py").write_text(FAMILIES)
    space = f"{tmp_path / 'families.py'}:SPACE"
    arguments = {"space": space, "strategy": "sample", "until": "5 candidates", "finalists": 0}
    found = small_search(tmp_path / "study", **arguments)
    assert len(_candidates(found)) == len({r.family for r in _candidates(found)}) == 2
    own = next(r.family for r in found.records if r.cell.name == "own")
    assert own not in {r.family for r in _candidates(found)}


@pytest.mark.slow
def test_seeds_that_differ_in_what_they_start_from_are_all_trained(tmp_path: Path) -> None:
    gates = "z = sigmoid(linear(x, h))\nn = tanh(linear(x, h))\nh_next = blend"
    seeds = [
        from_equations(name, gates + parts, ["h"], "h_next") for name, parts in (("a", "(z, h, n)"), ("b", "(z, n, h)"))
    ]
    found = small_search(tmp_path, seeds=seeds, until="0 candidates", finalists=0)
    assert [r.cell.name for r in found.records] == ["a", "b", "lstm", "gru"]
    assert found.records[0].family == found.records[1].family


@pytest.mark.usefixtures("table_of_operations")
def test_an_operation_that_raises_for_the_filter_ends_no_search(tmp_path: Path) -> None:
    (tmp_path / "fussy.py").write_text(FUSSY)
    space = f"{tmp_path / 'fussy.py'}:SPACE"
    found = small_search(tmp_path / "study", space=space, until="2 candidates", finalists=0)
    assert [r.role for r in found.records].count("candidate") == 2
    own = next(record.cell for record in found.records if record.cell.name == "own")
    with pytest.raises(RuntimeError, match="24 hidden units"):
        will_fail(own)


@pytest.mark.slow
def test_a_seed_of_the_users_own_is_in_the_finals_under_a_name_of_its_own(tmp_path: Path) -> None:
    own = from_equations("lstm", "h_next = tanh(linear(x, h) + sigmoid(h))", ["h"], "h_next")
    study = small_search(tmp_path, seeds=[own, "rnn"], until="0 candidates", trials=1)
    assert [r.cell.name for r in study.records] == ["lstm_2", "rnn", "lstm", "gru"]
    judged = {v.cell.name: v for v in study.verdicts if v.fresh_seeds}
    assert "lstm_2" in judged and "rnn" not in judged
    assert load_confirmation(study) is None  # which looks up the finalists
    assert judged["lstm_2"].role == "baseline" and {"lstm", "gru"} <= judged["lstm_2"].differences.keys()


@pytest.mark.slow
def test_a_search_on_ray_is_the_same_as_a_local_one(small: Study, tmp_path: Path) -> None:
    assert history(small_search(tmp_path, resources=Resources("ray", workers=1))) == history(small)


@pytest.mark.slow
def test_another_seed_gives_another_search(small: Study, tmp_path: Path) -> None:
    other = small_search(tmp_path, seed=1, finalists=0)
    assert not {r.identity for r in _candidates(other)} <= {r.identity for r in _candidates(small)}


def test_baselines_come_first_at_the_tasks_rate_and_no_cell_is_trained_twice(small: Study) -> None:
    assert [(r.cell.name, r.role) for r in small.records[:3]] == [(n, "baseline") for n in ("rnn", "lstm", "gru")]
    assert {r.hyperparameters["learning_rate"] for r in small.records[:3]} == {TROUBLED.learning_rate}
    assert [r.role for r in small.records[3:]] == ["candidate"] * 8
    assert len({r.family for r in small.records}) == len(small.records)
    assert [r.cell.name for r in _candidates(small)] == [f"cell_{r.number}" for r in _candidates(small)]
    rates = [r.hyperparameters["learning_rate"] for r in small.records]
    assert TROUBLED.learning_rate / 5 <= min(rates) < max(rates) <= TROUBLED.learning_rate * 5
    assert all((r.parameters or 0) <= BUDGET.parameters for r in small.records)


def test_finalists_are_tuned_by_one_rule_and_get_the_same_fresh_seeds(small: Study) -> None:
    names = {cell.name for cell in small.finals}
    best = sorted((r for r in _candidates(small) if r.score is not None), key=lambda r: r.score or 0)[:2]
    assert names == {"lstm", "lstm_forget_bias_0", "gru", "gru_reset_before", *(r.cell.name for r in best)}
    fresh = {cell.name: _by_role(records, "fresh") for cell, records in small.finals.items()}
    judged = {name: records for name, records in fresh.items() if records}
    assert len(judged) == 4 and {r.cell.name for r in best} < judged.keys(), "one form of the LSTM and one of the GRU"
    seeds = [[r.seed for r in records] for records in judged.values()]
    assert seeds == [seeds[0]] * 4 and len(set(seeds[0])) == 2
    assert not set(seeds[0]) & {r.seed for r in small.records}
    for cell, records in small.finals.items():
        tried = _by_role(records, "rate")
        assert tried[0].hyperparameters["learning_rate"] == TROUBLED.learning_rate and len(tried) >= 3
        assert {r.hyperparameters["learning_rate"] for r in fresh[cell.name]} <= {
            r.hyperparameters["learning_rate"] for r in tried
        }


def test_the_form_with_the_better_tuning_stands_for_its_baseline(small: Study) -> None:
    for names in (("lstm", "lstm_forget_bias_0"), ("gru", "gru_reset_before")):
        tried = {cell.name: _by_role(records, "rate") for cell, records in small.finals.items() if cell.name in names}
        best = min(tried, key=lambda name: min(r.score or math.inf for r in tried[name]))
        (judged,) = [v.cell.name for v in small.verdicts if v.cell.name in names]
        # The choice is by the rate that the rule took, which need not have the least single score of all.
        chosen = [v.tuning.loss for v in small.verdicts if v.cell.name == judged and v.tuning]
        assert judged == best or chosen[0] <= min(r.score or math.inf for r in tried[best]) * 1.05


def test_test_data_is_read_in_fresh_trainings_only(small: Study) -> None:
    finals = [record for records in small.finals.values() for record in records]
    assert all((r.test is not None) == (r.role == "fresh") for r in [*small.records, *finals])


def test_finals_are_no_longer_than_the_search_where_the_task_knows_of_no_other_steps(tmp_path: Path) -> None:
    assert TROUBLED.steps == 5
    budget = Budget(parameters=200, steps=2, reports=1)
    study = small_search(tmp_path, budget=budget, until="1 candidates", finalists=1, trials=0)
    assert {record.steps for records in study.finals.values() for record in records} == {2}


def test_at_a_fixed_rate_the_best_of_the_search_go_to_the_full_training(tmp_path: Path) -> None:
    """Longer finals would cut by tuning, of which there is none."""
    fixed = {"learning_rate": 0.01, "weight_decay": 0.0}
    study = small_search(tmp_path, hyperparameters=fixed, final_steps=20, until="3 candidates", finalists=1)
    judged = [verdict.cell for verdict in study.verdicts if verdict.role == "candidate"]
    assert judged == [best_first((r for r in study.records if r.role == "candidate"), True)[0].cell]
    assert {record.steps for records in study.finals.values() for record in records} == {20}


def test_the_best_cell_is_the_finalist_with_the_best_tuning(small: Study) -> None:
    tuned = {v.cell.name: v.tuning.loss for v in small.verdicts if v.role == "candidate" and v.tuning}
    assert len(tuned) == 2
    assert small.best.cell.name == min(tuned, key=tuned.__getitem__)


def test_the_trained_module_gives_the_recorded_scores(small: Study) -> None:
    cell = small.best.cell
    record = min(_by_role(small.finals[cell], "fresh"), key=lambda r: r.score or math.inf)
    module = small.trained("best")
    assert isinstance(module, RNN) and record.hidden_size == module.hidden_size
    model = TROUBLED.model(cell, module.hidden_size)
    from safetensors.torch import load_file

    from cellsearch.study.finals import final_stage
    from cellsearch.study.folder import weights_path

    model.load_state_dict(load_file(weights_path(small.path, final_stage(cell), record.number)))
    assert all(torch.equal(one, other) for one, other in zip(module.parameters(), model.rnn.parameters(), strict=True))
    with torch.no_grad():
        assert TROUBLED.score(model.eval(), "validation") == pytest.approx(record.score, rel=1e-5)
        assert TROUBLED.score(model, "test") == pytest.approx(record.test, rel=1e-5)


def test_the_same_call_again_trains_nothing_and_gives_the_same_study(small: Study) -> None:
    seen: list[Progress] = []
    again = small_search(small.path, observe=seen.append)
    assert again.records == small.records and dict(again.finals) == dict(small.finals)
    assert list(dict.fromkeys(p.stage for p in seen)) == ["search", "finals"]


def test_numbers_of_numpy_are_the_same_numbers(small: Study) -> None:
    again = small_search(
        small.path,
        seed=np.int64(0),
        budget=Budget(np.int64(200), np.int32(5)),  # type: ignore[arg-type]
        trials=np.int8(2),
        final_steps=np.int64(5),
    )
    assert again.records == small.records


def test_fewer_finalists_than_there_were_train_nothing(small: Study) -> None:
    assert SMALL["fresh_seeds"] == 2, "the fewest that there can be"
    assert dict(small_search(small.path, finalists=1).finals) == dict(small.finals)


MOODY = """
from cellsearch.testing.troubled_task import Troubled, TROUBLES

MOODS = {0: "raise", 1: "hang", 3: "nan", 4: "die"}

class Moody(Troubled):
    def loss(self, model, batch, carried):
        mood = MOODS.get(len(model.rnn.cell.nodes) % 5)
        loss, carried = super().loss(model, batch, carried)
        if mood == "nan":
            return loss * float("nan"), carried
        if mood:
            TROUBLES[mood]()
        return loss, carried

TASK = Moody()
"""
REASONS = {
    0: "RuntimeError: two lines (moody.py:13)",
    1: "timed out after 1 s",
    3: "the loss is nan at step 1",
    4: "lost 3 times: its worker process died (signal 9)",
}
"""What happens to a cell by its number of nodes modulo 5."""


@pytest.mark.slow
def test_a_search_goes_on_to_its_end_whatever_its_candidates_do(tmp_path: Path) -> None:
    (tmp_path / "moody.py").write_text(MOODY)
    study = small_search(
        tmp_path / "study",
        f"{tmp_path / 'moody.py'}:TASK",
        seeds=["rnn"],
        until="16 candidates",
        resources=Resources(workers=2, timeout=1.0),
    )
    assert len(_candidates(study)) == 16
    ends = {len(r.cell.nodes) % 5: (r.state, r.reason) for r in study.records if r.state != "pruned"}
    assert ends == {2: ("complete", ""), **{mood: ("failed", reason) for mood, reason in REASONS.items()}}
    verdicts = {v.cell.name: (v.fresh_seeds, v.reason) for v in study.verdicts}
    assert verdicts[study.best.cell.name] == (2, "")
    assert len(verdicts) <= 2, "baselines that failed in the search take no part, for they would only fail again"


def test_a_search_in_which_everything_fails_says_why(tmp_path: Path) -> None:
    study = small_search(tmp_path, until="2 candidates", options={"trouble": "raise"})
    assert [r.state for r in study.records] == ["failed"] * 5
    assert {r.reason for r in study.records} == {"RuntimeError: two lines"}
    with pytest.raises(StudyError, match="has no complete candidate: 5 x RuntimeError: two lines; mend what is"):
        _ = study.best
    assert study.trained(3) is None
    study.write_tables()


NEEDY = """
from pathlib import Path
from cellsearch.testing.troubled_task import Troubled

class Needy(Troubled):
    def batches(self, seed):
        if not Path(__file__).with_name("room").exists():
            raise OSError(28, "No space left on device")
        return super().batches(seed)

TASK = Needy()
"""


@pytest.mark.slow
def test_what_failed_for_a_cause_that_is_mended_is_trained_by_the_same_command(tmp_path: Path) -> None:
    (tmp_path / "needy.py").write_text(NEEDY)

    def searched() -> Study:
        return small_search(
            tmp_path / "study", f"{tmp_path / 'needy.py'}:TASK", until="2 candidates", finalists=0, rungs=()
        )

    failed = searched()
    assert {r.state for r in failed.records} == {"failed"} and "No space left" in failed.records[0].reason
    (tmp_path / "room").touch()
    mended = searched()
    assert [r.state for r in mended.records] == ["repeated"] * 5 + ["complete"] * 5
    assert [r.identity for r in alive(mended.records)] == [r.identity for r in failed.records]
    assert [r.role for r in alive(mended.records)] == [r.role for r in failed.records]
    assert mended.best.score is not None and searched().records == mended.records


@pytest.mark.slow
def test_more_candidates_continue_a_search_without_training_a_cell_twice(tmp_path: Path) -> None:
    first = small_search(tmp_path, until="2 candidates", finalists=1)
    more = small_search(tmp_path, until="4 candidates", finalists=1)
    assert list(more.records)[: len(first.records)] == list(first.records)
    assert len(_candidates(more)) == 4
    assert len({r.identity for r in more.records}) == len(more.records)
    assert all(more.finals[cell] == records for cell, records in first.finals.items() if cell in more.finals)


KILLED = """
import os, signal
from pathlib import Path
from tests.helpers.small_search import small_search

def observe(progress):
    done = progress.complete + progress.pruned
    if progress.stage == STAGE and done >= DONE:
        os.kill(os.getpid(), signal.SIGKILL)

small_search(Path(PATH), options={"seconds": "0.05"}, observe=observe)
"""


@pytest.mark.slow
def test_kills_in_the_middle_change_nothing_of_a_search(small: Study, tmp_path: Path) -> None:
    path = tmp_path / "study"
    finished: list[Record] = []
    kills = [("search", done) for done in (2, 4, 5, 6, 8, 10)]
    for stage, done in (*kills, ("finals", 3), ("finals", 9)):
        code = KILLED.replace("STAGE", repr(stage)).replace("DONE", str(done)).replace("PATH", repr(str(path)))
        ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120, check=False)
        assert ended.returncode == -signal.SIGKILL
        records = read_records(path)
        assert all(record in records for record in finished), "no finished trial is lost or trained again"
        finished = [r for r in records if r.state in ("complete", "pruned", "failed")]
    study = small_search(path, options={"seconds": "0.05"})
    assert any(r.state == "interrupted" for r in study.records)
    assert history(study) == history(small)


@pytest.mark.parametrize("higher", [pytest.param(True, marks=pytest.mark.slow)])
def test_a_metric_of_which_more_is_better_is_searched_upwards(higher: bool, tmp_path: Path) -> None:
    (tmp_path / "upward.py").write_text(
        "from cellsearch.testing.troubled_task import Troubled\n"
        "class Upward(Troubled):\n"
        "    lower_is_better = False\n"
        "    def score(self, model, split):\n"
        "        return -super().score(model, split)\n"
        "TASK = Upward()\n"
    )
    seen: list[Progress] = []
    study = small_search(tmp_path / "s", f"{tmp_path / 'upward.py'}:TASK", observe=seen.append, until="6 candidates")
    scores = [r.score for r in _candidates(study) if r.score is not None]
    assert max(scores) < 0
    assert seen[-1].best is not None and seen[-1].best.score == max(scores)
    tuned = {v.cell: v.tuning.loss for v in study.verdicts if v.role == "candidate" and v.tuning and v.fresh_seeds}
    assert len(set(tuned.values())) > 1 and tuned[study.best.cell] == min(tuned.values())
    for records in study.finals.values():
        for fresh in _by_role(records, "fresh"):
            rate = fresh.hyperparameters["learning_rate"]
            tried = [(r.hyperparameters["learning_rate"], r.score) for r in _by_role(records, "rate")]
            at_the_rate = [score for other, score in tried if score is not None and other == rate]
            assert fmean(at_the_rate) > fmean(score for _, score in tried if score is not None), "more is better"


def test_without_finalists_there_is_no_final_and_progress_is_told(tmp_path: Path) -> None:
    seen: list[Progress] = []
    study = small_search(
        tmp_path, until="1 candidates", finalists=0, observe=seen.append, seeds=[LSTM], options={"seconds": "0.05"}
    )
    assert dict(study.finals) == {} and study.verdicts == []
    assert study.best.cell.name == "cell_2" and study.trained() is None
    assert {p.stage for p in seen} == {"search"} and {p.total for p in seen} == {3}
    assert {p.running for p in seen} <= {0, 1}, "one worker runs one trial, also while the next has begun"
    last = seen[-1]
    assert (last.complete + last.pruned + last.failed, last.running, last.failed) == (3, 0, 0)
    assert set(last.baselines) == {"lstm", "gru"} and last.seconds_left == 0


@pytest.mark.slow
def test_cells_may_be_seeds_and_lstm_and_gru_are_baselines_always(tmp_path: Path) -> None:
    nodes = {"mixed": Node("linear", ("x", "h")), "h_next": Node("relu", ("mixed",))}
    mine = type(LSTM)("mine", nodes, {"h": "h_next"}, "h_next")
    study = small_search(tmp_path, until="0 candidates", finalists=0, seeds=[mine])
    assert [(r.cell.name, r.role) for r in study.records] == [(n, "baseline") for n in ("mine", "lstm", "gru")]


@pytest.mark.slow
def test_two_workers_train_at_once(tmp_path: Path) -> None:
    study = small_search(
        tmp_path, until="0 candidates", finalists=0, resources=Resources(workers=2), options={"seconds": "0.1"}
    )
    spans = sorted((r.began, r.ended) for r in study.records if r.began and r.ended)
    assert spans[1][0] < spans[0][1]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"task": "nothing"}, UnknownNameError, "unknown task 'nothing'"),
        ({"space": "nothing"}, UnknownNameError, "unknown search space 'nothing'"),
        (
            {"space": "cellsearch_tasks.chars:TASK"},
            UnknownNameError,
            "'cellsearch_tasks.chars:TASK' is no search space but a Chars",
        ),
        ({"seeds": ["nothing"]}, UnknownNameError, "unknown cell 'nothing'; use a seed"),
        ({"seeds": ["none.json"]}, CellError, "cell file none.json: No such file or directory"),
        ({"seeds": []}, UnknownNameError, "no seed cell given; use rnn, lstm, gru"),
        ({"strategy": "nothing"}, UnknownNameError, "unknown strategy 'nothing'"),
        ({"options": {"length": "3"}}, UnknownNameError, "has no option 'length'; its options: seconds"),
        ({"options": {"seconds": "long"}}, UnknownNameError, "seconds must be float, got 'long'"),
        ({"budget": Budget(10)}, BudgetError, "a budget of 10 parameters is too small for cell 'lstm'"),
        ({"until": "soon"}, BudgetError, "'soon' does not say until when to search; write '200 candidates'"),
        ({"rungs": [3, 9]}, BudgetError, "rungs must rise from 1 to less than the 5 steps of a training, got 3, 9"),
        ({"finalists": -1}, BudgetError, "finalists must be at least 0, got -1"),
        ({"trials": -1}, BudgetError, "trials must be at least 0, got -1"),
        ({"final_steps": 3}, BudgetError, "final steps must be at least the 5 steps of the search, got 3; raise them"),
        ({"fresh_seeds": 1}, BudgetError, "fresh seeds must be at least 2, got 1"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_a_study_is_begun(
    changes: dict[str, Any], error: type[CellsearchError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        small_search(tmp_path / "study", **({"task": TASK} | changes))
    assert not (tmp_path / "study").exists()


def test_a_pool_that_does_not_open_leaves_the_study_free(tmp_path: Path) -> None:
    with pytest.raises(CellsearchError, match="the address of a Ray cluster is HOST:PORT of its head, got 'nowhere'"):
        small_search(tmp_path, resources=Resources("ray", address="nowhere"))
    Ledger(tmp_path, load_study(tmp_path).settings, {}).__exit__(None, None, None)


def test_a_study_of_another_task_is_not_continued(small: Study) -> None:
    with pytest.raises(StudyError, match=f"was begun with task '{TASK}', now 'adding'; continue with the same"):
        small_search(small.path, "adding", budget=Budget(500, 5))


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_every_worker(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.helpers.small_search import small_search\n"
        f"small_search(Path({str(tmp_path / 's')!r}), options={{'seconds': '1', 'diary': {str(tmp_path / 'diary')!r}}})"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    diary = tmp_path / "diary"
    until = time.monotonic() + 60
    while not diary.exists() or len(diary.read_text().splitlines()) < 2:  # the driver's own line is the first
        assert time.monotonic() < until
        time.sleep(0.1)
    worker = int(diary.read_text().splitlines()[-1].split()[0])
    driver.send_signal(signal.SIGINT)
    driver.wait(20)
    time.sleep(0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def _candidates(study: Study) -> list[Record]:
    return [r for r in study.records if r.role == "candidate" and r.state != "interrupted"]


def _by_role(records: Any, role: str) -> list[Record]:
    return [r for r in records if r.role == role]


def test_helpers_tell_differences() -> None:
    assert same({"a": [1.0, None]}, {"a": [1.0001, None]}) and not same({"a": [1.0]}, {"a": [1.1]})
    assert not same([1], [1, 2]) and identity(LSTM)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"budget": 60_000}, "a Budget is expected, got 60000; write cellsearch.Budget"),
        ({"resources": "ray"}, "Resources are expected, got 'ray'; write cellsearch.Resources"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_number_where_a_budget_or_resources_belong_is_told(
    wrong: dict[str, Any], message: str, tmp_path: Path
) -> None:
    entries: dict[str, Callable[[], object]] = {
        "search": lambda: cellsearch.search("parity", study=tmp_path / "study", **wrong),
        "compare": lambda: cellsearch.compare(("rnn", "gru"), "parity", study=tmp_path / "study", **wrong),
        "profile": lambda: cellsearch.profile(("rnn",), study=tmp_path / "study", **wrong),
    }
    for entry in entries.values():
        with pytest.raises(BudgetError, match=message):
            entry()
        assert not (tmp_path / "study").exists()


def test_a_search_on_several_tasks_stops_candidates_after_the_first_and_ends_with_all(tmp_path: Path) -> None:
    tasks = [TASK, f"{TASK}@blind=1"]
    budget = Budget(parameters=400, steps=10)
    rate = {"learning_rate": 0.5}  # of which finals look for no better one
    found = small_search(tmp_path, tasks, budget=budget, until="6 candidates", finalists=1, hyperparameters=rate)
    candidates = [record for record in found.records if record.role == "candidate"]
    assert found.settings["rungs"] == [2, 5] and "complete" in {record.state for record in candidates}
    assert {record.reached for record in candidates if record.state != "failed"} == {2, 5, 10}
    fresh = [record for records in found.finals.values() for record in records if record.role == "fresh"]
    assert fresh and all(list(record.details) == tasks for record in fresh)
    with pytest.raises(UnknownNameError, match="is that of the search"):
        small_search(tmp_path / "other", tasks, budget=budget, confirm_on=tasks[0])


class Ends(cellsearch.Callback):
    """Remembers the state that each trial has ended in."""

    def __init__(self) -> None:
        self.states: dict[int, str] = {}

    def end(self, record: Record) -> None:
        self.states[record.number] = record.state


def test_a_callback_hears_of_every_trial_and_each_is_called_after_its_cell_its_origin_and_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, labels = Ends(), []
    submit = LocalPool.submit

    def noting(pool: LocalPool, job: int, evaluation: Evaluation) -> None:
        labels.append(evaluation.label)
        submit(pool, job, evaluation)

    monkeypatch.setattr(LocalPool, "submit", noting)
    study = small_search(tmp_path, until="3 candidates", seeds="lstm", finalists=0, callbacks=[ends])
    given_up = {record.number: "paused" for record in study.records if record.state == "pruned"}
    assert ends.states == {record.number: record.state for record in study.records} | given_up
    assert labels[:2] == ["lstm troubled", "gru troubled"] or labels[:2] == ["gru troubled", "lstm troubled"]
    assert {label.partition(" ")[2] for label in labels[2:]} == {"lstm-like troubled"}


def test_a_deterministic_search_on_a_cluster_that_may_grow_is_refused(tmp_path: Path) -> None:
    cluster = Resources("ray", address="head:6379")
    with pytest.raises(BudgetError, match="deterministic search on a cluster needs a number of workers; give one in"):
        small_search(tmp_path, deterministic=True, resources=cluster)
