"""-i: a text written in turns, its cache, its commands; on a terminal and in a pipe."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import GPT2
from numpygpt.cli import interactive
from numpygpt.cli.command import load
from numpygpt.cli.interactive import Kept, Talk, shared
from numpygpt.decoding.generate import stream_ids
from numpygpt.decoding.plumbing.settings import merge_config


def converse(run, *lines, **how):
    out = run("-i", "-n", "6", "--seed", "3", stdin="\n".join(lines).encode(), **how)
    assert out.returncode == 0 and b"Traceback" not in out.stderr, out.stderr
    return out.stdout.decode(), out.stderr.decode()


def test_turns_in_a_pipe(run):
    text, said = converse(run, "Hello there", "", "and then")
    assert text.startswith("Hello there")
    assert "\n and then" in text and text.endswith("\n")  # a line for every turn
    assert "[seed 3]" in said
    assert converse(run, "Hello there", "", "and then")[0] == text


def test_undo_and_again(run):
    once, _ = converse(run, "Hello")
    undone, said = converse(run, "Hello", "/undo", "Hello")
    assert undone.count("Hello") == 2 and "[back at the beginning]" in said
    twice, _ = converse(run, "Hello", "/again")
    assert twice.startswith(once) and len(twice) > len(once)
    _, said = converse(run, "/undo", "/again")
    assert "nothing to take back" in said and "no turn yet" in said


def test_set_why_save_and_mistakes(run, tmp_path):
    file = tmp_path / "story.txt"
    text, said = converse(
        run, "Hello", "/set temperature 0.7", "/set", "/set top-k nonsense",
        "/set topk 3", "/why", "/frobnicate", f"/save {file}", f"/save {file}",
        "/save", "/help", "/set num-beams 2", "",
    )  # fmt: skip
    assert "[temperature is 0.7]" in said and "temperature 0.7," in said
    assert "top_k must be an integer" in said and "did you mean 'top_k'" in said
    assert len(re.findall(r"^\[\d\.\d{3} '.*'.*drawn with", said, re.M)) >= 5
    assert "<- it was this" in said
    assert "there is no /frobnicate" in said and "/undo" in said
    assert said.count(f"characters written to {file}") == 2
    assert "which file?" in said
    assert file.read_text().startswith("Hello")
    _, said = converse(run, "Hi", f"/save {file}")
    assert "exists already" in said


def test_the_prompt_argument_is_the_first_turn(run):
    text, _ = converse(run, "/quit")
    out = run("Once", "-i", "-n", 4, stdin=b"/quit\nnever read")
    assert out.stdout.decode().startswith("Once") and text == ""


def test_a_text_longer_than_the_context_goes_on(run):
    text, said = converse(run, *["some more words of a long text"] * 30)
    assert text.count("some more words") == 30 and "leaves no room" not in said


def test_ctrl_c_stops_the_text_not_the_program(screen):
    terminal = screen("-i", "-n", "250", "--min-new-tokens", "250", "--seed", "1")
    terminal.until("/help says more")
    terminal.until("> ")
    terminal.type("Hello\n")
    terminal.until("Hello\r\n")
    terminal.read_for(0.05)
    terminal.interrupt()
    terminal.until("> ")
    terminal.read_for(0.5)
    terminal.type("/why\n")
    terminal.until("<- it was this")
    terminal.read_for(0.5)
    terminal.interrupt()  # at the prompt: a line that is dropped
    terminal.until("> ")
    terminal.read_for(0.5)
    terminal.type("\x04")
    assert terminal.end() == 0, terminal.text
    assert "Traceback" not in terminal.text and "[seed 1]" in terminal.text


# The cache.


def test_shared_beginnings():
    assert [shared(*x) for x in (([], [1]), ([1], [1]), ([1, 2], [1, 3]))] == [0, 1, 1]


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_kept_cache_changes_no_token_and_reads_only_what_is_new(folder, interrupted):
    model = GPT2.from_pretrained(folder, np.float64)
    kept, read = Kept(model), []
    inner = model.hidden

    def hidden(sequences, caches):
        read.append(len(sequences[0]))
        return inner(sequences, caches)

    model.hidden = hidden
    config = merge_config(
        model.generation_config, None,
        {"max_new_tokens": 6, "do_sample": True, "top_k": 20, "eos_token_id": 9999},
    )  # fmt: skip
    rng, ids, grew = np.random.default_rng(0), [5, 6, 7], False
    for turn in range(12):
        tokens = stream_ids(kept, ids, config, seed=turn)
        read.clear()
        n = 3 if interrupted else 6
        new = [next(tokens) for _ in range(n)]
        del tokens
        n_read = sum(read)
        fresh = stream_ids(model, ids, config, seed=turn)
        assert new == [next(fresh) for _ in range(n)]
        if grew:
            assert n_read <= 2 + 2 + n  # two typed, two not read yet, the new ones
        grew = rng.random() < 0.6
        if grew:
            ids = ids + new + rng.integers(756, size=2).tolist()
        else:  # undo: back to an earlier text, and on from there
            ids = ids[: rng.integers(1, len(ids) + 1)]
    assert kept.seen[: kept.cache.n_tok] == kept.seen


def test_the_tokenizer_joins_words_with_one_space(run):
    text, _ = converse(run, "Hello", " spaced", "\ttabbed")
    assert "  spaced" not in text and " \ttabbed" not in text


# A talk in this process, with a model that is the tiny one.


@pytest.fixture
def talk(folder, monkeypatch):
    """``talk("line", ..., **options)``: what was written, the `Talk` behind it."""
    model, tokenizer = load(folder, "float32")

    def begin(*lines, prompt="", settings=None, **options):
        args = SimpleNamespace(**{"seed": 3, "raw": False, "whole_sentences": False} |
                               options)  # fmt: skip
        rest, made, begin.prompts = iter(lines), [], []

        def line(prompt):
            begin.prompts.append(prompt)
            found = next(rest, None)
            if found is None:
                raise EOFError
            if isinstance(found, BaseException):
                raise found
            return found

        monkeypatch.setattr("builtins.input", line)
        monkeypatch.setattr(
            interactive, "Talk", lambda *given: made.append(Talk(*given)) or made[0]
        )
        settings = {"max_new_tokens": 4, "do_sample": True, **(settings or {})}
        settings = {"tokenizer": tokenizer, "eos_token_id": 9999, **settings}
        interactive.converse(args, model, tokenizer, prompt, settings)
        return made[0]

    return begin


def notes(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_talk_ends_with_its_seed(talk, capsys):
    for end in ["/quit"], [" /exit "], []:
        found = talk(*end, "never")
        if end:
            assert found.ids == [] and notes(capsys) == ["[seed 3]"]


def test_an_interrupt_at_the_prompt_drops_the_line(talk, capsys):
    found = talk(KeyboardInterrupt(), "/undo", "/quit")
    out, err = capsys.readouterr()
    assert out == "\n" and found.ids == []
    assert err.splitlines() == ["[there is nothing to take back]", "[seed 3]"]


def test_the_prompt_is_the_first_line(talk, capsys):
    found = talk(prompt="Hi")
    assert capsys.readouterr().out.startswith("Hi")
    assert len(found.turns) == 1 and found.turns[0][0] == []
    assert found.settings["num_return_sequences"] == 1
    talk("/save", prompt="/undo")
    assert notes(capsys)[0] == "[there is nothing to take back]"


def test_a_closed_keyboard_is_told(talk, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ValueError, match="stdin is closed"):
        talk()


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [("Hi", "you", " "), ("Hi", " you", ""), ("Hi ", "you", ""), ("Hi", "\tyou", "")],
)
def test_a_space_joins_what_needs_one(talk, first, second, between):
    settings = {"max_new_tokens": 1, "choices": [[256]], "eos_token_id": 256}
    found = talk(first, second, settings=settings)
    decoded = found.tokenizer.decode(found.ids, True)
    assert decoded.replace("\ufffd", "") == first + between + second


def test_turns_and_what_takes_them_back(talk, capsys):
    found = talk("Hi", "", "/undo")
    before, start = found.turns[0]
    assert before == [] and found.ids[: len(start)] == start
    assert len(found.ids) == len(start) + 4 and len(found.turns) == 1
    tail = found.tokenizer.decode(found.ids[-30:], True)
    assert notes(capsys)[0] == f"[back at ...{tail[-60:]!r}]"
    again = talk("Hi", "/again", "/undo", "/undo")
    assert again.ids == [] and again.turns == []
    assert notes(capsys)[:2] == [
        "[back at the beginning]", "[there is nothing to take back]",
    ]  # fmt: skip


def test_again_takes_other_numbers_and_the_same_beginning(talk):
    once, twice = talk("Hi"), talk("Hi", "/again")
    assert once.turns == twice.turns and once.ids[:2] == twice.ids[:2]
    assert once.ids != twice.ids and len(once.ids) == len(twice.ids)


def test_the_end_token_is_not_part_of_the_text(talk):
    found = talk("Hi", settings={"choices": [[70, 71, 256]], "eos_token_id": 256})
    assert found.ids[-2:] == [70, 71]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/set temperature 0.7", "temperature is 0.7"),
        ("/set --top-k 3", "top_k is 3"), ("/set top_k 3", "top_k is 3"),
        ("/set stop_strings text", "stop_strings is 'text'"),
        ("/set num-return-sequences 2", "num_return_sequences cannot be set here"),
        ("/set tokenizer 2", "tokenizer cannot be set here"),
        ("/set stopping_criteria 2", "stopping_criteria cannot be set here"),
        ("/set topp 2", "did you mean 'top_p'?"), ("/set top_p 2", "top_p must be"),
        ("/set num_beams 0", "num_beams must be"),
        ("/frob", "there is no /frob: /help, /undo, /again, /set, /why, /save, /quit"),
        ("/why", "nothing has been chosen yet"), ("/again", "there was no turn yet"),
        ("/save", "/save FILE: which file?"), ("/help", "TEXT             goes behind"),
        ("  /set  top_k  3 ", "top_k is 3"),
    ],
)  # fmt: skip
def test_what_a_command_says(talk, capsys, line, said):
    found = talk(line)
    assert said in capsys.readouterr().err and found.ids == []


def test_a_setting_is_kept_only_if_it_can_be(talk, capsys):
    found = talk("/set top_k 3", "/set top_k x")
    assert found.settings["top_k"] == 3
    found = talk("/set num_beams 2", "/set penalty_alpha 0.5")
    assert found.settings["num_beams"] == 2 and "penalty_alpha" not in found.settings
    talk("/set", settings={"dry_sequence_breakers": ["x" * 99]})
    [line] = [line for line in notes(capsys) if "max_new_tokens 4" in line]
    assert "do_sample True, " in line and "num_return_sequences 1" in line
    assert f"dry_sequence_breakers ['{'x' * 58}" in line and "x" * 59 not in line
    assert "tokenizer" not in line


def test_the_five_likeliest_tokens(talk, capsys):
    found = talk("Hi", "/why")
    lines = [line[1:-1] for line in notes(capsys)][:-1]
    assert 5 <= len(lines) <= 6
    p = [float(line[:5]) for line in lines]
    assert p[:5] == sorted(p[:5], reverse=True)
    chosen = [line for line in lines if line.endswith("  <- it was this")]
    assert len(chosen) == 1
    last = found.tokenizer.decode(found.ids[-1:])
    assert f" {last!r:16}  drawn with 0." in chosen[0]
    row = found.model(found.ids[:-1])[-1].astype(float)
    best = np.argsort(-row)[:5]
    shown = [f"{found.tokenizer.decode([i])!r:16}" for i in best]
    assert [line[6:].startswith(s) for line, s in zip(lines, shown)] == [True] * 5
    probabilities = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
    np.testing.assert_allclose(p[:5], probabilities[best], atol=5.1e-4)


def test_why_knows_no_odds_of_a_search(talk, capsys):
    found = talk("Hi", "/set do_sample false", "/set num_beams 2", "", "/why")
    lines = [line for line in notes(capsys) if line.startswith("[0.")]
    assert 5 <= len(lines) <= 6 and not any("drawn with" in line for line in lines)
    row = found.model(found.ids[:-1])[-1].astype(float)
    p = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
    for line, i in zip(lines, np.argsort(-p)[:5]):
        assert line.startswith(f"[{p[i]:.3f} {found.tokenizer.decode([i])!r:16}")


def test_the_likeliest_token_is_listed_once(talk, capsys):
    talk("Hi", "/why", settings={"do_sample": False})
    lines = notes(capsys)[:-1]
    assert len(lines) == 5 and lines[0].endswith("  <- it was this]")
    assert "drawn with 1.000" in lines[0] and talk.prompts == [""] * 3


def test_a_turn_may_end_with_its_first_letter(talk, capsys):
    settings = {"choices": [[70, 71]], "max_new_tokens": 2}
    tokenizer = talk("Hi", settings=settings).tokenizer
    whole = capsys.readouterr().out
    stop = tokenizer.decode([70])
    assert whole == f"Hi{stop}{tokenizer.decode([71])}\n"
    talk("Hi", settings={**settings, "stop_strings": [stop]})
    assert capsys.readouterr().out == "Hi\n"


def test_every_turn_has_a_seed_of_its_own(talk, monkeypatch):
    seeds, stream = [], interactive.stream_ids

    def noted(*given, seed):
        seeds.append(seed)
        return stream(*given, seed=seed)

    monkeypatch.setattr(interactive, "stream_ids", noted)
    talk("Hi", "", "/again", seed=7)
    rng = np.random.default_rng(7)
    assert seeds == [int(rng.integers(2**32)) for _ in range(3)]


def test_a_file_is_written_but_no_other_persons(talk, capsys, tmp_path):
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    other.write_text("mine")
    found = talk("Hi", f"/save {path}", f"/save {other}", f"/save {path}")
    text = found.tokenizer.decode(found.ids, True)
    assert path.read_text() == text + "\n" and other.read_text() == "mine"
    assert found.saved == str(path)
    assert notes(capsys) == [
        f"[{len(text)} characters written to {path}]",
        f"[{other} exists already: give another name]",
        f"[{len(text)} characters written to {path}]",
        "[seed 3]",
    ]


def test_the_token_that_begins_a_text_is_not_written(talk, capsys, tmp_path):
    found = talk("", f"/save {tmp_path / 'a.txt'}", "/undo")
    assert found.ids == [] and notes(capsys)[-2] == "[back at the beginning]"
    assert "endoftext" not in (tmp_path / "a.txt").read_text()


def test_of_a_long_text_the_model_sees_the_end(talk, monkeypatch):
    """256 tokens fit; so many stay free as were asked for, but at most a half."""
    seen, stream = [], interactive.stream_ids

    def noted(source, ids, *rest, **how):
        seen.append(len(ids))
        return stream(source, ids[-5:], *rest, **how)

    monkeypatch.setattr(interactive, "stream_ids", noted)
    words = "Hi" * 300
    for most, n in (4, 252), (100, 156), (128, 128), (200, 128), (None, 156):
        found = talk(words, settings={"max_new_tokens": most, "max_length": 20})
        assert seen.pop() == n
    assert len(found.ids) > 256


def test_a_token_and_one_that_was_chosen_are_enough(talk, capsys):
    found = talk("H", "/why", settings={"max_new_tokens": 1})
    assert len(found.ids) == 2 and "it was this" in capsys.readouterr().err


def test_why_sees_the_end_of_a_long_text(talk, capsys):
    talk("Hi" * 300, "/why")
    assert "  <- it was this]" in capsys.readouterr().err


def test_a_pipe_is_read_as_files_of_windows_are(talk, monkeypatch):
    asked = []
    stdin = SimpleNamespace(
        isatty=lambda: False, reconfigure=lambda **how: asked.append(how)
    )
    monkeypatch.setattr(sys, "stdin", stdin)
    talk()
    assert asked == [{"encoding": "utf-8-sig", "errors": "replace"}]


def test_sentences_and_stop_strings_in_a_turn(talk, monkeypatch):
    asked = []
    monkeypatch.setattr(
        interactive, "to_sentences", lambda s, t, n: asked.append(n) or s
    )
    talk("Hi")
    talk("Hi", whole_sentences=True)
    assert asked == [2]


def test_a_cache_is_kept_where_nothing_else_reads_the_model(talk):
    def seen(**settings):
        return talk("Hi", settings=settings).kept.seen

    assert len(seen()) == 5  # the last of 2 + 4 is not read yet
    assert seen(guidance_scale=1.5) == seen(num_beams=2) == []


def test_control_characters_are_shown_on_a_terminal(talk, capsys, monkeypatch):
    monkeypatch.setattr("numpygpt.cli.output.on_terminal", lambda stream: True)
    talk(prompt="a\x1b")
    talk(prompt="a\x1b", raw=True)
    first, second = capsys.readouterr().out.split("\n", 1)
    assert first.startswith("a\\x1b") and second.startswith("a\x1b")


def test_a_line_that_is_typed_on_a_terminal_is_not_repeated(talk, capsys, monkeypatch):
    monkeypatch.setattr(interactive, "on_terminal", lambda stream: True)
    talk("Unlikely", prompt="Hi")
    out, err = capsys.readouterr()
    assert out.startswith("Hi") and "Unlikely" not in out
    assert talk.prompts == ["> ", "> "]
    assert err.startswith("[type a text; an empty line lets the model go on; /help")
