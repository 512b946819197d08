"""Jobs that misuse their machine: each is told by its kind, the pool goes on, and nothing of them is left."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path

import pytest

from cellsearch.testing.pool import ended, outcome, troubled
from cellsearch.workers import Ended, Failed, Finished, Lost
from cellsearch.workers.local import LocalPool
from tests.workers.test_local import _members, _soon


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where everything temporary is while these tests run."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield folder
    tempfile.tempdir = None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "kind", "reason"),
    [
        ("take 8 GB", Failed, "it needs more than the 2 GiB that it may take"),
        ("fork", Finished, ""),
        ("ignore SIGTERM", Failed, "timed out after 5 s"),
        ("print 1 GB", Finished, ""),
        ("crash", Lost, "its worker process died (signal 11)"),
    ],
)
def test_what_a_job_does_to_its_machine_ends_with_it(
    trouble: str, kind: type[Ended], reason: str, folder: Path, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    with LocalPool(1, 5.0, memory=2.0) as pool:
        last = ended(pool, troubled(trouble=trouble, diary=diary))
        assert isinstance(last, kind) and getattr(last, "reason", "") == reason, last
        assert outcome(pool, troubled(diary=diary)) == "finished"
        groups = {int(line.split()[0]) for line in diary.read_text().splitlines()}
    assert _soon(lambda: not any(map(_members, groups)))
    assert [each for each in folder.iterdir() if each.name != f"torchinductor_{getuser()}"] == []  # a cache of torch's
