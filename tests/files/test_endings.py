"""How a command ends: with one sentence and a code, whatever happens to it."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from numpygpt.files.terminal import count, harmless, without_traceback

ROOT = Path(__file__).resolve().parents[2]


def ends(error):
    @without_traceback("name")
    def main():
        print("text", end="")
        raise error

    return main()


@pytest.mark.parametrize("kind", [
    ValueError, FileNotFoundError, OSError, MemoryError, RuntimeError, UserWarning,
])  # fmt: skip
def test_what_a_user_can_cause_is_one_sentence(kind, capsys):
    assert ends(kind("what\x07 it was")) == 1
    assert capsys.readouterr() == ("text", "name: what\\x07 it was\n")
    assert ends(kind()) == 1
    assert capsys.readouterr().err == f"name: {kind.__name__}\n"


def test_interrupted(capsys):
    assert ends(KeyboardInterrupt()) == 130
    assert capsys.readouterr() == ("text", "")


@pytest.mark.parametrize("error", [AssertionError("a bug"), KeyError(1), SystemExit(2)])
def test_what_else_happens_is_no_users_fault(error):
    with pytest.raises(type(error)):
        ends(error)


def test_the_arguments_and_the_result_are_mains_own():
    @without_traceback("name")
    def main(*args):
        "What it does."
        return args

    assert main(1, 2) == (1, 2)
    assert (main.__name__, main.__doc__) == ("main", "What it does.")


def test_a_count(capsys):
    parser = harmless(argparse.ArgumentParser(prog="name"))
    parser.add_argument("-n", type=count)
    assert [parser.parse_args(["-n", n]).n for n in ("1", "007", "20")] == [1, 7, 20]
    for wrong in ("0", "-1", "1.0", "", "a", "\u0661", "\u00b2", "9" * 5000):
        with pytest.raises(SystemExit) as end:
            parser.parse_args([f"-n{wrong}" if wrong else "-n="])
        assert end.value.code == 2
        said = capsys.readouterr().err.splitlines()
        assert said[0] == "usage: name [-h] [-n N]" and len(said) == 2
        assert said[1].startswith("name: argument -n: ") and len(said[1]) < 5100


RUN = """
from numpygpt.files.terminal import without_traceback
import sys
@without_traceback("name"{})
def main():
    print("text")
    {}
sys.exit(main())
"""


def run(code, stdout, *more, unread=""):
    environment = {**os.environ, "PYTHONUNBUFFERED": "", "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, *more, *(["-c", RUN.format(unread, code)] if code else [])],
        stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False,
    )  # fmt: skip
    return found.returncode, found.stderr


FULL = "[Errno 28] No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("code, said", [
    ("return 0", FULL), ("raise ValueError('bad')", "bad\n"), ("sys.exit(2)", FULL),
    ("sys.stdout.flush()", FULL),
])  # fmt: skip
def test_a_full_disk(code, said):
    with open("/dev/full", "w") as full:
        assert run(code, full) == (1, f"name: {said}")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("command", [["-m", "numpygpt.plain"], ["scripts/sizes.py"]])
def test_commands_on_a_full_disk(command):
    with open("/dev/full", "w") as full:
        code, said = run("", full, *(str(ROOT / a) if "/" in a else a for a in command))
    assert (code, said.partition(": ")[2]) == (1, FULL)


LONG = "print('x' * 99999)"


@pytest.mark.parametrize("code, unread, wanted, said", [
    ("return 0", "", 0, ""), ("return 3", ", unread=1", 3, ""),
    ("sys.exit(2)", "", 2, ""),
    (LONG, "", 0, ""), (LONG, ", unread=1", 1, ""), (f"{LONG}; return 0", "", 0, ""),
    ("raise ValueError('bad')", "", 1, "name: bad\n"),
    ("raise KeyboardInterrupt", "", 130, ""),
])  # fmt: skip
def test_nobody_reads_on(code, unread, wanted, said):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        assert run(code, pipe, unread=unread) == (wanted, said)


def test_page_one_says_it_in_one_sentence():
    code, said = run("", subprocess.DEVNULL, "-m", "numpygpt.plain", "a " * 999)
    assert (code, said) == (1, "numpygpt.plain: 1000 tokens: the context is 1 to 256\n")
