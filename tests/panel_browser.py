"""Opens panels of Grafana as a person does who clicks on a link: in Chromium, without a window.

Needs selenium, ``chromium`` and ``chromedriver``; `installed` says whether they are there. Let selenium be in an
environment of its own and in PYTHONPATH: with it comes trio, of which hypothesis warns; warnings are errors in tests.
"""

from __future__ import annotations

import base64
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Seconds that a page may take to come.
PATIENCE = 60
_SIZE = (1400, 800)
_LOADING = "return document.querySelectorAll('[aria-label=\"Panel loading bar\"], .panel-loading').length"
#: Grafana 9 calls the box of a panel panel-container, later ones mark its header.
_PANELS = """
const boxes = [...document.querySelectorAll('.panel-container')];
return boxes.map(box => ({
  title: (box.querySelector('.panel-title, h2, h6') || {}).innerText || '',
  text: box.innerText,
  error: !!box.querySelector('.panel-info-corner--error, [data-testid="data-testid Panel status error"]'),
}));
"""
#: What stands in a panel instead of data.
_EMPTY = ("No data", "Data is missing", "Cannot visualize", "Panel plugin not found")
#: What also stands in cells of tables, and says nothing.
_NOTHING = "\u200b–- "


def installed() -> bool:
    """Whether panels can be opened on this machine."""
    return bool(importlib.util.find_spec("selenium") and shutil.which("chromium") and shutil.which("chromedriver"))


@dataclass(frozen=True)
class Opened:
    """What an address showed: the titles of its panels, and what is wrong with it, empty if nothing is."""

    titles: list[str]
    trouble: str


class Browser:
    """A browser that is open."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def open(self, url: str, empty: str = "", picture: Path | None = None) -> Opened:
        """Open an address that has to show one panel; ``empty`` is what stands in it without data."""
        self._driver.get(url)
        panels = self._panels()
        if picture:
            shot = self._driver.execute_cdp_cmd("Page.captureScreenshot", {})
            picture.write_bytes(base64.b64decode(shot["data"]))
        titles = [panel["title"].strip() for panel in panels]
        return Opened(titles, trouble_of(panels, empty))

    def _panels(self) -> list[dict[str, Any]]:
        """The panels, once they are there and none loads any more."""
        end = time.monotonic() + PATIENCE
        quiet = 0
        while time.monotonic() < end and quiet < 4:
            time.sleep(0.25)  # the page tells nobody when it is done
            there = self._driver.execute_script(_PANELS)
            loading = self._driver.execute_script(_LOADING)
            quiet = quiet + 1 if there and not loading else 0
        found: list[dict[str, Any]] = self._driver.execute_script(_PANELS)
        return found


def trouble_of(panels: list[dict[str, Any]], empty: str) -> str:
    """What is wrong with what a page shows, empty if nothing is; ``empty`` is what stands in the panel without data."""
    if len(panels) != 1:
        return f"it shows {len(panels)} panels, not one"
    if panels[0]["error"]:
        return "its panel has an error"
    text = " ".join(panels[0]["text"].split())
    words = (*_EMPTY, empty) if empty.strip(_NOTHING) else _EMPTY
    said = next((one for one in words if one in text), "")
    return f"its panel says '{said}'" if said else ""


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser for as long as it is needed."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(prefix="sedna-dash-browser-", ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
            f"--window-size={_SIZE[0]},{_SIZE[1]}",
        ):  # fmt: skip
            options.add_argument(argument)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        driver.set_page_load_timeout(PATIENCE)
        driver.set_script_timeout(PATIENCE)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
