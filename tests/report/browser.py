"""A headless Chromium driven through chromedriver's HTTP protocol, with the standard library alone."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


class Browser:
    """One session; `script` returns what the page's JavaScript returns."""

    def __init__(self, address: str, profile: Path) -> None:
        options = {"binary": CHROMIUM, "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
        logs = {"goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options, **logs}}
        self._address = address
        self._session = _post(f"{address}/session", {"capabilities": wanted})["sessionId"]

    def call(self, method: str, **arguments: Any) -> Any:
        """A command of W3C WebDriver."""
        return _post(f"{self._address}/session/{self._session}/{method}", arguments)

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self.call("goog/cdp/execute", cmd=command, params=parameters)

    def script(self, code: str, *arguments: Any) -> Any:
        return self.call("execute/sync", script=code, args=list(arguments))

    def open(self, address: str, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Load a page in a window of this size, for a reader who prefers this colour scheme."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("url", url=address)

    def point_at(self, x: float, y: float) -> None:
        """Move the mouse there."""
        self.devtools("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str) -> None:
        """Press and release a key by its DOM name (Tab, Enter)."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        self.devtools("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.devtools("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def logs(self, kind: str) -> list[dict[str, Any]]:
        """New entries of the console (browser) or of the DevTools events (performance)."""
        found: list[dict[str, Any]] = self.call("se/log", type=kind)
        return found

    def requests(self) -> list[str]:
        """Addresses requested since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        found = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        request = urllib.request.Request(f"{self._address}/session/{self._session}", method="DELETE")
        urllib.request.urlopen(request, timeout=30).close()


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a new profile in `folder`; the driver process ends with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (folder / "chromedriver.log").open("wb") as log:
        driver = subprocess.Popen([str(DRIVER), f"--port={port}"], stdout=log, stderr=log)
        try:
            _wait(address)
            found = Browser(address, folder / "profile")
            try:
                found.call("url", url="about:blank")  # from the browser's own start page,
                found.requests()  # whose requests are none of ours
                yield found
            finally:
                found.close()
        finally:
            driver.terminate()
            driver.wait(30)


def _wait(address: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{address}/status", timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"chromedriver at {address} does not answer")


def _post(address: str, content: dict[str, Any]) -> Any:
    request = urllib.request.Request(address, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{address}: {error.read().decode()[:500]}") from error
