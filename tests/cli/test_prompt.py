"""The prompt as a file, a pipe and the keyboard give it."""

import codecs
from types import SimpleNamespace

import pytest

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
