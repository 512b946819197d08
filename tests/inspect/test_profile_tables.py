from __future__ import annotations

from cellsearch.inspect.profile_tables import profile_table
from tests.helpers.printed import printed
from tests.helpers.profiles import PROFILE


def test_the_table_says_levels_reach_gates_and_failures() -> None:
    lines = [" ".join(line.split()) for line in printed(profile_table(PROFILE), 120).splitlines()]
    assert "skill rnn gru" in lines
    assert "remember 0 % (0.5) 50 % (0.75)" in lines
    assert "add 75 % (0.05) failed" in lines
    assert "steps until a gradient is 1 % of its first 7 over 40" in lines
    assert "gru update_gate 25 % 50 %" in lines
    assert "gru failed at adding: the loss is nan at step 3" in lines
