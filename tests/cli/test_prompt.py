"""The prompt as a file, a pipe and the keyboard give it."""

import codecs
import io
import os
import sys
from types import SimpleNamespace

import pytest

from numpygpt.cli import prompt
from numpygpt.cli.prompt import MOST, as_text, read_prompt


@pytest.mark.parametrize(
    "data",
    [
        "Gänse\ngehen".encode(),
        "Gänse\ngehen\n".encode(),
        "Gänse\r\ngehen\r\n".encode(),
        codecs.BOM_UTF8 + "Gänse\r\ngehen".encode(),
        codecs.BOM_UTF16_LE + "Gänse\r\ngehen\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Gänse\ngehen".encode("utf-16-be"),
    ],
)
def test_what_windows_adds_does_not_reach_the_model(data):
    assert as_text(data, "a file") == "Gänse\ngehen"


def test_only_one_line_break_belongs_to_the_file():
    assert as_text(b"a\n\n", "a file") == "a\n"
    assert as_text(b"", "a file") == ""


@pytest.mark.parametrize("name", ["/dev/zero", "large.txt"])
def test_an_endless_prompt_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large.txt").write_bytes(b"a" * (MOST + 1))
    args = SimpleNamespace(prompt=None, prompt_file=name)
    with pytest.raises(ValueError, match=f"{name} has more than 1048576 bytes"):
        read_prompt(args)


def test_an_endless_pipe_is_refused(run):
    out = run("-", stdin=None, shell=False, **{"input": b"a" * (MOST + 5)})
    assert out.returncode == 1
    assert b"stdin has more than" in out.stderr


def test_the_keyboard_is_told_what_is_waited_for(screen):
    terminal = screen("-", "-n", 2)
    terminal.until("Ctrl-D]")
    terminal.type("Hello\n\x04")
    terminal.until("Hello")
    assert terminal.end() == 0


def test_an_empty_prompt_starts_at_bos(run, folder, tmp_path):
    import json
    import shutil

    other = tmp_path / "bos"
    shutil.copytree(folder, other)
    settings = json.loads((other / "generation_config.json").read_text())
    (other / "generation_config.json").write_text(
        json.dumps({**settings, "bos_token_id": 5})
    )
    out = run("", "-n", "1", "--json", "--logprobs", "--model", other)
    # The last --model counts, and run adds the tiny one: so ask for it by itself.
    assert out.returncode == 0
    from numpygpt import GPT2, Tokenizer
    from numpygpt.cli.command import encoded

    model, tokenizer = GPT2.from_pretrained(other), Tokenizer.from_pretrained(other)
    assert encoded("", model, tokenizer) == [5]
    assert encoded("", GPT2.from_pretrained(folder), tokenizer) == [756]


class Stdin:
    """Bytes to be read, from a keyboard or not."""

    def __init__(self, data, is_terminal):
        self.buffer, self.is_terminal = io.BytesIO(data), is_terminal

    def isatty(self):
        return self.is_terminal


@pytest.mark.parametrize(
    ("given", "data", "is_terminal", "text", "said"),
    [
        ("typed", b"piped", False, "typed", ""), (None, b"piped\n", False, "piped", ""),
        ("-", b"piped\n", False, "piped", ""), (None, b"keys", True, "", ""),
        ("-", b"keys\n", True, "keys", "[type the prompt, then Enter and Ctrl-D]\n"),
        ("", b"piped", False, "", ""), ("", b"keys", True, "", ""),
    ],
)  # fmt: skip
def test_where_a_prompt_comes_from(
    monkeypatch, capsys, given, data, is_terminal, text, said
):
    monkeypatch.setattr(sys, "stdin", Stdin(data, is_terminal))
    args = SimpleNamespace(prompt=given, prompt_file=None)
    assert read_prompt(args) == text
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("system", "keys"), [("nt", "Ctrl-Z and Enter"), ("posix", "Ctrl-D")]
)
def test_how_to_end_what_is_typed(monkeypatch, capsys, system, keys):
    monkeypatch.setattr(prompt, "os", SimpleNamespace(name=system))
    monkeypatch.setattr(sys, "stdin", Stdin(b"Hi\n", True))
    assert prompt.read_stdin(asked=True) == "Hi"
    assert capsys.readouterr().err == f"[type the prompt, then Enter and {keys}]\n"


def test_a_closed_stdin_gives_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert read_prompt(SimpleNamespace(prompt=None, prompt_file=None)) == ""
    with pytest.raises(ValueError, match="stdin is closed"):
        read_prompt(SimpleNamespace(prompt="-", prompt_file=None))


def test_a_prompt_may_have_so_many_bytes_and_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr(prompt, "MOST", 3)
    (tmp_path / "a").write_bytes(b"abc")
    args = SimpleNamespace(prompt="not this", prompt_file=tmp_path / "a")
    assert read_prompt(args) == as_text(b"abc", "it") == "abc"
    for source in "a file", "stdin":
        with pytest.raises(ValueError, match=f"{source} has more than 3 bytes"):
            as_text(b"abcd", source)
    monkeypatch.setattr(sys, "stdin", Stdin(b"abcd", False))
    with pytest.raises(ValueError, match="stdin has more than 3 bytes"):
        read_prompt(SimpleNamespace(prompt="-", prompt_file=None))


def test_what_is_no_utf_8_is_told_with_its_place():
    words = "a file is not valid UTF-8: byte 0xfc at position 1. Convert it first"
    with pytest.raises(ValueError, match=words):
        as_text(b"a\xfcb", "a file")
    with pytest.raises(ValueError, match="the prompt is not valid UTF-8: byte 0xff"):
        read_prompt(SimpleNamespace(prompt=os.fsdecode(b"\xff"), prompt_file=None))
    half = codecs.BOM_UTF16_LE + b"a\x00b"
    assert as_text(half, "a file") == "a\ufffd"
