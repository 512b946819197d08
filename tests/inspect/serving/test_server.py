"""The server: pages of studies that go on, in a real browser; it takes no lock, and no name leads out of its folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from cellsearch.errors import StudyError
from cellsearch.inspect.serving import watched
from cellsearch.inspect.serving.server import LOOPBACK, bound, server
from cellsearch_search_spaces.gated import RNN
from tests.helpers.browser import MISSING, Browser, browser
from tests.helpers.written_study import writing

HOSTILE = "a&b <script>window.hurt=1<'script>"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study of a few trials is read as soon as it has changed, and has ended as soon as nothing is open."""
    monkeypatch.setattr(watched, "SHARE", 1e6)
    monkeypatch.setattr(watched, "QUIET", 0.3)


@contextmanager
def served(root: Path) -> Iterator[int]:
    """A server of its own; its port."""
    listening, running = bound(0), server(root, look_seconds=0.05)
    thread = threading.Thread(target=running.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def asked(port: int, path: str = "/", host: str = LOOPBACK, method: str = "GET") -> Iterator[HTTPResponse]:
    with closing(HTTPConnection(LOOPBACK, port, timeout=30)) as connection:
        connection.request(method, path, headers={"Host": host})
        with connection.getresponse() as answer:
            yield answer


def status(*arguments: Any, **named: Any) -> int:
    with asked(*arguments, **named) as answer:
        return answer.status


def await_told(stream: HTTPResponse, words: str) -> None:
    """Read a stream's events until one says so; reading gives up in time."""
    while not (line := stream.readline().decode()).startswith("data: ") or words not in line:
        pass


def text(page: Browser, selector: str) -> str:
    """The text of an element of a page that may change while it is asked for."""
    return str(page.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if MISSING:
        pytest.skip(MISSING)
    with browser() as opened:
        yield opened


def test_a_page_follows_the_search_to_its_end_and_stays_as_it_was_turned(chromium: Browser, tmp_path: Path) -> None:
    with writing(tmp_path) as search, served(tmp_path) as port:
        number = search.begin()
        chromium.open(f"http://{LOOPBACK}:{port}/")
        assert "has no complete candidate" in text(chromium, "#verdict")
        search.end(number, 2.5)
        search.trial(2.7, RNN.renamed("other"), parents=(number,))
        running = search.begin(RNN.renamed("running"))
        chromium.until(lambda: text(chromium, "[data-count]") == "5 of 5")
        chromium.run("window.before = true")
        chromium.one("[data-filter]").send_keys("rnn")
        chromium.draw_all()
        search.end(running, 2.4)
        search.trial(2.3, RNN.renamed("best_of_all"))
        chromium.until(lambda: text(chromium, "#cell-0 h2") == "The winner: best_of_all")
        assert chromium.one("[data-filter]").get_attribute("value") == "rnn"
        assert text(chromium, "[data-count]") == "1 of 6"
        assert chromium.run("return window.before"), "the page is the same"
        chromium.until(lambda: text(chromium, "#live").startswith("The search has ended. search: 6 done"))
        assert "best_of_all 2.3000" in text(chromium, "#live")
        assert chromium.messages() == []
        assert {url.split("?")[0].rsplit("/", 1)[0] for url in chromium.requests()} == {f"http://{LOOPBACK}:{port}"}


def test_a_page_says_when_the_server_is_gone(chromium: Browser, tmp_path: Path) -> None:
    with writing(tmp_path) as search:
        search.trial(2.5)
    with served(tmp_path) as port:
        chromium.open(f"http://{LOOPBACK}:{port}/")
        chromium.until(lambda: "ended" in text(chromium, "#live"))
    chromium.until(lambda: "does not answer" in text(chromium, "#live"))
    chromium.open("about:blank")  # it would ask on


def test_several_studies_have_a_list_and_hostile_names_are_text_in_it(chromium: Browser, tmp_path: Path) -> None:
    for name in ("plain", HOSTILE):
        with writing(tmp_path / name, task=HOSTILE) as search:
            search.trial(2.5, RNN.renamed(HOSTILE))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.db").write_text("no database")
    with served(tmp_path) as port:
        chromium.open(f"http://{LOOPBACK}:{port}/")
        assert chromium.texts("h2") == [HOSTILE, "broken", "plain"]
        assert "is no readable study" in text(chromium, "main")
        chromium.one("h2 a").click()
        chromium.until(lambda: chromium.all("#cell-0"))
        assert text(chromium, "#cell-0 h2") == f"The winner: {HOSTILE}"
        chromium.until(lambda: "ended" in text(chromium, "#live"))
        assert chromium.run("return window.hurt") is None and chromium.messages() == []
        chromium.one("nav a").click()
        chromium.until(lambda: len(chromium.all("h2")) == 3)


def test_nobody_is_answered_but_who_asks_this_machine_for_what_it_lists(tmp_path: Path) -> None:
    with writing(tmp_path / "root" / "one") as search, writing(tmp_path / "secret") as other:
        search.trial(2.5), other.trial(2.5)
    with served(tmp_path / "root") as port:
        assert status(port, "/study?of=one") == 200
        for path in ("/study?of=../secret", "/study?of=%2Fetc", "/events?of=..%2Fsecret", "/study", "/one/study.db"):
            assert status(port, path) == 404, path
        assert status(port, host="example.org") == 400
        assert status(port, method="POST") == 405


def test_every_open_page_is_told_and_the_writer_is_never_locked_out(tmp_path: Path) -> None:
    with writing(tmp_path) as search:
        search.trial(2.5)
        with served(tmp_path) as port, ExitStack() as stack:
            streams = [stack.enter_context(asked(port, "/events")) for _ in range(20)]
            for each in streams:
                await_told(each, "search: 3 done")
            search.trial(2.4, RNN.renamed("next"))
            for each in streams:
                await_told(each, "search: 4 done")
    with served(tmp_path) as port, asked(port, "/events") as stream, writing(tmp_path) as search:
        search.trial(2.3, RNN.renamed("after"))  # who reads holds no lock
        await_told(stream, "search: 5 done")


def test_a_folder_without_a_study_and_a_study_of_another_version_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no study in or under .*; name the folder of one, or of several"):
        server(tmp_path)
    with writing(tmp_path):
        pass
    import sqlite3

    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("update study_user_attributes set value_json = replace(value_json, 'study/4', 'study/3')")
    with pytest.raises(StudyError, match=r"has schema 'cellsearch.study/3'; this version reads"):
        server(tmp_path)


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with bound(0) as taken, pytest.raises(StudyError, match=r"cannot be served on: .*; name another with --port"):
        bound(taken.getsockname()[1])
