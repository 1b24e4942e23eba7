"""What would only fail on somebody else's system, found by reading; where something can
stand in for that system, by running."""

import ast
import errno
import io
import os
import sys
import types
from pathlib import Path

import pytest

import numpygpt
from numpygpt.cli import output, prompt
from numpygpt.exercises import run
from numpygpt.files import download, hub

PACKAGE = Path(numpygpt.__file__).parent
SOURCES = [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "scripts").glob("*.py")]


def calls(path):
    """``(name, positional arguments, keywords, line)`` of every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            keywords = {k.arg: k.value for k in node.keywords}
            yield name, node.args, keywords, node.lineno


def lacks_encoding(name, args, keywords):
    """Is text read or written in whatever encoding the system prefers?"""
    if "encoding" in keywords:
        return False
    if name == "read_text":
        return not args
    if name == "write_text":
        return len(args) < 2
    if name not in ("open", "fdopen") or len(args) > 3:
        return False
    modes = [a.value for a in args[:2] if isinstance(a, ast.Constant)]
    modes += [m.value for m in [keywords.get("mode")] if isinstance(m, ast.Constant)]
    return not any(isinstance(m, str) and "b" in m for m in modes)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_file_of_text_names_its_encoding(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for name, args, keywords, number in calls(path):
        line = lines[number - 1]
        if not any(other in line for other in (").open(asked", "os.open(", "tarfile.")):
            assert not lacks_encoding(name, args, keywords), f"{path}:{number}: {line}"


def test_the_check_finds_what_it_looks_for():
    tree = ast.parse("open(p)\nopen(p, 'rb')\nq.read_text()\nopen(p, encoding='ascii')")
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [
        lacks_encoding(
            getattr(n.func, "id", getattr(n.func, "attr", "")), n.args,
            {k.arg: k.value for k in n.keywords},
        )
        for n in found
    ]  # fmt: skip
    assert found == [True, False, True, False]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_cursor_commands_that_old_consoles_lack(path):
    """Colours are for terminals that were asked for them; moving about is for none."""
    text = path.read_text(encoding="utf-8")
    assert "\\033[K" not in text and "\\x1b[K" not in text


def windows(monkeypatch, module):
    """This module's ``os`` says that it is Windows, and nobody has fcntl."""
    named = types.SimpleNamespace(**{**vars(os), "name": "nt"})
    monkeypatch.setattr(module, "os", named)
    monkeypatch.setitem(sys.modules, "fcntl", None)


class Msvcrt(types.ModuleType):
    """Its lock gives up after some seconds, with an error of its own."""

    LK_LOCK = 1

    def __init__(self, *errors):
        super().__init__("msvcrt")
        self.errors, self.calls = [*errors], 0

    def locking(self, handle, how, n_bytes):
        assert (how, n_bytes) == (self.LK_LOCK, 1) and os.fstat(handle)
        self.calls += 1
        if self.errors:
            raise OSError(self.errors.pop(0), "stand-in")


def test_a_lock_that_gives_up_is_asked_for_again(monkeypatch, tmp_path):
    windows(monkeypatch, download)
    stub = Msvcrt(errno.EDEADLK, errno.EDEADLK)
    monkeypatch.setitem(sys.modules, "msvcrt", stub)
    with download.locked(tmp_path / ".lock"):
        assert stub.calls == 3
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt(errno.EACCES))
    with pytest.raises(OSError, match="stand-in"), download.locked(tmp_path / ".lock"):
        pytest.fail("it is not ours")


def test_a_folder_is_filled_where_folders_have_no_locks(monkeypatch, tmp_path):
    windows(monkeypatch, hub)
    for text in "one", "two":
        with hub.filling(tmp_path / "new", "seal") as new:
            (new / "seal").write_text(text, encoding="utf-8")
        assert (tmp_path / "new" / "seal").read_text(encoding="utf-8") == text
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["seal"]


class Console(io.TextIOWrapper):
    """A terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "ascii"])
def test_a_console_that_is_not_utf_8_shows_what_it_can(monkeypatch, encoding):
    raw = io.BytesIO()
    for name in "stdout", "stderr":
        monkeypatch.setattr(sys, name, Console(raw, encoding=encoding))
    output.prepare()
    output.write("a\u65e5\u2026b", raw=True)
    output.note("\u65e5")
    sys.stdout.flush()
    shown = raw.getvalue().decode(encoding)
    assert shown.replace("\u2026", "?").split() == ["a??b[?]"]


def test_the_end_of_input_is_another_key_on_windows(monkeypatch, capsys):
    for name, keys in (("nt", "Ctrl-Z and Enter"), ("posix", "Ctrl-D")):
        named = types.SimpleNamespace(**{**vars(os), "name": name})
        monkeypatch.setattr(prompt, "os", named)
        monkeypatch.setattr(sys, "stdin", Console(io.BytesIO(b"hello\r\n")))
        assert prompt.read_stdin(asked=True) == "hello"
        assert keys in capsys.readouterr().err


def test_exercises_run_where_memory_cannot_be_limited(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    run.limit_memory()


def test_text_files_that_others_read_have_one_kind_of_line_end():
    """write_text would make CRLF of them on Windows."""
    for name in "files/vocabulary.py", "files/tokenizer_json.py", "files/hub.py":
        text = (PACKAGE / name).read_text(encoding="utf-8")
        assert "write_text" not in text and '"w"' not in text


def test_no_module_that_windows_lacks_is_taken_for_granted():
    """Whatever is imported from these stands in a function, where an error is met."""
    lacking = {"fcntl", "resource", "termios", "tty", "pwd", "readline", "msvcrt"}
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {alias.name for alias in node.names} | {
                    getattr(node, "module", None)
                }
                found = names & lacking
                assert not found or path.parent.name == "scripts", (path, found)
