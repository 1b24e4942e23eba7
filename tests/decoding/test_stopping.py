"""Stop strings, the clock, a function of one's own; text that never shows too much."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer
from numpygpt.decoding.constraints.stopping import (
    n_free,
    shown_text,
    stop_rules,
    until_stop,
)

TOKENIZER = Tokenizer.gpt2(n_merges=300)
CONFIG = GPT2Config(TOKENIZER.n_vocab, n_positions=64, n_embd=8, n_layer=1, n_head=2)
MODEL = GPT2.random(CONFIG, seed=1)
MODEL.params["wte"]["weight"][:] *= 30
texts = st.text("ab\n", max_size=4)
strings = st.lists(st.text("ab\n", min_size=1, max_size=3), min_size=1, max_size=3)


@given(texts, st.lists(texts, max_size=8), strings)
def test_49_a_stop_string_never_shows_not_even_half(prompt, pieces, stop_strings):
    pieces, n_prompt = [prompt, *pieces], len(prompt)
    shown, whole = "".join(until_stop(pieces, stop_strings, n_prompt)), "".join(pieces)
    assert whole.startswith(shown)
    assert shown.startswith(prompt)
    ends = [
        at + len(s)
        for s in stop_strings
        for at in range(len(whole))
        if whole.startswith(s, at) and at + len(s) > n_prompt
    ]
    assert (shown == whole) == (not ends)
    # No string that ends behind the prompt is in what is shown, none was overlooked.
    assert all(len(shown) < end for end in ends)
    if ends:
        assert any(whole.startswith(s, len(shown)) for s in stop_strings) or (
            len(shown) == n_prompt
        )


@given(st.lists(texts, max_size=8), strings)
def test_what_is_shown_is_never_taken_back(pieces, stop_strings):
    """What was shown when the n-th piece had come is the beginning of the final text,
    and as much of it as is certain."""
    final = "".join(until_stop(pieces, stop_strings))
    for n in range(len(pieces) + 1):
        shown = []

        def until_now(n=n, shown=shown):
            yield from pieces[:n]
            raise InterruptedError

        with contextlib.suppress(InterruptedError):
            shown.extend(until_stop(until_now(), stop_strings))
        assert final.startswith("".join(shown))
        text, longest = "".join(pieces[:n]), max(map(len, stop_strings))
        if len("".join(pieces[:n])) < len(final):
            assert len("".join(shown)) > len(text) - longest


@given(st.lists(texts, max_size=8))
def test_48_without_stop_strings_the_pieces_are_the_text(pieces):
    assert "".join(until_stop(pieces, None)) == "".join(pieces)


@given(st.integers(0, 500), st.integers(1, 18), st.sampled_from([{}, {"num_beams": 3}]))
def test_generation_ends_with_the_token_that_completes_the_string(seed, at, method):
    """Cut a free run anywhere: that text, as a stop string, ends the run right there,
    or where it first appeared."""
    how = {"do_sample": not method, "seed": seed, "max_new_tokens": 19, **method}
    free = MODEL.generate([5, 6], **how)[0].tolist()
    data = TOKENIZER.decode_bytes(free[at + 1 : at + 3])
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    got = MODEL.generate([5, 6], stop_strings=text, tokenizer=TOKENIZER, **how)[0]
    got = got.tolist()
    if not method:
        assert free[: len(got)] == got
        assert len(got) <= at + 3
    ends = TOKENIZER.decode_bytes(got)
    if len(got) < 21:
        assert data in ends
    before = TOKENIZER.decode_bytes(got[:-1])
    assert data not in before[len(TOKENIZER.decode_bytes([5, 6])) :]


def test_a_string_that_begins_in_the_prompt_counts():
    ids = TOKENIZER.encode("hello")
    free = MODEL.generate(ids, max_new_tokens=9)[0]
    stop = "o" + TOKENIZER.decode(free[len(ids) : len(ids) + 1])
    got = MODEL.generate(ids, max_new_tokens=9, stop_strings=stop, tokenizer=TOKENIZER)
    assert len(got[0]) == len(ids) + 1
    also_in_prompt = MODEL.generate(
        ids, max_new_tokens=9, stop_strings="hell", tokenizer=TOKENIZER
    )
    assert also_in_prompt[0].tolist() == free.tolist()


@pytest.mark.parametrize(
    ("pieces", "stop", "n_prompt", "shown"),
    [
        (["ab", "cd"], "bc", 2, "ab"),  # begins in the prompt, ends behind it
        (["ab", "cd"], "ab", 2, "abcd"),  # lies in the prompt
        (["ab", "c"], "abc", 0, ""),  # all but its last character waits
        (["ab", "x"], "abc", 0, "abx"),
    ],
)
def test_where_a_stop_string_counts(pieces, stop, n_prompt, shown):
    assert "".join(until_stop(pieces, stop, n_prompt)) == shown


@pytest.mark.parametrize(
    ("stops", "text", "ends"),
    [
        (["hello world", "q"], "say hello world", True),  # over many tokens
        (["h"], "x he", True),  # not at the end of the last token, but inside it
        (["x"], "x he", False),  # in an earlier one
    ],
)
def test_a_string_that_ends_inside_the_newest_token(stops, text, ends):
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids[-1:]) != "e"
    config = GenerationConfig(stop_strings=stops, tokenizer=TOKENIZER)
    assert any(rule(ids) for rule in stop_rules(config, 99, 0)) == ends


@given(st.integers(0, 500), st.integers(0, 18), st.sampled_from([0, 3, 9, 18]))
def test_stop_strings_that_wait_for_min_new_tokens(seed, at, least):
    """As in vLLM: a string counts if it ends inside a token behind the first ones."""
    special = [*TOKENIZER.special_tokens.values()]
    how = {"do_sample": True, "seed": seed, "max_new_tokens": 19,
           "suppress_tokens": special}  # fmt: skip
    free = MODEL.generate([5, 6], **how)[0].tolist()
    data = TOKENIZER.decode_bytes(free[at + 2 : at + 4])
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    how |= {"stop_strings": [text], "min_new_tokens": least, "tokenizer": TOKENIZER}
    out = MODEL.generate([5, 6], stop_strings_wait=True, **how)[0].tolist()
    # The plain way: where does the string end, byte by byte, in which token?
    ends, whole = [], TOKENIZER.decode_bytes(free)
    sizes = [len(TOKENIZER.decode_bytes(free[: n + 1])) for n in range(len(free))]
    for i in range(len(whole)):
        if whole.startswith(data, i):
            ends.append(next(n for n, s in enumerate(sizes) if s >= i + len(data)) + 1)
    assert len(out) == min([n for n in ends if n > 2 + least], default=len(free))
    assert out == free[: len(out)]
    # min_length counts the prompt; without the flag neither waits.
    del how["min_new_tokens"]
    more = MODEL.generate([5, 6], min_length=2 + least, stop_strings_wait=True, **how)
    assert more[0].tolist() == out
    now = MODEL.generate([5, 6], min_new_tokens=least, **how)[0].tolist()
    assert len(now) == min([n for n in ends if n > 2], default=len(free))
    # What is shown ends where the string begins, also if that is before the token.
    config = GenerationConfig(
        stop_strings_wait=True, min_new_tokens=least, **how_of(how)
    )
    shown = "".join(shown_text(out, n_free(config, 2), 0, config))
    if len(out) < len(free) or ends[-1:] == [len(out)]:
        before = sizes[1 + least] - len(data) + 1  # it has to end behind these
        assert shown == whole[: whole.find(data, max(0, before))].decode(
            errors="replace"
        )
    else:
        assert shown == TOKENIZER.decode(out)


def how_of(how):
    return {name: value for name, value in how.items() if name != "seed"}


def test_padding_and_waiting():
    """min_length counts the padding; the rows are those of the prompts alone."""
    how = {"max_length": 30, "min_length": 12, "stop_strings_wait": True,
           "stop_strings": [*"abcdefghijklmnopqrstuvwxyz"], "tokenizer": TOKENIZER,
           "do_sample": True, "seed": 4}  # fmt: skip
    padded = [[0, 0, 0, 5, 6]]
    out = MODEL.generate(padded, attention_mask=[[0, 0, 0, 1, 1]], **how)
    alone = MODEL.generate([5, 6], **{**how, "max_length": 27, "min_length": 9})
    assert out[0, 3:].tolist() == alone[0].tolist()
    assert 9 < len(alone[0]) < 27


def test_a_string_that_never_comes_ends_at_the_limit():
    out = MODEL.generate(
        [1], stop_strings=["never" * 9], tokenizer=TOKENIZER, max_length=30
    )
    assert out.shape == (1, 30)


def test_the_clock():
    begin = time.monotonic()
    out = MODEL.generate([1], max_new_tokens=60, max_time=1e-6)
    assert out.shape == (1, 2)
    assert time.monotonic() - begin < 1


def test_the_clock_starts_when_the_rules_are_made(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    config = GenerationConfig(max_time=2.5, eos_token_id=[7, 8])
    length, end, clock = stop_rules(config, 4, 1)
    for at, over in (100.0, False), (102.4, False), (102.5, True), (200.0, True):
        now[0] = at
        assert clock([1, 2]) == over
    assert [length([1] * n) for n in (3, 4, 5)] == [False, True, True]
    assert [end([7, n]) for n in (6, 7, 8)] == [False, True, True]


def test_special_tokens_are_not_shown():
    config = GenerationConfig(tokenizer=TOKENIZER, stop_strings=["c"])
    ids = TOKENIZER.encode("ab<|endoftext|>b", allowed_special="all")
    assert "".join(shown_text(ids, 0, 0, config)) == "abb"


def test_a_function_of_ones_own():
    rule = lambda ids: len(ids) == 11
    for method in ({}, {"num_beams": 3}, {"do_sample": True}):
        out = MODEL.generate([1], max_new_tokens=60, stopping_criteria=[rule], **method)
        assert out.shape == (1, 11)


def test_stop_strings_need_a_tokenizer():
    with pytest.raises(ValueError, match="pass tokenizer="):
        MODEL.generate([1], stop_strings="x")
