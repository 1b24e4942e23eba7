"""-i: a text written in turns, its cache, its commands; on a terminal and in a pipe."""

import re

import numpy as np
import pytest

from numpygpt import GPT2
from numpygpt.cli.interactive import Kept, shared
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
