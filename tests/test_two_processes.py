"""A suite in two processes reports what it does in one."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="it forks on Linux only"
)
HERE = Path(__file__).parent
PATH = f"{HERE}{os.pathsep}{HERE.parent}"
CONFTEST = """
import os
import pytest
import two_processes
from two_processes import pytest_runtestloop
two_processes.ENOUGH = 9
os.environ["FIRST"] = str(os.getpid())

@pytest.fixture(scope="module")
def opened():
    with open("opened", "a") as file:
        print(os.getpid(), file=file)
    yield
    with open("closed", "a") as file:
        print(os.getpid(), file=file)
"""
TESTS = """
import time
import pytest

@pytest.fixture(autouse=True)
def some_work(opened):
    time.sleep(0.02)

def test_right():
    pass

def test_wrong():
    print("what it printed")
    assert 1 == {number}

@pytest.mark.skip(reason="not today")
def test_left_out():
    pass

@pytest.mark.xfail
def test_known():
    assert False
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for i in range(6):
        (tmp_path / f"test_{i}.py").write_text(TESTS.replace("{number}", str(i)))
    return tmp_path


def environment(processes="2"):
    return os.environ | {"PYTHONPATH": PATH, "NUMPYGPT_PROCESSES": processes}


def run(folder, *options, processes="2"):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command, cwd=folder, env=environment(processes), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def pids(folder, name):
    found = (folder / name).read_text().split()
    (folder / name).unlink()
    return sorted(found)


def without_times(text):
    """What does not depend on which file ended when."""
    lines = re.sub(r"\d\.\d\ds|0x\w+|\[ *\d+%\]", "", text).splitlines()
    return sorted(line.rstrip() for line in lines)


def test_the_report_is_that_of_one_process(suite):
    code, one = run(suite, processes="1")
    assert len({*pids(suite, "opened")}) == len({*pids(suite, "closed")}) == 1
    code_of_two, two = run(suite)
    opened = pids(suite, "opened")
    assert len(opened) == 6 and len({*opened}) == 2  # each file in one of the two
    assert opened == pids(suite, "closed")
    assert code == code_of_two == 1
    assert without_times(one) == without_times(two)
    assert two.count("what it printed\n") == 5
    assert "5 failed, 7 passed, 6 skipped, 6 xfailed" in two


@pytest.mark.parametrize("options", [
    ["-s"], ["test_1.py", "test_2.py"], ["--basetemp", "base"],
])  # fmt: skip
def test_what_is_special_or_short_is_run_in_one(suite, options):
    run(suite, *options)
    assert len({*pids(suite, "opened")}) == 1


def test_the_first_failure_ends_both(suite):
    code, out = run(suite, "-x")
    assert code == 1 and "1 failed" in out and "stopping after 1 failures" in out
    assert "2 failed" not in out


@pytest.mark.parametrize("death", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
@pytest.mark.parametrize("who", ["==", "!="])
def test_a_process_that_dies_is_no_success(suite, death, who):
    last = f"""
def test_last():
    if str(os.getpid()) {who} os.environ["FIRST"]:
        {death}
"""
    test = "import os\n" + TESTS.replace("{number}", "1") + last
    for i in range(10):
        (suite / f"test_{i}.py").write_text(test)
    code, out = run(suite)
    if who == "!=":  # the copy
        code_of_copy = 0 if "exit" in death else -9
        assert code == 1
        assert f"second process of the tests ended with code {code_of_copy}" in out
    else:
        assert code == (0 if "exit" in death else -9) and "passed" not in out
        time.sleep(0.6)
        assert len(pids(suite, "opened")) <= 5  # the copy has not gone on


def test_an_interrupt_leaves_nothing_running(suite):
    (suite / "test_5.py").write_text(
        "import time\ndef test_it():\n    open('begun', 'w')\n    time.sleep(99)\n"
    )
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # also behind &
    code = f"import signal, sys, pytest; {heard}; sys.exit(pytest.main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=suite, env=environment(),
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    while not (suite / "begun").exists() and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, 2)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 2 and b"KeyboardInterrupt" in out
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
