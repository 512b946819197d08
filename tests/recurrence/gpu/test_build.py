"""Kernels are kept by their content, and made again where a file is not what was written; no card is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cellsearch.recurrence import cache
from cellsearch.recurrence.gpu import build

pytest.importorskip("cuda.bindings.nvrtc", reason="kernels are compiled by cuda.bindings")

TEXT = (
    '#define HALF 0\n#define TEAM 1\n#define CLUSTERS 0\n#include "device.h"\n'
    'extern "C" __global__ void f(float *x) { x[0] = 1.0f; }'
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder."""
    monkeypatch.setenv(cache.CACHE, str(tmp_path / "cache"))
    cache.folder.cache_clear()
    yield tmp_path / "cache" / "native"
    cache.folder.cache_clear()


def test_a_kernel_is_compiled_once_and_again_if_its_file_is_damaged(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, runs = build.compiled, []

    def counted(text: str, architecture: str) -> bytes:
        runs.append(architecture)
        return compiled(text, architecture)

    monkeypatch.setattr(build, "compiled", counted)
    code = build.kept(TEXT, "sm_90")
    assert (build.kept(TEXT, "sm_90"), len(runs)) == (code, 1)
    (file,) = place.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert (build.kept(TEXT, "sm_90"), len(runs)) == (code, 2)
    assert len(list(place.iterdir())) == 1


def test_a_missing_compiler_is_a_reason_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise RuntimeError("libnvrtc.so.13 is not found")

    monkeypatch.setattr(build, "_version", missing)
    build.unavailable.cache_clear()
    try:
        assert "libnvrtc.so.13 is not found" in str(build.unavailable())
    finally:
        build.unavailable.cache_clear()


def test_what_the_compiler_says_is_written_into_memory_of_its_own() -> None:
    """It says a single zero byte where all is well, and Python has every byte of one letter once."""
    build.compiled(TEXT, "sm_90")
    assert bytes([32])[0] == 32
