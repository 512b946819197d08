"""Data sets that cannot be bundled: where their files lie, and how they get there whole, verified, or not at all.

A path that the user names wins. Otherwise a file is read from the cache folder, `CELLSEARCH_DATA` or the user's own
cache, and downloaded into it from its official address when it is missing. Nothing is used before its sha256 agrees,
and nothing enters the cache under its own name before that.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from stat import S_ISLNK
from typing import IO, Final
from urllib.error import HTTPError

from cellsearch.errors import DataError

__all__ = ["VARIABLE", "Dataset", "Remote", "cache_folder", "locate", "read_text", "text_pieces"]

VARIABLE: Final = "CELLSEARCH_DATA"
"""The environment variable that names the cache folder."""

TIMEOUT: Final = 30.0
"""Seconds that a server may be silent."""

CHUNK: Final = 1 << 20

PIECE: Final = 1 << 18
"""Characters of a text that are read at once: the words of a piece take 50 times the room of its letters."""

TARS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
ARCHIVES: Final = (".zip", *TARS)


@dataclass(frozen=True)
class Remote:
    """One published file: its name in the data set's folder, its official address, and the sha256 of its bytes.

    An archive (by its name: zip, or tar in any compression) is unpacked into a folder of its name without the ending.
    """

    name: str
    address: str
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """The files of a data set; its name is what a user writes for it, and its folder in the cache."""

    name: str
    files: tuple[Remote, ...]


def locate(dataset: Dataset, path: str = "") -> Path:
    """Where the data set lies: its file if it has one only (the unpacked folder of an archive), else their folder.

    `path` is a file or folder of the user's, taken as it is; empty, or the data set's own name, means the cache, which
    is filled from the official addresses. Raises DataError, which tells address, expected file and remedy.
    """
    if path and path != dataset.name:
        return _local(dataset, Path(path).expanduser())
    folder = cache_folder() / dataset.name
    places = [_cached(dataset, remote, folder) for remote in dataset.files]
    return places[0] if len(places) == 1 else folder


def cache_folder() -> Path:
    """The folder of all downloaded data: `CELLSEARCH_DATA`, or `cellsearch` in the user's cache."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "cellsearch"


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file. Raises DataError if it is missing, blank or in another encoding."""
    return "".join(text_pieces(path, encoding))


def text_pieces(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """The text of a file of any length, a piece after the other. Raises DataError as `read_text` does."""
    blank = True
    try:
        with path.open(encoding=encoding) as file:
            while piece := file.read(PIECE):
                blank = blank and piece.isspace()
                yield piece
    except OSError as error:
        raise DataError(f"data file {path}: {error.strerror}; name a text file") from None
    except UnicodeDecodeError:
        place = _first_wrong_byte(path, encoding)
        raise DataError(f"data file {path}: not {encoding.upper()} text (byte {place}); convert it") from None
    if blank:
        raise DataError(f"data file {path} is empty; name a file with text")


def _first_wrong_byte(path: Path, encoding: str) -> int:
    try:
        path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _local(dataset: Dataset, path: Path) -> Path:
    """The user's own copy, not held to the checksum: it may be other data of the same form."""
    names = [remote.name for remote in dataset.files if not remote.name.endswith(ARCHIVES)]
    single = len(dataset.files) == len(names) == 1
    if not path.exists():
        raise DataError(
            f"data {str(path)!r} does not exist; name {_wanted(names)}, or {dataset.name!r} for the official download"
        )
    if path.is_file():
        if not single:
            raise DataError(f"data {str(path)!r} is a file; name {_wanted(names)}")
        return path
    if missing := [name for name in names if not (path / name).is_file()]:
        raise DataError(f"data folder {path} has no {', '.join(missing)}; name {_wanted(names)}")
    return path / names[0] if single else path


def _wanted(names: list[str]) -> str:
    if not names:
        return "an unpacked folder"
    return f"a folder with {', '.join(names)}" if len(names) > 1 else f"a file such as {names[0]}"


def _cached(dataset: Dataset, remote: Remote, folder: Path) -> Path:
    """The verified file in the cache, or the folder that an archive was unpacked into."""
    target = folder / remote.name
    with _cache_errors(folder):
        if not (target.is_file() and _sha256(target) == remote.sha256):
            folder.mkdir(parents=True, exist_ok=True)
            _download(dataset, remote, target)
        return _unpacked(target, remote) if remote.name.endswith(ARCHIVES) else target


@contextmanager
def _cache_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"data cache {folder}: {error.strerror}; set {VARIABLE} to a folder that can be written"
        ) from None


def _download(dataset: Dataset, remote: Remote, target: Path) -> None:
    """Fetch a file whole and verify it, then give it its name."""
    # Without a name, so that nothing is left of a download that is killed.
    with tempfile.TemporaryFile(dir=target.parent) as received:
        try:
            digest = _receive(remote.address, received)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise DataError(
                f"{remote.address} cannot be downloaded ({reason}); get {remote.name} (sha256 {remote.sha256[:16]}...) "
                f"in another way, and put it at {target} or give the data set's path as the task's data option"
            ) from None
        if digest != remote.sha256:
            raise DataError(
                f"{remote.address} has sha256 {digest[:16]}..., expected {remote.sha256[:16]}...: it is not the file "
                f"{remote.name} of data set {dataset.name!r}, and was not kept"
            )
        received.seek(0)
        _place(received, target)


def _receive(address: str, into: IO[bytes]) -> str:
    """Write what the address serves, and return its sha256. Raises OSError if the server ends too early."""
    digest, count = hashlib.sha256(), 0
    with _opened(address) as response:
        while chunk := response.read(CHUNK):
            digest.update(chunk)
            into.write(chunk)
            count += len(chunk)
        announced = response.headers.get("Content-Length")
    if announced and count != int(announced):
        raise OSError(f"truncated: {count} of {announced} bytes")
    return digest.hexdigest()


def _opened(address: str) -> HTTPResponse:
    try:
        response: HTTPResponse = urllib.request.urlopen(address, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()  # it holds the connection
        raise
    return response


def _place(source: IO[bytes], target: Path) -> None:
    """Write beside the target and move onto it, which readers see as one event."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as part:
        try:
            shutil.copyfileobj(source, part)
            part.close()
            Path(part.name).replace(target)
        finally:
            Path(part.name).unlink(missing_ok=True)


def _unpacked(archive: Path, remote: Remote) -> Path:
    """The folder of an archive's files, made in one event; its name carries the archive's checksum."""
    ending = next(ending for ending in ARCHIVES if archive.name.endswith(ending))
    folder = archive.with_name(f"{archive.name.removesuffix(ending)}-{remote.sha256[:16]}")
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".part-") as part:
        inside = Path(part) / "files"
        inside.mkdir()
        try:
            _unpack(archive, inside)
        except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
            raise DataError(f"archive {archive} cannot be unpacked ({reason}); delete it to download it anew") from None
        try:
            inside.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was first
                raise
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    """Write an archive's files and folders under `folder`. Raises DataError on links, devices and paths out of it."""
    if archive.name.endswith(TARS):
        with tarfile.open(archive) as tar:
            for member in tar:
                _check_member(archive, member.name, plain=member.isfile() or member.isdir())
                tar.extract(member, folder, filter="data")
    else:
        with zipfile.ZipFile(archive) as files:
            for item in files.infolist():
                _check_member(archive, item.filename, plain=not S_ISLNK(item.external_attr >> 16))
                files.extract(item, folder)


def _check_member(archive: Path, name: str, plain: bool) -> None:
    parts = name.replace("\\", "/").split("/")
    if not plain or ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        raise DataError(f"archive {archive}: {name!r} is a link or leads out of its folder; nothing was unpacked")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
