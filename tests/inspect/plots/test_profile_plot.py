from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from cellsearch.errors import CellsearchError
from cellsearch.inspect.plots.profile_plot import COLOURS, save_profile
from tests.helpers.profiles import PROFILE


def test_the_figure_is_a_picture_that_can_be_looked_at(tmp_path: Path) -> None:
    save_profile(PROFILE, tmp_path / "profile.png")
    picture = (tmp_path / "profile.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 1500
    assert height > 600


def test_the_figure_names_cells_skills_and_gates(tmp_path: Path) -> None:
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):
        save_profile(PROFILE, tmp_path / "profile.svg")
    text = (tmp_path / "profile.svg").read_text()
    title = "what rnn, gru can do with 2,000 parameters, one seed"
    assert all(f">{each}<" in text for each in ("rnn", "gru", "remember", "add", "gru: z", "failed", title))


def test_a_level_of_zero_has_a_bar_and_gradients_that_are_cut_say_so(tmp_path: Path) -> None:
    rnn = replace(PROFILE.portraits[0], figures={"remember": 0.5, "add": 0.2}, gradients=[1.0, 0.0])
    save_profile(replace(PROFILE, portraits=[rnn]), tmp_path / "profile.svg")
    text = (tmp_path / "profile.svg").read_text()
    bars = re.findall(rf'<path d="M ([\d.]+) [\d.]+\s*L ([\d.]+) [^"]*"[^>]*fill: {COLOURS[0]}', text)
    assert [float(right) - float(left) > 2 for left, right in bars[:2]] == [True, True]
    assert "<!-- 1e-12 or less -->" in text
    save_profile(PROFILE, tmp_path / "profile.svg")
    assert "or less" not in (tmp_path / "profile.svg").read_text()


def test_a_profile_of_cells_without_gates_says_so(tmp_path: Path) -> None:
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):
        save_profile(replace(PROFILE, portraits=PROFILE.portraits[:1]), tmp_path / "profile.svg")
    assert "no cell has a sigmoid gate" in (tmp_path / "profile.svg").read_text()


def test_another_ending_is_refused() -> None:
    with pytest.raises(CellsearchError, match=r"picture 'profile.pdf' ends in neither .svg nor .png"):
        save_profile(PROFILE, "profile.pdf")
