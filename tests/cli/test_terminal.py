"""On a terminal: what is shown, what is obeyed, and what Ctrl-C leaves behind."""

import json
import re

import pytest

EVIL = "\x1b]52;c;eA==\x07"  # fills the clipboard of some terminals


def without_notes(text):
    return "\n".join(line for line in text.splitlines() if not line.startswith("["))


def test_control_characters_are_shown_not_obeyed(run, screen):
    how = ("Hi", "--choices", json.dumps([EVIL]), "-n", 40, "--seed", 1)
    for extra in [], ["--no-stream"], ["--num-return-sequences", 2], ["--colour"]:
        terminal = screen(*how, *extra)
        assert terminal.end() == 0
        text = re.sub("\x1b\\[(38;5;\\d+|0)m", "", terminal.text)
        assert "\x1b" not in text and "\x07" not in text
        assert "Hi\\x1b]52;c;eA==\\x07" in text
    assert "Hi" + EVIL in run(*how).stdout.decode()  # a pipe gets the text as it is
    raw = screen(*how, "--raw")
    assert raw.end() == 0 and "Hi" + EVIL in raw.text


def test_control_characters_of_the_prompt_and_of_names(screen):
    terminal = screen(f"Hi{EVIL}", "-n", 2)
    assert terminal.end() == 0 and "\x1b" not in terminal.text
    terminal = screen("--prompt-file", f"no{EVIL}.txt")
    assert terminal.end() == 1
    assert "\x1b" not in terminal.text and "\\x1b]52" in terminal.text


def test_colour_shades_the_text_and_only_on_a_terminal(run, screen):
    how = ("Hi", "-n", 8, "--seed", 1, "--no-whole-sentences")
    plain = run(*how).stdout.decode().rstrip("\n")
    assert run(*how, "--colour").stdout.decode().rstrip("\n") == plain
    terminal = screen(*how, "--colour")
    assert terminal.end() == 0
    assert "\x1b[38;5;196m" in terminal.text and terminal.text.count("\x1b[0m") >= 5
    terminal = screen(*how, "--colour", env={"NO_COLOR": "1"})
    assert terminal.end() == 0 and "\x1b" not in terminal.text


@pytest.mark.parametrize(
    "extra", [["--num-beams", 3], ["--num-return-sequences", 2], ["--json"]]
)
def test_progress_where_nothing_can_be_seen_yet(run, screen, extra):
    how = ("Hi", "-n", 12, "--seed", 1, *extra)
    terminal = screen(*how)
    assert terminal.end() == 0
    assert "\r[3 of 1" in terminal.text and "tokens]" in terminal.text
    last = terminal.text.rindex(" tokens]\r")
    assert terminal.text[last:].count("\r" + " " * 40 + "\r") >= 1  # wiped away
    assert b"of 12 tokens" not in run(*how).stderr


def test_ctrl_c_leaves_a_clean_line_and_the_seed(screen):
    for extra in [], ["--num-beams", 2], ["-n", "200", "--no-stream"]:
        terminal = screen("Hi", "--seed", 77, "-n", 200, "--min-new-tokens", 200,
                          "--stop-strings", "never", *extra)  # fmt: skip
        terminal.until("H" if not extra else "[")
        terminal.interrupt()
        assert terminal.end() in (130, 0)
        assert "Traceback" not in terminal.text
        if terminal.process.returncode == 130:
            *_, last = terminal.text.rstrip().splitlines()
            assert last.split("\r")[-1] == "[seed 77, interrupted]"


def test_whole_sentences_on_a_terminal_and_exact_lengths_in_a_pipe(run, screen):
    how = ("Hi", "--seed", 6, "--min-new-tokens", 8, "-n", 10)
    assert b", 10 tokens," in run(*how).stderr
    out = run(*how, "--json")
    assert len(json.loads(out.stdout)["ids"]) == 10
    terminal = screen(*how)
    assert terminal.end() == 0
    n = int(re.search(r"seed 6, (\d+) tokens", terminal.text)[1])
    assert n in (8, 9, 11, 12)  # 10 would tell nothing: take another seed
    terminal = screen(*how, "--no-whole-sentences")
    terminal.end()
    assert "seed 6, 10 tokens" in terminal.text
    terminal = screen(*how, "--json")
    terminal.end()
    assert "seed 6, 10 tokens" in terminal.text
    asked = run(*how, "--whole-sentences")
    assert f"seed 6, {n} tokens".encode() in asked.stderr


def test_the_text_on_a_terminal_is_that_of_the_pipe(run, screen):
    how = ("Hi", "--seed", 5, "-n", 10, "--no-whole-sentences", "--choices", "abc")
    terminal = screen(*how)
    assert terminal.end() == 0
    assert without_notes(terminal.text) == run(*how).stdout.decode().rstrip("\n")
