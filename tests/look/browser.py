"""Drive a headless Chromium over its DevTools protocol, with the standard library.

``--remote-debugging-pipe``: the browser reads commands from its file descriptor 3 and
writes answers and events to 4, as JSON texts that end in a zero byte.
"""

import base64
import contextlib
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--no-first-run", "--disable-extensions", "--disable-background-networking",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
]  # fmt: skip
TIMEOUT = 60


def find():
    """Where a Chromium is; None if nowhere."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One tab. ``problems``: what the page wrote to the console as an error, what it
    threw, and every request that it made beyond its own file."""

    def __init__(self, send, receive):
        self._send, self._receive, self._number = send, receive, 0
        self.problems, self.url = [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    _session = None

    def call(self, method, **params):
        """A command and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._send(message)
        while (answer := self._receive()).get("id") != self._number:
            self._event(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _event(self, event):
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        if method == "Runtime.consoleAPICalled" and params["type"] in (
            "error",
            "warning",
        ):
            self.problems.append(str(params["args"]))
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(str(params["entry"]))
        if method == "Network.requestWillBeSent":
            if params["request"]["url"] not in (self.url, "about:blank"):
                self.problems.append(f"request: {params['request']['url']:.200}")
        if method == "Page.javascriptDialogOpening":
            self.problems.append(f"dialog: {params['message']}")
            self.call("Page.handleJavaScriptDialog", accept=True)

    def open(self, path):
        """Load a file; seconds until its script has run."""
        self.url = f"file://{path}"
        begin = time.perf_counter()
        self.call("Page.navigate", url=self.url)
        while self.js("document.readyState") != "complete":
            time.sleep(0.01)
        return time.perf_counter() - begin

    def js(self, expression):
        """The value of an expression, which may be a promise."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True,
            awaitPromise=True,
        )  # fmt: skip
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def theme(self, name):
        """As if the reader's system were "light" or "dark"."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        # The page hears of its new size with the next frame.
        self.js("new Promise((done) => requestAnimationFrame("
                "() => requestAnimationFrame(done)))")  # fmt: skip

    def key(self, name):
        """Press a key, as a person would."""
        text = {"Enter": "\r", " ": " "}.get(name, "")
        code = {"Enter": 13, " ": 32, "Tab": 9, "End": 35, "Home": 36,
                "ArrowLeft": 37, "ArrowRight": 39}[name]  # fmt: skip
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=name, text=text,
                windowsVirtualKeyCode=code,
            )  # fmt: skip

    def click(self, selector):
        """Press the mouse in the middle of an element."""
        self.js(f"document.querySelector({json.dumps(selector)}).scrollIntoView()")
        spot = self.js(
            f"(({{left, top, width, height}}) => [left + width / 2, top + height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1],
                      button="left", clickCount=1)  # fmt: skip

    def screenshot(self, path):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def browser():
    """A `Page` of a browser that ends with the block."""
    to_browser, ours_out = os.pipe()
    ours_in, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        run = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash",
             find(), *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser), stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield Page(*_ends(ours_out, ours_in))
        finally:
            os.close(ours_out)  # a browser whose pipe closes ends
            os.close(ours_in)
            try:
                run.wait(10)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()


def _ends(out, in_):
    """Functions that send a message and wait for the next one."""
    waiting, buffer = selectors.DefaultSelector(), bytearray()
    waiting.register(in_, selectors.EVENT_READ)

    def send(message):
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(out, data) :]

    def receive():
        while b"\0" not in buffer:
            if not waiting.select(TIMEOUT):
                raise TimeoutError("the browser does not answer")
            part = os.read(in_, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            buffer.extend(part)
        end = buffer.index(b"\0")
        message = json.loads(buffer[:end].decode())
        del buffer[: end + 1]
        return message

    return send, receive
