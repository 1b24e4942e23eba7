"""A tiny model, the command as a process, and the command on a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture(scope="session")
def folder(tiny_model):
    """A tiny untrained model on disk."""
    return tiny_model(n_positions=256)


@pytest.fixture
def run(folder):
    """``run("a prompt", "-n", 3)``: the command with the tiny model."""

    def run(*args, python=(), stdin=b"", **how):
        command = [sys.executable, *python, "-m", "numpygpt", *map(str, args)]
        how = {"capture_output": True, "timeout": 60, "input": stdin, **how}
        return subprocess.run([*command, "--model", folder], **how)

    return run


class Screen:
    """The command on a terminal of its own; ``text`` is all that appeared on it."""

    def __init__(self, args, env=None):
        self.parent, child = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "numpygpt", *map(str, args)],
            stdin=child, stdout=child, stderr=child, start_new_session=True,
            env={**os.environ, "TERM": "xterm", **(env or {})},
        )  # fmt: skip
        os.close(child)
        self.text, self.at = "", 0

    def until(self, wanted, seconds=30):
        """Read on until ``wanted`` appears behind what was waited for last time."""
        end = time.monotonic() + seconds
        while wanted not in self.text[self.at :]:
            assert time.monotonic() < end, f"no {wanted!r}: {self.text[self.at :]!r}"
            if not self._read(0.1) and self.process.poll() is not None:
                break
        self.at = self.text.index(wanted, self.at) + len(wanted)

    def _read(self, seconds):
        if not select.select([self.parent], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.parent, 65536)
        except OSError:  # the other side is closed
            data = b""
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def read_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.02)

    def type(self, text):
        os.write(self.parent, text.encode())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self, seconds=30):
        """Wait for the end; returns the exit code."""
        end = time.monotonic() + seconds
        while self._read(0.05) or self.process.poll() is None:
            assert time.monotonic() < end, self.text
        return self.process.wait()


@pytest.fixture
def screen(folder):
    """``screen("a prompt")``: the command with the tiny model on a terminal."""
    screens = []

    def start(*args, **how):
        screens.append(Screen([*args, "--model", folder], **how))
        return screens[-1]

    yield start
    for one in screens:
        one.process.kill()
        one.process.wait()
        os.close(one.parent)
