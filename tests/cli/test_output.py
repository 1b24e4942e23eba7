"""What is printed where, without a process: streams that say they are terminals."""

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import Tokenizer
from numpygpt.cli import output
from numpygpt.files import terminal

TOKENIZER = Tokenizer([("h", "e")])
H, E, HE, X = (TOKENIZER.encode(text)[0] for text in ("h", "e", "he", "x"))
EVIL = "a\x1b[31m"


class Stream(io.StringIO):
    """Text in memory that may say it is a terminal, and notes how it was set up."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal, self.asked, self.n_flushed = is_terminal, [], 0

    def flush(self):
        self.n_flushed += 1

    def isatty(self):
        return self.is_terminal

    def reconfigure(self, **how):
        self.asked.append(how)


@pytest.fixture
def streams(monkeypatch):
    """``streams(are_terminals)``: stdout and stderr from now on."""
    monkeypatch.delenv("NO_COLOR", raising=False)

    def begin(are_terminals):
        for name in "stdout", "stderr":
            monkeypatch.setattr(sys, name, Stream(are_terminals))
        return sys.stdout, sys.stderr

    return begin


both = pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])


@both
def test_streams_are_made_fit_to_be_used(streams, is_terminal):
    out, err = streams(is_terminal)
    output.prepare()
    pipe = {"encoding": "utf-8", "errors": "backslashreplace"}
    wanted = {"errors": "replace"} if is_terminal else pipe
    assert out.asked == err.asked == [wanted]


@both
def test_only_a_terminal_is_spared_control_characters(streams, is_terminal):
    out, err = streams(is_terminal)
    output.write(EVIL)
    output.write(EVIL, raw=True, end="|")
    assert out.n_flushed == 2
    terminal.flush()
    assert out.n_flushed == 3
    assert out.getvalue() == ("a\\x1b[31m" if is_terminal else EVIL) + EVIL + "|"
    output.note(EVIL)
    assert err.getvalue() == "[a\\x1b[31m]\n"


@both
def test_progress_is_shown_on_a_terminal_alone(streams, is_terminal):
    out, err = streams(is_terminal)
    rules = output.progress(2, 9)
    assert len(rules) == is_terminal
    for rule in rules:
        assert [rule([0] * n) for n in (2, 3, 5, 4, 5, 6)] == [False] * 6
    output.erase()
    shown = "\r[1 of 9 tokens]\r[3 of 9 tokens]\r[4 of 9 tokens]"
    wanted = f"{shown}\r{' ' * 40}\r" if is_terminal else ""
    assert err.getvalue() == wanted and not out.getvalue()


def test_closed_streams_are_no_trouble(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    terminal.flush()
    terminal.silence()
    output.note("x")
    output.erase()
    assert output.progress(1, 2) == []


def record_of(*tokens, text=None, **more):
    """Of ``(id, probability)``s."""
    pieces = [TOKENIZER.decode([i]) for i, _ in tokens]
    return {
        "prompt": "x", "text": "".join(pieces) if text is None else text,
        "ids": [i for i, _ in tokens], "tokens": pieces,
        "logprobs": [float(np.log(p)) for _, p in tokens], **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("p", "code"),
    [(0.001, 196), (0.0099, 196), (0.0101, 208), (0.049, 208), (0.051, 220),
     (0.199, 220), (0.201, 150), (0.499, 150), (0.501, None), (1.0, None)],
)  # fmt: skip
def test_shades_of_probabilities(p, code):
    wanted = "he" if code is None else f"\x1b[38;5;{code}mhe\x1b[0m"
    assert output.shaded(record_of((HE, p)), TOKENIZER) == wanted


def test_shaded_text_is_the_text():
    bytes_ = TOKENIZER.encode("\u00e9")
    record = record_of((H, 1.0), (bytes_[0], 1.0), (bytes_[1], 1.0), text="h\u00e9")
    assert output.shaded(record, TOKENIZER) == "h\u00e9"
    record = record_of((HE, 1.0), (X, 1.0), (HE, 0.001), text="hex")
    assert output.shaded(record, TOKENIZER).startswith("hex\x1b[38;5;196m\x1b[0m")
    record = record_of((HE, 1.0), (HE, 1.0), (X, 1.0), text="heh")
    assert output.shaded(record, TOKENIZER) == "heh"
    escape = TOKENIZER.encode("\x1b")[0]
    record = record_of((escape, 1.0), text="\x1b")
    assert output.shaded(record, TOKENIZER) == "\\x1b"
    assert output.shaded(record, TOKENIZER, raw=True) == "\x1b"


def test_a_table_of_log_probabilities():
    top = [{"id": H, "token": "h", "logprob": -1.005}, {"token": "e", "logprob": -20.0}]
    record = {
        "prompt_tokens": ["a", "b\n"], "prompt_logprobs": [None, -0.5],
        "prompt_top_logprobs": [None, top], "tokens": ["a long token", "x"],
        "logprobs": [-12.34567, 0.0], "top_logprobs": [[], top[:1]],
    }  # fmt: skip
    assert output.table(record).splitlines() == [
        "| -0.5000 'b\\n'              -1.00 'h'  -20.00 'e'",
        " -12.3457 'a long token'",
        "   0.0000 'x'                -1.00 'h'",
    ]


def test_the_prompts_own_numbers():
    found = [(-0.5, [(HE, -0.25)]), (-1.5, [])]
    assert output.of_prompt([H, E, X], found, TOKENIZER) == {
        "prompt_ids": [H, E, X], "prompt_tokens": ["h", "e", "x"],
        "prompt_logprobs": [None, -0.5, -1.5],
        "prompt_top_logprobs": [
            None, [{"id": HE, "token": "he", "logprob": -0.25}], [],
        ],
    }  # fmt: skip


class Told:
    """A model that says what it is told to, and keeps what it was asked."""

    config = SimpleNamespace(n_ctx=6)

    def __init__(self, *rows):
        self.rows, self.asked = rows, []

    def generate(self, ids, **how):
        self.asked.append((ids, how))
        longest = max(map(len, self.rows))
        full = [[*ids, *row, *[0] * (longest - len(row))] for row in self.rows]
        return SimpleNamespace(
            sequences=np.array(full), lengths=[len(ids) + len(r) for r in self.rows],
            logprobs=np.log(np.full((len(self.rows), longest), 0.001)),
            top_logprobs=[[[(H, -1.0)]] * longest] * len(self.rows),
            prompt_logprobs=[[(-0.5, [(E, -0.5)])] * (len(ids) - 1)],
        )  # fmt: skip

    def stream(self, ids, **how):
        self.asked.append((ids, how))
        yield from self.rows[0]


def args_of(**given):
    plain = {"json": False, "logprobs": None, "colour": False, "raw": False, "seed": 3}
    return SimpleNamespace(**plain | given)


SETTINGS = {"max_new_tokens": 3, "tokenizer": TOKENIZER, "eos_token_id": 999}


@both
def test_continuations_are_parted_by_the_end_of_a_text(streams, is_terminal):
    out, err = streams(is_terminal)
    model = Told([H, E], [HE])
    assert output.print_all(args_of(), model, TOKENIZER, [X, X], SETTINGS) == [
        [H, E], [HE],
    ]  # fmt: skip
    assert out.getvalue() == f"xxhe\n{TOKENIZER.eos_token}\nxxhe\n"
    [(ids, how)] = model.asked
    assert ids == [X, X] and how["seed"] == 3 and how["return_dict_in_generate"] is True
    assert how["logprobs"] is None and how["prompt_logprobs"] is None
    assert (how["stopping_criteria"] is not None) == is_terminal
    assert how["max_new_tokens"] == 3


@both
def test_colour_is_for_terminals_and_who_wants_it(streams, is_terminal, monkeypatch):
    out, _ = streams(is_terminal)
    given = [Told([H]), TOKENIZER, [X], SETTINGS]
    output.print_all(args_of(colour=True), *given)
    shaded = "x\x1b[38;5;196mh\x1b[0m\n"
    assert out.getvalue() == (shaded if is_terminal else "xh\n")
    monkeypatch.setenv("NO_COLOR", "1")
    output.print_all(args_of(colour=True), *given)
    assert out.getvalue().endswith("\nxh\n")


@both
def test_json_has_what_was_asked_for(streams, is_terminal):
    out, err = streams(is_terminal)
    model = Told([H, E], [HE])
    output.print_all(args_of(json=True), model, TOKENIZER, [X], SETTINGS)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert out.n_flushed
    assert records == [
        {"prompt": "x", "text": "he", "ids": [H, E]},
        {"prompt": "x", "text": "he", "ids": [HE]},
    ]
    assert err.getvalue() == (f"\r{' ' * 40}\r" if is_terminal else "")
    output.print_all(args_of(json=True, logprobs=1), model, TOKENIZER, [X, X], SETTINGS)
    record = json.loads(out.getvalue().splitlines()[3])
    assert record["tokens"] == ["he"] and len(record["logprobs"]) == 1
    assert record["top_logprobs"][0] == [{"id": H, "token": "h", "logprob": -1.0}]
    assert record["prompt_logprobs"] == [None, -0.5]
    assert model.asked[1][1]["logprobs"] == model.asked[1][1]["prompt_logprobs"] == 1


@both
def test_log_probabilities_go_to_stderr(streams, is_terminal):
    out, err = streams(is_terminal)
    output.print_all(args_of(logprobs=0), Told([H]), TOKENIZER, [X, X], SETTINGS)
    assert out.getvalue() == "xxh\n"
    lines = err.getvalue().split("\r")[-1].splitlines()
    assert lines == ["| -0.5000 'x'                -0.50 'e'",
                     "  -6.9078 'h'                -1.00 'h'"]  # fmt: skip


def test_a_stop_string_cuts_the_record(streams):
    streams(False)
    stops = {**SETTINGS, "stop_strings": ["ex"]}
    [record] = output.records_of(
        args_of(), Told([H, E, X]), TOKENIZER, [X], stops
    )  # fmt: skip
    assert record["text"] == "h" and record["ids"] == [H, E, X]


def test_a_special_token_of_the_prompt_is_not_shown(streams):
    streams(False)
    ids = [TOKENIZER.eos_token_id, X]
    [record] = output.records_of(args_of(), Told([H]), TOKENIZER, ids, SETTINGS)
    assert (record["prompt"], record["text"]) == ("x", "h")
    out, _ = streams(False)
    stops = {**SETTINGS, "stop_strings": ["h"]}
    output.print_stream(args_of(), Told([H]), TOKENIZER, ids, stops)
    assert out.getvalue() == "x\n"


@both
def test_a_stream_is_printed_as_it_comes(streams, is_terminal):
    out, err = streams(is_terminal)
    model = Told([H, E, X])
    new = output.print_stream(args_of(), model, TOKENIZER, [X, X], SETTINGS)
    assert new == [[H, E, X]] and out.getvalue() == "xxhex\n"
    assert model.asked == [([X, X], {"seed": 3, **SETTINGS})]
    assert not err.getvalue()
    output.print_stream(args_of(), model, TOKENIZER, [X, X, X], SETTINGS)
    assert err.getvalue() == "[the model's context of 6 tokens is full]\n"


def test_a_stream_that_breaks_ends_its_line(streams):
    def breaks(ids, **how):
        yield H
        raise KeyboardInterrupt

    model, (out, _) = SimpleNamespace(stream=breaks), streams(False)
    with pytest.raises(KeyboardInterrupt):
        output.print_stream(args_of(), model, TOKENIZER, [X], SETTINGS)
    assert out.getvalue() == "xh\n"


@pytest.mark.parametrize(
    ("settings", "limit"),
    [({"max_new_tokens": 3}, 3), ({"max_length": 9}, 9),
     ({"max_new_tokens": 3, "max_length": 9}, 3)],
)  # fmt: skip
@both
def test_progress_knows_the_limit(streams, is_terminal, settings, limit):
    _, err = streams(is_terminal)
    model, own = Told([H]), lambda ids: False
    given = {**settings, "stopping_criteria": [own]}
    output.generated(args_of(), model, [X, X], 1, given)
    rules = model.asked[0][1]["stopping_criteria"]
    assert rules[0] is own and len(rules) == 1 + is_terminal
    for rule in rules:
        rule([X, X])
    if is_terminal:
        assert f"\r[1 of {limit} tokens]" in err.getvalue()
