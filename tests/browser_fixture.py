"""A headless Chromium, driven through the WebDriver protocol."""

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

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "chromium and chromedriver are not installed"


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str) -> None:
        self._base = f"{driver}/session/{session}"

    def open(self, url: str) -> None:
        """Go to `url` and wait until it is loaded."""
        _call(f"{self._base}/url", {"url": url})

    def run(self, script: str) -> Any:
        """The value that `script` returns."""
        return _call(f"{self._base}/execute/sync", {"script": script, "args": []})

    def press(self, key: str) -> None:
        """A key on the page."""
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keys", "actions": strokes}]
        _call(f"{self._base}/actions", {"actions": actions})

    def until(self, script: str, seconds: float = 10) -> Any:
        """The first value that is not false, of `script` asked again and again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if value := self.run(f"return {script}"):
                    return value
            except urllib.error.HTTPError:
                pass  # the page is being replaced
            time.sleep(0.05)
        raise AssertionError(f"it never came true: {script}")

    def resize(self, width: int, height: int) -> None:
        """The inner size of the window, in CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
        _call(f"{self._base}/goog/cdp/execute", command)

    def cut_off(self, *, offline: bool) -> None:
        """Take the connection away, or give it back."""
        _call(f"{self._base}/goog/cdp/execute", {"cmd": "Network.enable", "params": {}})
        limits = {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        }
        command = {"cmd": "Network.emulateNetworkConditions", "params": limits}
        _call(f"{self._base}/goog/cdp/execute", command)

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """A PNG of the window, or of the whole page."""
        command = {"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": whole}}
        data = _call(f"{self._base}/goog/cdp/execute", command)["data"]
        file.write_bytes(base64.b64decode(data))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty `profile`; ended on leaving."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    driver = subprocess.Popen(
        [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--lang=zh-CN"]
    options = {"binary": CHROMIUM, "args": [*arguments, f"--user-data-dir={profile}"]}
    try:
        _wait(f"{address}/status")
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        session = _call(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})
        try:
            yield Browser(address, session["sessionId"])
        finally:
            _call(f"{address}/session/{session['sessionId']}", None, "DELETE")
    finally:
        driver.terminate()
        try:
            driver.wait(10)
        except subprocess.TimeoutExpired:  # its window is closed, and it has nothing to tell
            driver.kill()
            driver.wait()


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            _call(url, None, "GET")
            return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError("chromedriver did not start")


def _call(url: str, content: dict[str, Any] | None, method: str = "POST") -> Any:
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]
