"""A headless Chromium over its debugging pipe: no library, no port, nothing that listens.

The protocol: https://chromedevtools.github.io/devtools-protocol/, JSON messages that end in a zero byte, on
descriptors 3 and 4. `make browser` installs one; CHROMIUM names another.
"""

from __future__ import annotations

import base64
import fcntl
import functools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

INSTALLED = Path(__file__).resolve().parents[4] / ".make" / "browser"
ABSENT = "no Chromium to check the page in: run `make browser`, or set CHROMIUM=/path/to/chromium"
TIMEOUT_S = 60.0
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
ON_PATH = ("chromium", "chromium-browser", "google-chrome")

Message = dict[str, Any]


def executable() -> Path | None:
    """Return the Chromium to use: the one named, the installed one, one on the path."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    if (INSTALLED / "chromium").exists():
        return INSTALLED / "chromium"
    found = next(filter(None, map(shutil.which, ON_PATH)), None)
    return None if found is None else Path(found)


class Browser:
    """One running Chromium."""

    def __init__(self, program: Path, home: Path) -> None:
        """Start it; its files stay in `home`."""
        read_here, write_there = os.pipe()
        read_there, self._write = os.pipe()
        self._read, self._sent, self._buffer = read_here, 0, b""
        self.events: list[Message] = []
        libraries = f"{INSTALLED / 'libraries'}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
        environment = {**os.environ, "HOME": str(home)}
        if program.parent == INSTALLED:
            environment["LD_LIBRARY_PATH"] = libraries
        argv = [str(program), *FLAGS, f"--user-data-dir={home}", "about:blank"]
        # The shell moves the pipe's ends to where Chromium looks for them, without code between fork and exec.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (read_there, write_there)]  # neither is 3 or 4
        shell = ["bash", "-c", f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}', "bash", *argv]
        self._process = subprocess.Popen(shell, env=environment, pass_fds=ends, stderr=subprocess.DEVNULL)
        for end in (read_there, write_there, *ends):
            os.close(end)

    def call(self, method: str, session: str | None = None, **params: Any) -> Message:
        """Return the answer to one command; what is told meanwhile goes to `events`."""
        self._sent += 1
        number = self._sent
        message: Message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: Message = answer["result"]
        return result

    def wait_for(self, method: str) -> None:
        """Wait until the event has been told."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next())

    def close(self) -> None:
        """End it."""
        self.call("Browser.close")
        assert self._process.wait(TIMEOUT_S) == 0
        os.close(self._read)
        os.close(self._write)

    def _next(self) -> Message:
        end = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"Chromium said nothing for {TIMEOUT_S:g} s"
            received = os.read(self._read, 1 << 16)
            assert received, "Chromium ended"
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        parsed: Message = json.loads(message)
        return parsed


@dataclass(frozen=True, slots=True)
class Page:
    """One file open in the browser, at one width and in one colour scheme."""

    browser: Browser
    session: str

    def call(self, method: str, **params: Any) -> Message:
        """Return the answer to a command of this page."""
        return self.browser.call(method, self.session, **params)

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression gives."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """Return the whole page as PNG."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def told(self, method: str) -> list[Message]:
        """Return the parameters of every event called so."""
        return [event["params"] for event in self.browser.events if event.get("method") == method]


def opened(browser: Browser, file: Path, *, width: int = 1280, dark: bool = False) -> Page:
    """Open `file` in a new tab; the events kept are its own."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    page = Page(browser, session)
    for domain in ("Page", "Network", "Runtime", "Log"):
        page.call(f"{domain}.enable")
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    page.call("Emulation.setEmulatedMedia", features=scheme)
    browser.events.clear()
    page.call("Page.navigate", url=file.as_uri())
    browser.wait_for("Page.loadEventFired")
    return page


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests; where there is none, CI fails and others skip."""
    program = executable()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(ABSENT)
    started = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield started
    started.close()


@pytest.fixture
def open_page(browser: Browser) -> Callable[..., Page]:
    """Return `open_page(file, width=…, dark=…)`."""
    return functools.partial(opened, browser)
