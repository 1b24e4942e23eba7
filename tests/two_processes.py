"""The whole suite in two processes, as two cores can run two.

A long run is split by file: this process and a copy of it (``os.fork``) take one file
after the other. The copy writes its reports to a file, a line for each file of tests,
and here they are reported as if the tests had run here. Short runs, debuggers and what
cannot fork stay in one process; so does everything with ``NUMPYGPT_PROCESSES=1``.
"""

import json
import os
import sys
import tempfile
import time
import warnings
from itertools import chain, groupby

import pytest

from numpygpt.fast.starting import n_cores

ENOUGH = 1000  # tests that are worth a second process
DONE = b"done\n"


def pytest_runtestloop(session):
    """Run the tests; None means that pytest does it."""
    if not can_split(session):
        return None
    queue, end = os.pipe()  # files by number, two bytes each: they are read whole
    files = [[*tests] for _, tests in groupby(session.items, file_of)]
    os.write(end, b"".join(i.to_bytes(2, "big") for i in range(len(files))))
    os.close(end)
    with tempfile.TemporaryFile() as out:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads: see fast/threads.py
            child = os.fork()
        if not child:
            code = 1
            try:
                run_as_copy(session, taken(queue, files), out)
                code = 0
            finally:
                os._exit(code)
        run_as_first(session, taken(queue, files), Copy(child, session, out))
    return True


def can_split(session):
    """Is this a long run, and nothing special?"""
    option = session.config.option
    special = option.usepdb or option.basetemp or option.capture != "fd"
    special = special or option.collectonly or session.testsfailed or sys.gettrace()
    special = special or hasattr(session.config, "workerinput")  # pytest-xdist splits
    asked = int(os.environ.get("NUMPYGPT_PROCESSES", n_cores()))
    can_fork = sys.platform == "linux"
    return len(session.items) >= ENOUGH and asked > 1 and can_fork and not special


def file_of(item):
    return item and item.nodeid.partition("::")[0]


def taken(queue, files):
    """``(test, the one behind it)`` of one file after the other that nobody has taken:
    pytest keeps the fixtures that the next test needs."""
    numbers = iter(lambda: os.read(queue, 2), b"")
    tests = chain.from_iterable(files[int.from_bytes(n, "big")] for n in numbers)
    test = next(tests, None)
    while test is not None:
        behind = next(tests, None)
        yield test, behind
        test = behind


def run(session, tests, at_end_of_file):
    for test, behind in tests:
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=behind)
        if file_of(test) != file_of(behind):
            at_end_of_file()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)


def run_as_copy(session, tests, out):
    """Run tests that others report."""
    config, reports, first = session.config, [], os.getppid()

    class Recorder:
        def pytest_runtest_logreport(self, report):
            data = config.hook.pytest_report_to_serializable(
                config=config, report=report
            )
            reports.append(data)

    def write():
        out.write(json.dumps(reports).encode() + b"\n")
        out.flush()
        reports.clear()
        if os.getppid() != first:
            os._exit(1)  # nobody reads them any more

    plugins = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(Recorder())
    capture = plugins.getplugin("capturemanager")  # its files are the first's, too
    capture.stop_global_capturing()
    capture.start_global_capturing()
    run(session, tests, write)
    out.write(DONE)
    out.flush()


class Copy:
    """The other process, seen from the first."""

    def __init__(self, pid, session, out):
        self.pid, self.session, self.out = pid, session, out
        self.n_read, self.is_done = 0, False

    def report(self):
        """Report the files that it has finished since the last time."""
        fd = self.out.fileno()
        new = os.pread(fd, os.fstat(fd).st_size - self.n_read, self.n_read)
        lines = new[: new.rfind(b"\n") + 1]
        self.n_read += len(lines)
        self.is_done |= lines.endswith(DONE)
        lines = lines.removesuffix(DONE)
        config = self.session.config
        hook = config.hook
        for data in chain.from_iterable(map(json.loads, lines.splitlines())):
            report = hook.pytest_report_from_serializable(config=config, data=data)
            where = {"nodeid": report.nodeid, "location": tuple(report.location)}
            if report.when == "setup":
                hook.pytest_runtest_logstart(**where)
            hook.pytest_runtest_logreport(report=report)
            if report.when == "teardown":
                hook.pytest_runtest_logfinish(**where)

    def end(self):
        """Wait for it, report the rest."""
        while self.pid is not None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.report()
            if pid:
                self.pid = None
            time.sleep(0.05)
        if not self.is_done and not self.session.shouldfail:
            code = os.waitstatus_to_exitcode(status)
            pytest.exit(f"the second process of the tests ended with code {code}", 1)

    def kill(self):
        if self.pid is not None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)


def run_as_first(session, tests, copy):
    """Run tests, and report those of the copy."""
    try:
        run(session, tests, copy.report)
        copy.end()
    finally:
        copy.kill()
