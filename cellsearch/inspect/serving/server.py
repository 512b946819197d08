"""The server: the pages of one study or of several on this machine's loopback, and a stream of events to each page.

It answers questions and takes none of its askers' words for a path: a study is found by the name that the list gave it.
What is read is read by one thread at a time, and only while somebody looks.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from cellsearch.errors import StudyError
from cellsearch.inspect.serving.pages import Page, index
from cellsearch.inspect.serving.watched import Watched
from cellsearch.study.comparing.several_tasks import load_results
from cellsearch.study.folder import is_study, study_folders

__all__ = ["LOOPBACK", "bound", "serve", "server"]

LOOPBACK: Final = "127.0.0.1"

LOOK_SECONDS: Final = 1.0
"""Between two looks at whether the files of a study have changed."""

ALIVE_LOOKS: Final = 15
"""Looks without news after which a page is told so, which shows whether it is still there."""

HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Serving:
    """The studies that are served, by name; one alone has no list."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.alone = Page(Watched(root)) if _is_one(root) else None
        self._pages: dict[str, Page] = {}
        if self.alone is None and not self.pages():
            raise StudyError(f"no study in or under {root}; name the folder of one, or of several")

    def pages(self) -> dict[str, Page]:
        """The studies under the folder as it is now."""
        for folder in study_folders(self.root):
            name = folder.relative_to(self.root).as_posix()
            self._pages.setdefault(name, Page(Watched(folder), home="."))
        return self._pages

    def page(self, request: Request) -> Page:
        """The page that is asked for. Raises HTTPException where there is none of the name."""
        found = self.alone or self._pages.get(request.query_params.get("of", ""))
        if found is None:
            raise HTTPException(404, "no such study")
        return found


def application(root: Path, look_seconds: float, stops: Callable[[], bool]) -> Starlette:
    """What the server runs; streams of events end once it `stops`. Raises StudyError where there is no study."""
    serving = Serving(root)

    async def home(request: Request) -> Response:
        if serving.alone:
            return await study(request)
        pages = await run_in_threadpool(serving.pages)
        return _html(await run_in_threadpool(index, root, pages))

    async def study(request: Request, whole: bool = True) -> Response:
        page = serving.page(request)
        await run_in_threadpool(page.look)
        return _html(await run_in_threadpool(page.text, whole))

    async def events(request: Request) -> Response:
        stream = _events(serving.page(request), look_seconds, stops)
        return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)

    routes = [
        Route("/", home),
        Route("/study", study),
        Route("/part", partial(study, whole=False)),
        Route("/events", events),
    ]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[LOOPBACK, "localhost"])
    return Starlette(routes=routes, middleware=[hosts])


def serve(root: Path, port: int, announce: Callable[[str], None]) -> None:
    """Serve on the loopback until interrupted; `announce` gets the address. Port 0 takes a free one.

    Raises StudyError where there is no study, or the port is taken.
    """
    found = server(root)
    with bound(port) as listening:
        announce(f"http://{LOOPBACK}:{listening.getsockname()[1]}/")
        found.run(sockets=[listening])


def server(root: Path, look_seconds: float = LOOK_SECONDS) -> uvicorn.Server:
    """The server of the studies in a folder. Raises StudyError where there is none."""
    app = application(root, look_seconds, lambda: found.should_exit)
    found = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5, server_header=False))
    return found


async def _events(page: Page, look_seconds: float, stops: Callable[[], bool]) -> AsyncIterator[str]:
    """What a page is told: how the study stands whenever that changed, and now and then that the server is there."""
    told, silent = "", 0
    while not stops():
        if time.monotonic() - page.looked >= look_seconds:  # one page looks for all
            await run_in_threadpool(page.look)
        silent += 1
        if page.told != told or silent >= ALIVE_LOOKS:
            yield f"data: {page.told}\n\n" if page.told != told else ": here\n\n"
            told, silent = page.told, 0
        await asyncio.sleep(look_seconds)


def _is_one(root: Path) -> bool:
    """Whether a folder is a study itself, or a comparison on several tasks."""
    if is_study(root):
        load_results(root)
        return True
    try:
        load_results(root)
    except StudyError:
        return False
    return True


def _html(text: str) -> HTMLResponse:
    return HTMLResponse(text, headers=HEADERS)


def bound(port: int) -> socket.socket:
    """A socket that listens on the loopback. Raises StudyError where the port is taken."""
    found = socket.socket()
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((LOOPBACK, port))
        found.listen()  # so that who is told the address may ask at once
    except OSError as error:
        found.close()
        raise StudyError(f"port {port} cannot be served on: {error.strerror}; name another with --port") from None
    return found
