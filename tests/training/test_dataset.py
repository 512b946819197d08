"""Data sets: the user's path wins, downloads are verified, and the cache holds whole files or none."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cellsearch.errors import DataError
from cellsearch.training.dataset import VARIABLE, Dataset, Remote, cache_folder, locate, read_text

CONTENT = b"to be, or not to be\n" * 50_000


class Server(ThreadingHTTPServer):
    """Serves `files`; announces `missing` bytes more than it sends, and sends slowly if told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.missing = 0
        self.pause = 0.0
        self.asked: list[str] = []

    def remote(self, name: str, content: bytes, sha256: str = "") -> Remote:
        self.files[f"/{name}"] = content
        address = f"http://127.0.0.1:{self.server_address[1]}/{name}"
        return Remote(name, address, sha256 or hashlib.sha256(content).hexdigest())


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + self.server.missing))
        self.end_headers()
        try:
            for start in range(0, len(content), 100_000):
                self.wfile.write(content[start : start + 100_000])
                time.sleep(self.server.pause)
        except OSError:
            pass  # the client was killed

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_is_downloaded_once(server: Server, cache: Path) -> None:
    dataset = Dataset("hamlet", (server.remote("hamlet.txt", CONTENT),))
    for _ in range(2):
        path = locate(dataset)
        assert path == cache / "hamlet" / "hamlet.txt"
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/hamlet.txt"]
    assert files(cache) == ["hamlet/hamlet.txt"]


def test_a_data_set_of_several_files_is_their_folder(server: Server, cache: Path) -> None:
    dataset = Dataset("two", (server.remote("a.txt", b"a"), server.remote("b.txt", b"b")))
    assert locate(dataset, "two") == cache / "two"
    assert files(cache) == ["two/a.txt", "two/b.txt"]


def test_a_damaged_file_in_the_cache_is_downloaded_anew(server: Server, cache: Path) -> None:
    dataset = Dataset("hamlet", (server.remote("hamlet.txt", CONTENT),))
    locate(dataset).write_bytes(CONTENT[:-1])
    assert locate(dataset).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_file_that_the_user_put_into_the_cache_needs_no_network(cache: Path) -> None:
    (cache / "hamlet").mkdir(parents=True)
    (cache / "hamlet" / "hamlet.txt").write_bytes(CONTENT)
    remote = Remote("hamlet.txt", "http://127.0.0.1:9/hamlet.txt", hashlib.sha256(CONTENT).hexdigest())
    assert locate(Dataset("hamlet", (remote,))).read_bytes() == CONTENT


@pytest.mark.parametrize("trouble", ["checksum", "truncated", "absent", "refused", "address"])
def test_what_is_not_the_file_is_refused_in_one_line_and_never_kept(trouble: str, server: Server, cache: Path) -> None:
    remote = server.remote("hamlet.txt", CONTENT, "0" * 64 if trouble == "checksum" else "")
    expected = {
        "checksum": r"has sha256 \w{16}..., expected 0{16}...: it is not the file hamlet.txt of data set 'hamlet'",
        "truncated": r"cannot be downloaded \(truncated: 1000000 of 1000007 bytes\); get hamlet.txt",
        "absent": r"cannot be downloaded \(Not Found\); get hamlet.txt",
        "refused": r"cannot be downloaded \(.*refused\); get hamlet.txt .* put it at .*hamlet.txt or give the",
        "address": r"cannot be downloaded \(unknown url type: 'nowhere'\)",
    }[trouble]
    if trouble == "truncated":
        server.missing = 7
    elif trouble == "absent":
        server.files.clear()
    elif trouble == "refused":
        remote = Remote(remote.name, "http://127.0.0.1:9/hamlet.txt", remote.sha256)
    elif trouble == "address":
        remote = Remote(remote.name, "nowhere", remote.sha256)
    with pytest.raises(DataError, match=expected) as raised:
        locate(Dataset("hamlet", (remote,)))
    assert remote.address in str(raised.value)
    assert "\n" not in str(raised.value)
    assert files(cache) == []


def test_a_killed_download_leaves_nothing(server: Server, cache: Path) -> None:
    remote = server.remote("hamlet.txt", CONTENT)
    server.pause = 0.2
    program = (
        "from cellsearch.training.dataset import Dataset, Remote, locate\n"
        f"locate(Dataset('hamlet', (Remote({remote.name!r}, {remote.address!r}, {remote.sha256!r}),)))"
    )
    child = subprocess.Popen([sys.executable, "-c", program])
    while not server.asked and child.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert files(cache) == []
    server.pause = 0.0
    assert locate(Dataset("hamlet", (remote,))).read_bytes() == CONTENT


def test_many_processes_may_fetch_the_same_file_at_once(server: Server, cache: Path) -> None:
    dataset = Dataset("hamlet", (server.remote("hamlet.txt", CONTENT), server.remote("more.zip", _zip({"a": b"b"}))))
    threads = [threading.Thread(target=locate, args=(dataset,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Path(name).name for name in files(cache)] == ["hamlet.txt", "a", "more.zip"]


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _zip_link() -> bytes:
    link = zipfile.ZipInfo("inside/link")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside/good.txt", b"good")
        archive.writestr(link, "/etc")
    return buffer.getvalue()


def _tar(name: str, change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for each in ("inside/good.txt", name):
            member = tarfile.TarInfo(each)
            if each == name and change is not None:
                change(member)
            member.size = 4 if member.isfile() else 0
            archive.addfile(member, io.BytesIO(b"data") if member.isfile() else None)
    return buffer.getvalue()


def _as(kind: bytes, target: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = kind, target

    return change


@pytest.mark.parametrize(
    ("name", "content"),
    [("set.zip", _zip({"inside/good.txt": b"data"})), ("set.tar.gz", _tar("inside/more.txt"))],
)
def test_an_archive_is_unpacked_once(name: str, content: bytes, server: Server, cache: Path) -> None:
    remote = server.remote(name, content)
    folder = locate(Dataset("set", (remote,)))
    assert folder.parent == cache / "set"
    good = folder / "inside" / "good.txt"
    assert good.read_bytes() == b"data"
    written = good.stat().st_mtime_ns
    assert locate(Dataset("set", (remote,))) == folder
    assert good.stat().st_mtime_ns == written
    assert not list(cache.rglob(".part*"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("up.zip", _zip({"inside/good.txt": b"data", "../evil.txt": b"evil"})),
        ("deep.zip", _zip({"inside/../../evil.txt": b"evil"})),
        ("absolute.zip", _zip({"/tmp/evil.txt": b"evil"})),
        ("windows.zip", _zip({"..\\evil.txt": b"evil"})),
        ("drive.zip", _zip({"C:/evil.txt": b"evil"})),
        ("link.zip", _zip_link()),
        ("up.tar.gz", _tar("../evil.txt")),
        ("absolute.tgz", _tar("/tmp/evil.txt")),
        ("link.tar.gz", _tar("inside/link", _as(tarfile.SYMTYPE, "/etc"))),
        ("hard.tar.gz", _tar("inside/link", _as(tarfile.LNKTYPE, "../../evil.txt"))),
        ("device.tar.gz", _tar("inside/null", _as(tarfile.CHRTYPE))),
        ("pipe.tar.gz", _tar("inside/pipe", _as(tarfile.FIFOTYPE))),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_an_archive_that_leads_out_of_its_folder_is_not_unpacked(
    name: str, content: bytes, server: Server, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="is a link or leads out of its folder; nothing was unpacked"):
        locate(Dataset("evil", (server.remote(name, content),)))
    assert files(tmp_path) == [f"cache/evil/{name}"]
    assert not Path("/tmp/evil.txt").exists()


@pytest.mark.parametrize("name", ["broken.zip", "broken.tar.gz"])
@pytest.mark.parametrize(
    "content",
    [b"no archive", _zip({"a": bytes(9999)})[:40], _tar("a")[:40]],
    ids=["no archive", "zip cut short", "tar cut short"],  # the bytes hold the time, which differs between processes
)
def test_a_broken_archive_is_refused_in_one_line(name: str, content: bytes, server: Server, cache: Path) -> None:
    with pytest.raises(DataError, match="cannot be unpacked") as raised:
        locate(Dataset("broken", (server.remote(name, content),)))
    assert "\n" not in str(raised.value)
    assert files(cache) == [f"broken/{name}"]


REMOTES = tuple(Remote(name, f"http://127.0.0.1:9/{name}", "0" * 64) for name in ("a.txt", "b.txt"))


def test_a_path_of_the_user_wins(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "other.txt"):
        (tmp_path / name).write_text(name)
    assert locate(Dataset("two", REMOTES), str(tmp_path)) == tmp_path
    assert locate(Dataset("one", REMOTES[:1]), str(tmp_path)) == tmp_path / "a.txt"
    assert locate(Dataset("one", REMOTES[:1]), str(tmp_path / "other.txt")) == tmp_path / "other.txt"
    archive = Dataset("archive", (Remote("set.zip", "http://127.0.0.1:9/set.zip", "0" * 64),))
    assert locate(archive, str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing", "does not exist; name a folder with a.txt, b.txt, or 'two' for the official download"),
        ("a.txt", "is a file; name a folder with a.txt, b.txt"),
        (".", "has no b.txt; name a folder with a.txt, b.txt"),
    ],
)
def test_a_path_that_does_not_fit_is_refused(path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(DataError, match=message):
        locate(Dataset("two", REMOTES), str(tmp_path / path))


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    with pytest.raises(DataError, match=f"data cache .*two: .*; set {VARIABLE} to a folder that can be written"):
        locate(Dataset("two", REMOTES))


def test_the_cache_is_the_users_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "cellsearch"
    monkeypatch.setenv("XDG_CACHE_HOME", f"{os.sep}somewhere")
    assert cache_folder() == Path(os.sep, "somewhere", "cellsearch")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory; name a text file"),
        (b" \n", "is empty; name a file with text"),
        (b"caf\xe9 au lait", r"not UTF-8 text \(byte 3\); convert it"),
    ],
)
def test_text_that_cannot_be_read_is_refused(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_text(tmp_path / "text")


def test_text_may_have_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"caf\xe9 au lait")
    assert read_text(tmp_path / "text", "latin-1") == "café au lait"
