"""A real browser, driven over its DevTools protocol: what it shows, and what its policy kept it from doing."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

import pytest
from websockets.sync.client import connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Alone with the server: it asks nobody for updates, words or fields.
QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *(
        "--remote-debugging-port=0",
        "--window-size=1280,900",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ),
)
# Runs before anything of the page: each violation is kept, whatever the page does afterwards.
WATCH = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", e => window.violations.push(
        `${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
"""


def program() -> str:
    """The browser's path. Skips the test where there is none; fails it where CI should have installed one."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("no browser is installed: .ci/run installs chromium")
    pytest.skip("no browser is installed (apt-get install chromium)")


class Chromium:
    """One browser with one page; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._id = folder, 0
        self._process = subprocess.Popen(
            [program(), *QUIET, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        port_file = self._folder / "DevToolsActivePort"
        self._until(lambda: port_file.exists() and len(port_file.read_text().splitlines()) == 2)
        port = port_file.read_text().splitlines()[0]
        with urlopen(Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")) as answer:
            self._page = connect(json.load(answer)["webSocketDebuggerUrl"], max_size=None, origin=None, legacy=True)
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._page.close()
        self._process.terminate()
        self._process.wait(timeout=20)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command's result."""
        self._id += 1
        self._page.send(json.dumps({"id": self._id, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._page.recv(timeout=60))
            if said.get("id") == self._id:
                assert "error" not in said, said
                return dict(said["result"])

    def evaluate(self, expression: str) -> Any:
        """A value of the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self, url: str, *, until: str) -> None:
        """Go to a page and wait for an element (a CSS selector)."""
        self.call("Page.navigate", url=url)
        self.wait(f"document.readyState == 'complete' && document.querySelector({json.dumps(until)}) !== null")

    def wait(self, expression: str) -> None:
        """Until an expression is true in the page."""
        self._until(lambda: self.evaluate(expression), what=expression)

    def violations(self) -> list[str]:
        """What the page's policy has refused so far."""
        return list(self.evaluate("window.violations"))

    def set_cookie(self, url: str, name: str, value: str) -> None:
        self.call("Network.setCookie", url=url, name=name, value=value)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _until(self, done: Any, what: str = "the browser", seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.1)
