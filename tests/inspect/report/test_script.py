"""The page in a real browser: it needs no network, says nothing on its console, and does all by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from cellsearch.inspect.report.report import save_report
from tests.helpers.browser import MISSING, Browser, browser
from tests.helpers.large_study import large_study
from tests.helpers.small_search import small_search

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

CANDIDATES = 120


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    save_report(large_study(CANDIDATES), path)
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def opened(chromium: Browser, page: Path) -> Browser:
    chromium.open(page)
    return chromium


def column(opened: Browser, name: str) -> list[str]:
    """What the table of trials shows in a column on this page of it."""
    place = [text.rstrip(" ↑↓") for text in opened.texts(".trials thead th")].index(name)
    rows = "[...document.querySelectorAll('.trials tbody tr')]"
    return opened.run(f"return {rows}.map((row) => row.children[arguments[0]].textContent)", place)


def heading(opened: Browser, name: str) -> int:
    return [text.rstrip(" ↑↓") for text in opened.texts(".trials thead th")].index(name)


def check_quiet(opened: Browser) -> None:
    assert opened.messages() == []
    assert [url for url in opened.requests() if not url.startswith("file:")] == []


def test_it_draws_every_plot_without_network_or_a_word_on_the_console(opened: Browser) -> None:
    opened.draw_all()
    assert len(opened.all(".plot .main-svg")) >= 2
    check_quiet(opened)
    assert len(opened.requests()) <= 1


def test_what_the_policy_forbids_does_not_run(opened: Browser) -> None:
    opened.run(
        "const s = document.createElement('script'); s.textContent = 'window.hurt = true'; document.body.append(s);"
        "const i = new Image(); i.src = 'https://example.org/a.png'; document.body.append(i);"
        "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.hurt = true\" id=bait>x</b>');"
        "document.getElementById('bait').click()"
    )
    assert opened.run("return window.hurt") is None
    assert all("Content Security Policy" in message for message in opened.messages())


def test_a_heading_sorts_and_sorts_the_other_way_by_mouse_and_keyboard(opened: Browser) -> None:
    place = heading(opened, "score")
    button = opened.all(".trials thead button")[place]
    button.click()
    scores = [float(text) for text in column(opened, "score") if text]
    assert scores == sorted(scores) and len(scores) == 50
    assert opened.all(".trials thead th")[place].get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    falling = [float(text) for text in column(opened, "score")]
    assert falling == sorted(falling, reverse=True)
    assert opened.all(".trials thead th")[place].get_attribute("aria-sort") == "descending"


def test_words_comparisons_and_states_filter(opened: Browser) -> None:
    field = opened.one("[data-filter]")
    field.send_keys("cell_17 ")
    assert column(opened, "cell") == ["cell_17"]
    field.clear()
    field.send_keys("role=candidate score<3.2")
    assert len(column(opened, "score")) > 0 and all(float(text) < 3.2 for text in column(opened, "score"))
    field.clear()
    field.send_keys(" ")
    opened.one("[data-state]").send_keys("failed")
    assert {*column(opened, "state")} == {"failed"}
    count = len([r for r in large_study(CANDIDATES).records if r.state == "failed"])
    assert opened.one("[data-count]").text == f"{count} of {CANDIDATES + 3}"


def test_pages_turn(opened: Browser) -> None:
    assert opened.one("[data-page]").text == "page 1 of 3" and not opened.one("[data-previous]").is_enabled()
    opened.one("[data-next]").click()
    opened.one("[data-next]").click()
    assert column(opened, "trial")[0] == "100" and not opened.one("[data-next]").is_enabled()


def test_a_name_opens_its_row(opened: Browser) -> None:
    name = opened.all(".trials tbody button")[1]
    name.send_keys(Keys.ENTER)
    assert name.get_attribute("aria-expanded") == "true"
    assert "h' =" in opened.one(".trials .detail").text
    name.click()
    assert opened.all(".trials .detail") == []


def test_the_theme_turns_and_plots_turn_with_it(opened: Browser) -> None:
    opened.draw_all()
    colour = "return getComputedStyle(document.body).backgroundColor"
    text = "return document.querySelector('.xtick text').style.fill"
    seen = []
    for _ in range(3):
        opened.one("#theme").click()
        opened.until(lambda: opened.run(text))
        seen.append((opened.one("#theme").text, opened.run(colour), opened.run(text)))
    assert [name for name, _, _ in seen] == ["Theme: light", "Theme: dark", "Theme: as the system"]
    assert seen[0][1:] == seen[2][1:] and seen[0][1] != seen[1][1] and seen[0][2] != seen[1][2]


def test_it_is_dark_where_the_system_is(chromium: Browser, page: Path) -> None:
    chromium.open(page, prefers_color_scheme="dark")
    assert chromium.run("return getComputedStyle(document.body).backgroundColor") == "rgb(23, 24, 26)"


def test_hovering_tells_which_candidate_a_point_is(opened: Browser) -> None:
    opened.draw_all()
    point = opened.all("[data-plot=course] .trace:nth-child(3) .points path")[0]
    opened.run("arguments[0].scrollIntoView({block: 'center'})", point)
    opened.actions().move_to_element(point).perform()
    opened.until(lambda: opened.texts(".hoverlayer .hovertext"))
    assert "failed: the loss is nan at step" in opened.texts(".hoverlayer .hovertext")[0]


def test_the_course_stands_against_time_and_hyperparameters_too(opened: Browser) -> None:
    opened.draw_all()
    choice = opened.one("[data-axis]")
    assert choice.text.split("\n") == [
        *("candidate", "hours since the start", "hours of training", "learning rate", "weight decay")
    ]
    choice.send_keys("learning rate")
    opened.until(lambda: "learning rate" in opened.texts("[data-plot=course] .xtitle"))


def test_copying_takes_the_text(opened: Browser) -> None:
    opened.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    opened.one("[data-copy=equations-0]").click()
    opened.until(lambda: opened.one("[data-copy=equations-0]").text.startswith("Copied"))
    assert opened.run("return navigator.clipboard.readText()") == opened.one("#equations-0").text


def test_the_tabulator_reaches_everything_and_all_of_it_has_a_name(opened: Browser) -> None:
    nameless = opened.run(
        "return [...document.querySelectorAll('a, button, select, input, [tabindex]')].filter((e) =>"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length)).map((e) => e.outerHTML)"
    )
    assert nameless == []
    seen = []
    for _ in range(12):
        opened.actions().send_keys(Keys.TAB).perform()
        seen.append(opened.run("return document.activeElement.textContent.trim().split('\\n')[0]"))
    assert seen[:3] == ["To the verdict", "Theme: as the system", "Verdict"]
    assert len({*seen}) > 8


def test_a_phone_shows_it_without_moving_sideways(chromium: Browser, page: Path) -> None:
    chromium.open(page, width=390, height=800)
    chromium.draw_all()
    assert chromium.run("return document.documentElement.scrollWidth") == 390
    check_quiet(chromium)


@pytest.mark.slow
def test_the_report_of_a_real_study_says_what_its_summary_says(chromium: Browser, tmp_path: Path) -> None:
    study = small_search(tmp_path / "study")
    save_report(study, tmp_path / "report.html")
    chromium.open(tmp_path / "report.html")
    chromium.draw_all()
    assert chromium.one("#cell-0 h2").text == f"The winner: {study.best.cell.name}"
    check_quiet(chromium)


@pytest.mark.slow
def test_five_thousand_candidates_are_there_within_two_seconds_and_ten_megabytes(
    chromium: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    save_report(large_study(5_000), path)
    assert path.stat().st_size <= 10_000_000
    chromium.open(path)
    assert chromium.run("return performance.getEntriesByName('interactive')[0].startTime") < 2_000
    chromium.all(".trials thead button")[heading(chromium, "score")].click()
    scores = [float(text) for text in column(chromium, "score")]
    assert scores == sorted(scores)
    chromium.draw_all()
    check_quiet(chromium)


def test_a_study_without_finals_has_a_page_too(chromium: Browser, tmp_path: Path) -> None:
    study = replace(large_study(8), finals={})
    save_report(study, tmp_path / "report.html")
    chromium.open(tmp_path / "report.html")
    assert "has not been compared with LSTM and GRU" in chromium.one("#verdict").text
    chromium.draw_all()
    check_quiet(chromium)
