"""Streams that are closed or full, and a process that lacks what others have."""

import os
import subprocess
import sys

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer
from numpygpt.cli import interrupt

PYTHON = [sys.executable, "-m", "numpygpt", "Hi", "-n", "3", "--seed", "1"]


@pytest.fixture(scope="module")
def usual(folder):
    return subprocess.run([*PYTHON, "--model", folder], capture_output=True).stdout


def shell(folder, redirect, before=""):
    command = f'{before} "$@" {redirect}'
    return subprocess.run(
        ["bash", "-c", command, "bash", *PYTHON, "--model", folder], capture_output=True
    )


def test_without_stdin(folder, usual):
    out = shell(folder, "<&-")
    assert (out.returncode, out.stdout) == (0, usual)
    assert b"Traceback" not in out.stderr


def test_without_stderr_notes_do_not_go_to_stdout(folder, usual):
    out = shell(folder, "2>&-")
    assert (out.returncode, out.stdout) == (0, usual)


def test_without_stdout(folder):
    out = shell(folder, ">&-")
    assert out.returncode == 1
    assert (
        out.stderr
        == b"numpygpt: stdout is closed: there is nowhere to print the text\n"
    )


def test_without_any_stream(folder):
    assert shell(folder, "<&- >&- 2>&-").returncode == 1


def test_no_file_takes_the_number_of_a_closed_stream():
    """What a library prints to stderr would end in the next file that is opened."""
    code = (
        "import os\nfrom numpygpt.cli.output import prepare\nprepare()\n"
        "print(os.open(os.devnull, os.O_RDONLY) > 2)"
    )
    command = [sys.executable, "-c", code]
    for closed in "2>&-", "<&-", "<&- 2>&-":
        line = ["bash", "-c", f'"$@" {closed}', "bash", *command]
        assert subprocess.run(line, capture_output=True).stdout == b"True\n"


def test_mistakes_without_stderr(folder):
    out = shell(folder, "--no-such 2>&-")
    assert (out.returncode, out.stdout) == (2, b"")


def test_in_turns_without_stderr(folder):
    """Python's own `input` refuses to read where it is closed."""
    out = shell(folder, "-i 2>&- <<< '/undo'")
    assert out.returncode == 0 and out.stdout.startswith(b"Hi")
    usual = shell(folder, "-i <<< '/undo'")
    assert (usual.returncode, usual.stdout) == (0, out.stdout)


LOOK = ["-m", "numpygpt.look", "tokens"]
SCRIPTS = ["evaluate", "multiple_choice", "train_tokenizer", "convert_gguf"]
OTHERS = [LOOK, ["-m", "numpygpt.exercises"], ["-m", "numpygpt.exercises", "start"]]
OTHERS += [[f"scripts/{name}.py"] for name in SCRIPTS]


@pytest.mark.parametrize("command", OTHERS, ids=" ".join)
def test_mistakes_of_other_commands_are_said_on_stderr_and_made_harmless(command):
    for redirect, said in ("2>&-", b""), ("", b"usage:"):
        line = ["bash", "-c", f'"$@" {redirect}', "bash", sys.executable, *command]
        out = subprocess.run([*line, "x", "x", "--no\x1b[31m"], capture_output=True)
        assert (out.returncode, out.stdout) == (2, b"")
        assert out.stderr.startswith(said) and b"\x1b" not in out.stderr


@pytest.mark.parametrize(
    ("redirect", "said"),
    [(">&-", b"stdout is closed"), ("<&-", b"stdin is closed"), (">&- 2>&-", b""),
     ("< /dev/zero", b"stdin has more than")],
)  # fmt: skip
def test_looking_without_a_stream(redirect, said):
    line = ["bash", "-c", f'"$@" {redirect}', "bash", sys.executable, *LOOK, "-"]
    out = subprocess.run(line, capture_output=True, stdin=subprocess.DEVNULL)
    assert (out.returncode, out.stdout) == (1, b"")
    assert said in out.stderr and b"Traceback" not in out.stderr


@pytest.mark.parametrize("script", ["evaluate.py", "multiple_choice.py"])
def test_scripts_that_show_progress_run_without_stderr(folder, script, tmp_path):
    text = tmp_path / "text"
    question = '{"ctx": "a", "endings": ["b", "c"], "label": 0}\n'
    text.write_text(question if "choice" in script else "Once upon a time. " * 20)
    line = [sys.executable, f"scripts/{script}", str(folder), str(text)]
    out = subprocess.run(
        ["bash", "-c", '"$@" 2>&-', "bash", *line], capture_output=True
    )
    assert out.returncode == 0 and out.stdout.startswith(b"{")


@pytest.mark.parametrize("command", [PYTHON, ["-m", "numpygpt.look", "lens", "Hi"]])
def test_a_warning_that_is_an_error_is_a_sentence(folder, tmp_path, command):
    """Weights beyond all bounds make NumPy warn."""
    model = GPT2.from_pretrained(folder, np.float64)
    model.params["wpe"]["weight"][:] = 3e38
    model.save_pretrained(tmp_path / "model", np.float32)
    Tokenizer.from_pretrained(folder).save_pretrained(tmp_path / "model")
    arguments = command[command.index("-m") :]
    out = subprocess.run(
        [sys.executable, "-W", "error", *arguments, "--model", tmp_path / "model"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert out.returncode == 1 and out.stderr.startswith("numpygpt"), out.stderr
    assert len(out.stderr.splitlines()) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has /dev/full")
def test_a_full_disk(folder):
    for extra in "", "--json", "--help":
        out = shell(folder, f"{extra} > /dev/full")
        assert out.returncode == 1
        assert b"No space left" in out.stderr and b"Traceback" not in out.stderr
        assert b"Exception ignored" not in out.stderr


@pytest.mark.parametrize("switch", [["-O"], ["-OO"], ["-W", "error"], ["-I"], ["-b"]])
def test_switches_of_python(folder, usual, switch, tmp_path):
    code = f"import sys; sys.path.insert(0, {os.getcwd()!r}); "
    code += "from numpygpt.__main__ import main; sys.exit(main())"
    out = subprocess.run(
        [sys.executable, *switch, "-c", code, *PYTHON[3:], "--model", folder],
        capture_output=True,
    )
    assert out.returncode == 0, out.stderr
    assert out.stdout == usual
    assert b"Traceback" not in out.stderr and b"Warning" not in out.stderr


def test_without_home(folder, usual):
    out = shell(folder, "", before="env -u HOME -u XDG_CACHE_HOME -u USER -u LOGNAME")
    assert (out.returncode, out.stdout) == (0, usual)


def test_without_a_user(folder, usual, monkeypatch):
    """As in a container that runs under a number which no user has."""
    code = (
        "import pwd, sys\n"
        "def nobody(number): raise KeyError(number)\n"
        "pwd.getpwuid = nobody\n"
        "from numpygpt.__main__ import main\n"
        "sys.exit(main())"
    )
    for name in "HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "NUMPYGPT_HOME":
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, "-c", code, *PYTHON[3:], "--model"]
    out = subprocess.run([*command, folder], capture_output=True)
    assert (out.returncode, out.stdout) == (0, usual), out.stderr
    out = subprocess.run([*command, "gpt2"], capture_output=True)
    assert out.returncode == 1 and b"set NUMPYGPT_HOME" in out.stderr


def test_a_terminal_that_is_not_utf_8(run, usual):
    out = run(
        "Gänse 👋",
        "-n",
        3,
        "--seed",
        1,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert out.returncode == 0 and out.stdout.decode().startswith("Gänse 👋")


@pytest.mark.parametrize(
    ("asked", "n", "is_ours", "want"),
    [({}, 3, True, "1"), ({}, 3, False, None), ({"OMP_NUM_THREADS": "2"}, 1, True, "1"),
     ({"OPENBLAS_NUM_THREADS": "1"}, 0, True, "1"), ({}, None, True, None)],
)  # fmt: skip
def test_where_no_thread_can_start_blas_gets_none(monkeypatch, asked, n, is_ours, want):
    """It would end the process. ``n``: how many BLAS would start; None: it may."""
    for name in "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS":
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    tried = []
    monkeypatch.setattr(interrupt, "can_start", lambda k: tried.append(k) or n is None)
    monkeypatch.setattr(interrupt, "_is_ours", lambda: is_ours)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4), raising=False)
    interrupt.spare_threads()
    assert os.environ.get("OPENBLAS_NUM_THREADS") == want
    assert tried == ([n or 3] if is_ours and n != 0 else [0] if is_ours else [])


def test_ctrl_c_while_numpy_is_loaded(tmp_path):
    """No traceback even before the command has begun; in another program, the usual."""
    (tmp_path / "numpy.py").write_text(
        "import sys, time\nprint('ready', flush=True)\ntime.sleep(30)\n"
    )
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.getcwd()}"}
    for start, code, word in (
        (["-m", "numpygpt", "Hi"], 130, b""),
        (["-c", "import numpygpt"], -2, b"KeyboardInterrupt"),
    ):
        # Started in the background, a process may have been told to ignore it.
        process = subprocess.Popen(
            [sys.executable, *start], env=env, stdout=-1, stderr=-1,
            preexec_fn=lambda: __import__("signal").signal(
                2, __import__("signal").SIG_DFL
            ),
        )  # fmt: skip
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(2)
        _, said = process.communicate(timeout=30)
        assert process.returncode == code
        assert word in said and (word or said == b"")
