"""A real Chromium without a window, driven through ChromeDriver (Debian: chromium-driver).

Spec: WebDriver, which is plain HTTP and JSON.
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

__all__ = ["Browser", "browser", "missing"]

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_WAIT = 15


def missing() -> str | None:
    """The program that isn't installed; None if all are."""
    names = ("chromium", "chromedriver")
    return next((name for name in names if shutil.which(name) is None), None)


class Browser:
    """A window of a browser.

    Args:
        url: The URL of the session.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """Give a command of WebDriver."""
        return _ask(method, self._url + path, body)

    def open(self, url: str) -> None:
        """Go to a page."""
        self.ask("POST", "/url", url=url)

    def run(self, script: str, *args: Any) -> Any:
        """Run JavaScript; its value is what it returns."""
        return self.ask("POST", "/execute/sync", script=script, args=list(args))

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.ask("POST", f"/element/{self._find(selector)}/value", text=text)

    def click(self, selector: str) -> None:
        """Click at something."""
        self.ask("POST", f"/element/{self._find(selector)}/click")

    def wait_for(self, expression: str, *args: Any) -> Any:
        """Wait until an expression of JavaScript is true.

        Returns:
            Its value.
        """
        until = time.monotonic() + _WAIT
        while True:
            found = self.run(f"return {expression}", *args)
            if found or time.monotonic() > until:
                assert found, (expression, args, self.run("return document.body.innerText"))
                return found
            time.sleep(0.05)

    def resize(self, width: int, height: int) -> None:
        """Change the size of what is shown, in pixels."""
        self.ask(
            "POST", "/goog/cdp/execute", cmd="Emulation.setDeviceMetricsOverride",
            params={"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )  # fmt: skip

    def screenshot(self, path: Path) -> None:
        """Take a picture of what is shown, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def problems(self) -> list[str]:
        """What the page has complained of since this was asked last."""
        return [one["message"] for one in self.ask("POST", "/se/log", type="browser")]

    def _find(self, selector: str) -> str:
        found = self.ask("POST", "/element", using="css selector", value=selector)
        return str(found[_ELEMENT])


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start a browser.

    Args:
        folder: An empty folder for its files.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "chromedriver.log").open("wb") as log:
        driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{port}"
        _await(base)
        options = {
            "binary": shutil.which("chromium"),
            "args": [*_FLAGS, f"--user-data-dir={folder / 'profile'}"],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "WARNING"}}
        made = _ask("POST", f"{base}/session", {"capabilities": {"alwaysMatch": wanted}})
        opened = Browser(f"{base}/session/{made['sessionId']}")
        try:
            yield opened
        finally:
            opened.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.wait(20)


def _await(base: str) -> None:
    until = time.monotonic() + _WAIT
    while True:
        try:
            requests.get(f"{base}/status", timeout=5)
            return
        except requests.ConnectionError:
            assert time.monotonic() < until
            time.sleep(0.05)


def _ask(method: str, url: str, body: dict[str, Any]) -> Any:
    answer = requests.request(
        method, url, json=body if method == "POST" else None, timeout=60,
        proxies={"http": ""},
    )  # fmt: skip
    value = answer.json()["value"]
    assert answer.status_code == 200, value
    return value
