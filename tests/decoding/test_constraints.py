"""Answers, regular expressions, healed prompts: allowed is exactly what can succeed."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_regular import patterns
from test_stopping import CONFIG, MODEL, TOKENIZER

from numpygpt import GenerationConfig, Tokenizer
from numpygpt.decoding import distribution
from numpygpt.decoding.constraints.choices import Speller, _table, n_kept
from numpygpt.decoding.constraints.plan import plan
from numpygpt.decoding.constraints.regular import Automaton, parse

EOS = TOKENIZER.eos_token_id
BYTES = {i: TOKENIZER.decode_bytes([i]) for i in range(EOS)}
prompts = st.lists(st.integers(0, EOS - 1), min_size=1, max_size=5)
seeds = st.integers(0, 999)
methods = st.sampled_from(
    [{"do_sample": True}, {"num_beams": 3}, {"prompt_lookup_num_tokens": 3}, {},
     {"penalty_alpha": 0.5, "top_k": 4}, {"num_beams": 2, "do_sample": True}]
)  # fmt: skip
PATTERNS = [r"(yes|no), \d{2,4}!", "[ab]{1,5}", "é€?(😀|x)", r"\w+ the( end)?"]


def answer(prompt, seed, **how):
    ids = MODEL.generate(
        prompt,
        seed=seed,
        max_new_tokens=40,
        tokenizer=TOKENIZER,
        eos_token_id=EOS,
        **how,
    )[0].tolist()[len(prompt) :]
    ended = EOS in ids or len(ids) < 40
    return TOKENIZER.decode_bytes(ids[: ids.index(EOS)] if EOS in ids else ids), ended


@given(prompts, seeds, st.sampled_from(PATTERNS), methods)
def test_the_text_matches_the_expression(prompt, seed, pattern, how):
    data, ended = answer(prompt, seed, regex=pattern, **how)
    assert Automaton(parse(pattern)).run(0, data) is not None
    if ended:
        assert re.fullmatch(pattern, data.decode(), re.ASCII)


texts = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4)


@given(prompts, seeds, texts, methods)
def test_the_text_is_one_of_the_answers(prompt, seed, choices, how):
    data, ended = answer(prompt, seed, choices=choices, **how)
    assert ended
    assert data.decode() in choices


some_ids = st.lists(st.integers(0, 30), min_size=1, max_size=9)


@given(prompts, seeds, st.lists(some_ids, min_size=1, max_size=5))
def test_answers_as_ids(prompt, seed, choices):
    out = MODEL.generate(
        prompt, do_sample=True, seed=seed, choices=choices, max_length=64
    )
    new = out[0, len(prompt) :].tolist()
    assert new in choices
    # Without an end-of-text token an answer goes on for as long as it can.
    assert not any(c[: len(new)] == new and len(c) > len(new) for c in choices)


@pytest.mark.parametrize("answers", [[[4], [4, 5]], [[4, 5], [4]]])
def test_where_an_answer_can_end_or_go_on_the_end_decides(answers):
    bias = {EOS: 100.0}
    ends = MODEL.generate([1], choices=answers, eos_token_id=EOS, logit_bias=bias)
    assert ends.tolist() == [[1, 4, EOS]]
    bias = {EOS: -100.0}
    goes_on = MODEL.generate([1], choices=answers, eos_token_id=EOS, logit_bias=bias)
    assert goes_on.tolist() == [[1, 4, 5]]
    assert MODEL.generate([1], choices=answers).tolist() == [[1, 4, 5]]


@given(patterns, st.data())
def test_allowed_is_every_token_that_keeps_a_match_in_reach(pattern, data):
    """The walk over sorted tokens, which skips, against trying each."""
    automaton = Automaton(parse(pattern))
    speller, new = Speller(automaton, _table(TOKENIZER)), []
    for _ in range(3):
        state = automaton.run(0, TOKENIZER.decode_bytes(new))
        allowed, may_end, must_end = speller.follow(new)
        each = {i for i, b in BYTES.items() if automaton.run(state, b) is not None}
        assert set(allowed.tolist()) == each
        assert (may_end, must_end) == (
            automaton.may_end(state), automaton.must_end(state)
        )  # fmt: skip
        if not each:
            break
        new.append(data.draw(st.sampled_from(sorted(each))))


@pytest.mark.parametrize(
    "pattern", [" {0,90}", "-{3,40}", "=*-+", ".{0,70}\n", "_{17}"]
)
def test_tokens_of_many_bytes(pattern):
    """GPT-2 has some of 128 spaces or dashes."""
    tokenizer, automaton = Tokenizer.gpt2(), Automaton(parse(pattern))
    speller = Speller(automaton, _table(tokenizer))
    for new in ([], tokenizer.encode("---"[: 3 * ("-" in pattern)])):
        state = automaton.run(0, tokenizer.decode_bytes(new))
        allowed = {*speller.follow(new)[0].tolist()}
        for i in range(50256):
            alive = automaton.run(state, tokenizer.decode_bytes([i])) is not None
            assert (i in allowed) == alive, i


def test_texts_that_grow_side_by_side():
    """What is remembered of the last text is not used for another."""
    speller = Speller(Automaton(parse("(ab|b)*c")), _table(TOKENIZER))
    a, b, c = (TOKENIZER.encode(x)[0] for x in "abc")
    for new in ([a], [b], [a, b], [b, a], [a], [a, b, c], [a, a], [a, a, b], [b]):
        fresh = Speller(Automaton(parse("(ab|b)*c")), speller.table)
        for ours, alone in zip(speller.follow(new), fresh.follow(new)):
            assert np.array_equal(ours, alone), new


@given(prompts, seeds, st.sampled_from(PATTERNS))
def test_what_is_left_is_the_models_own_choice(prompt, seed, pattern):
    """The first token's law: the model's, on what is allowed."""
    out = MODEL.generate(
        prompt, regex=pattern, do_sample=True, seed=seed, tokenizer=TOKENIZER,
        max_new_tokens=1, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    automaton = Automaton(parse(pattern))
    p = distribution(MODEL(prompt)[-1])
    p *= [automaton.run(0, BYTES.get(i, b"\0")) is not None for i in range(len(p))]
    np.testing.assert_allclose(distribution(out.scores[0][0]), p / p.sum(), atol=1e-6)


@given(prompts, seeds, st.sampled_from(PATTERNS))
def test_the_mask_comes_before_every_truncation(prompt, seed, pattern):
    """A filter that keeps one token keeps the best of those that are allowed."""
    how = {"top_k": 1, "do_sample": True}
    assert answer(prompt, seed, regex=pattern, **how) == answer(
        prompt, seed, regex=pattern
    )


@given(prompts, seeds, methods)
def test_a_healed_prompt_keeps_its_text(prompt, seed, how):
    ids = MODEL.generate(
        prompt,
        seed=seed,
        max_new_tokens=6,
        tokenizer=TOKENIZER,
        token_healing=True,
        **how,
    )[0].tolist()
    assert len(ids) == len(prompt) + 6
    assert TOKENIZER.decode_bytes(ids).startswith(TOKENIZER.decode_bytes(prompt))
    assert ids[: len(prompt) - 1] == prompt[:-1]
    streamed = MODEL.stream(
        prompt,
        seed=seed,
        max_new_tokens=6,
        tokenizer=TOKENIZER,
        token_healing=True,
        **how,
    )
    n_kept = max(1, len(prompt) - 1)
    assert list(streamed) == ids[n_kept:]


@given(prompts)
def test_healing_takes_the_best_token_with_these_bytes(prompt):
    got = MODEL.generate(
        prompt, max_new_tokens=1, tokenizer=TOKENIZER, token_healing=True
    )[0].tolist()
    if len(prompt) == 1:  # nothing would be left to continue
        assert got[:1] == prompt
        return
    row = MODEL(prompt[:-1])[-1]
    fits = [i for i in BYTES if BYTES[i].startswith(BYTES[prompt[-1]])]
    assert got[len(prompt) - 1] == max(fits, key=lambda i: row[i])


def test_a_special_token_is_not_healed():
    got = MODEL.generate(
        [5, EOS], max_new_tokens=1, tokenizer=TOKENIZER, token_healing=True
    )
    assert got[0, :2].tolist() == [5, EOS]


def test_a_healed_token_begins_as_the_last_one_did():
    """Not as the first, nor any other."""
    prompt = TOKENIZER.encode("a") + TOKENIZER.encode("b") + TOKENIZER.encode("t")
    config = GenerationConfig(token_healing=True, tokenizer=TOKENIZER)
    [step] = plan(prompt, config, 99).masks
    row = step(np.zeros(len(TOKENIZER.vocab)), np.array(prompt[:-1]))
    kept = [BYTES[i] for i in np.flatnonzero(row == 0).tolist()]
    assert kept == [data for data in BYTES.values() if data.startswith(b"t")]
    assert len(kept) > 3
    assert (step(np.zeros(9), np.array(prompt)) == 0).all()  # later ones are free


def test_whether_a_prompt_is_healed_is_up_to_its_last_token():
    how = {"max_new_tokens": 1, "tokenizer": TOKENIZER, "token_healing": True}
    for prompt, n in ([5, 6, EOS], 3), ([5, EOS, 6], 2), ([EOS, 6], 1), ([6], 1):
        config = GenerationConfig(**how)
        assert n_kept(prompt, config) == n
        assert len(plan(prompt, config, 99).ids) == n
    assert n_kept([5, 6], GenerationConfig(tokenizer=TOKENIZER)) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"regex": "a"}, "pass tokenizer="),
        ({"regex": "(", "tokenizer": TOKENIZER}, "regex .* never closed"),
        ({"choices": []}, "choices must be a list of texts"),
        ({"choices": ["a", ""]}, "choices must be a list of texts"),
        ({"choices": ["a", [1]]}, "choices must be a list of texts"),
        ({"choices": [[CONFIG.n_vocab]]}, "no token of the vocabulary can come next"),
        ({"choices": ["a"], "regex": "a", "tokenizer": TOKENIZER}, "set one of them"),
        ({"token_healing": True}, "pass tokenizer="),
        (
            {"choices": [[4]], "suppress_tokens": [4]},
            "suppress_tokens .* removes every",
        ),
    ],
)
def test_bad_input(settings, message):
    with pytest.raises(ValueError, match=message):
        MODEL.generate([1, 2], **settings)


@given(prompts, methods)
def test_an_empty_expression_asks_for_no_text(prompt, how):
    assert answer(prompt, 0, regex="", **how) == (b"", True)
    with pytest.raises(ValueError, match="regex: no token of the vocabulary"):
        MODEL.generate(prompt, tokenizer=TOKENIZER, regex="", max_length=64, **how)


def test_what_is_too_large_is_refused_before_a_token():
    with pytest.raises(ValueError, match="regex .* too large"):
        next(MODEL.stream([1], tokenizer=TOKENIZER, regex="(.{250}){250}"))
