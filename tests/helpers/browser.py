"""A real browser without a window: Debian's Chromium, driven by its chromedriver."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

__all__ = ["MISSING", "Browser", "browser"]

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

MISSING = "" if CHROMIUM and DRIVER else "no chromium and chromedriver; as root, scripts/install test installs them"
"""Why there is no browser here; empty where there is."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)

PATIENCE = 30.0
"""Seconds until what a page should do has failed."""


class Browser:
    """One page at a time, with what it said on its console and what it asked for."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path | str, width: int = 1280, height: int = 900, **media: str) -> None:
        """Open a file or an address in a view of a size, with media features such as prefers_color_scheme="dark"."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.messages(), self.requests()  # those of the page before
        self.driver.get(page if isinstance(page, str) else page.resolve().as_uri())

    def run(self, script: str, *arguments: object) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return [each.text for each in self.all(selector)]

    def actions(self) -> ActionChains:
        return ActionChains(self.driver)

    def draw_all(self) -> None:
        """Scroll to every plot until all are drawn, those too that a page puts in their places meanwhile."""
        self.until(lambda: all(map(self._drawn, self.all(".plot"))))

    def _drawn(self, plot: WebElement) -> bool:
        self.run("arguments[0].scrollIntoView()", plot)
        return bool(plot.find_elements(By.CSS_SELECTOR, ".main-svg"))

    def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds. Raises AssertionError where it does not in time.

        What stands on a page may be replaced while it is looked at; then it is looked at again.
        """
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(StaleElementReferenceException):
                if holds():
                    return
            assert time.monotonic() < end, "the page did not do what it should"
            time.sleep(0.05)

    def messages(self) -> list[str]:
        """What the console said since the last call."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call, but for data that is in them."""
        sent = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "blob:"))]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own; its profile is gone afterwards."""
    options = Options()
    options.binary_location = CHROMIUM or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
