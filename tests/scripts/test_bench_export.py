"""`scripts/bench_export` has a row for the file beside each peer, in both phases."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.helpers.project import ROOT


@pytest.mark.slow
def test_the_file_stands_beside_each_peer() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "bench_export"), "--quick", "--json", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["results"]
    assert [(row["section"], row["row"], row["peer_name"]) for row in rows] == [
        (phase, cell, peer)
        for cell in ("LSTM", "GRU")
        for phase in ("forward", "training")
        for peer in ("reference", "eager", "native", f"nn.{cell}")
    ]
    assert all(row["ratio"] > 0 for row in rows)
    assert [row["goal"] for row in rows if row["goal"]] == [1.5, 1.5]
    assert len(done.stderr.splitlines()) == len(rows)
