"""The preset "llama.cpp" against llama.cpp's own samplers."""

import importlib.util
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GenerationConfig, Tokenizer
from numpygpt.decoding import explain
from numpygpt.decoding.rules.adaptive import adaptive_p
from numpygpt.decoding.rules.breakers import breaker_sequences
from numpygpt.decoding.rules.mirostat import mirostat
from numpygpt.decoding.sampling import chain, distribution, process
from numpygpt.layers import softmax

ROOT = Path(__file__).parents[2]
GOLDEN = np.load(ROOT / "tests/reference/llama_cpp.npz")
ARRAYS = {k: GOLDEN[k] for k in ("logits", "answers")}
GPT2_TOKENS = Tokenizer.gpt2()
# Settings whose border float32 (theirs) and float64 (ours) may see on either side.
BORDERS = ("typical_p", "top_p", "min_p", "xtc_threshold", "top_n_sigma")


def ours(z, context, settings):
    config = GenerationConfig(**settings, tokenizer=GPT2_TOKENS)
    steps = chain(config, len(context) // 2, np.random.default_rng(0))
    return process(z, context, steps)


def differ(z, row, expected):
    """Whether two answers differ by more than 1e-5, and by more than the distance of
    two float32 numbers as large as the logits; which of equal tokens stays is left
    open."""
    a, b = row > -np.inf, expected > -np.inf
    if a.sum() != b.sum():
        return True
    p, q = (softmax(x.astype(np.float64)) for x in (row, expected))
    largest = max(np.abs(x[x > -np.inf]).max() for x in (z, row))
    far = 1e-5 + 2 * np.finfo(np.float32).eps * largest
    both = np.abs(p - q)[a & b].max(initial=0)
    return max(np.abs(np.sort(p) - np.sort(q)).max(), both) > far


def agrees(z, context, settings, expected):
    """Equal, if need be after moving the borders by what float32 rounds."""
    if not differ(z, ours(z, context, settings), expected):
        return True
    names = [name for name in BORDERS if settings.get(name)]
    for signs in itertools.product([1 - 2e-6, 1, 1 + 2e-6], repeat=len(names)):
        moved = {n: min(settings[n] * s, 1.0) if n != "top_n_sigma" else settings[n] * s
                 for n, s in zip(names, signs)}  # fmt: skip
        if not differ(z, ours(z, context, {**settings, **moved}), expected):
            return True
    return False


def disagreements(cases):
    """What differs, and how many there were."""
    cases = list(cases)
    return [case[1:3] for case in cases if not agrees(*case)], len(cases)


def stored():
    cases = json.loads(str(GOLDEN["cases"]))
    for i, (context, settings) in enumerate(cases):
        z, expected = (ARRAYS[k][i] for k in ("logits", "answers"))
        n = np.count_nonzero(~np.isnan(z))
        yield z[:n], context, settings, expected[:n]


def test_the_stored_answers():
    wrong, n = disagreements(stored())
    assert not wrong, (len(wrong), wrong[:3])
    assert n == 2500


@pytest.mark.parametrize(("name", "version"), [("mirostat", 1), ("mirostat_v2", 2)])
def test_mirostat_over_a_thousand_steps(name, version):
    """mu before each step, given the tokens that llama.cpp drew."""
    rows, tokens, expected = GOLDEN["rows"], GOLDEN[f"{name}.tokens"], GOLDEN[name]
    state, context, mu = {}, [0], []
    for z, token in zip(rows, tokens.tolist()):
        out = mirostat(z, version, context, state, 3.0, 0.2, "lowest")
        assert out[token] > -np.inf
        mu.append(state["mu"])
        context.append(token)
    assert len(mu) == 1000
    np.testing.assert_allclose(mu, expected, atol=1e-5)


def test_adaptive_p_over_a_thousand_steps():
    rows, tokens = GOLDEN["rows"], GOLDEN["adaptive_p.tokens"]
    state, context = {}, [0]
    for z, token, expected in zip(rows, tokens.tolist(), GOLDEN["adaptive_p"]):
        out = adaptive_p(z, 0.3, context, state, 0.9)
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)
        context.append(token)


def exact(p, **settings):
    config = GenerationConfig(do_sample=True, chain="llama.cpp", **settings)
    with np.errstate(divide="ignore"):
        return distribution(np.log(p), (), config).round(3).tolist()


def test_borders_by_hand():
    equal = [0.25] * 4
    assert exact(equal, top_k=3) == [0.333, 0.333, 0.333, 0]
    assert exact(equal, typical_p=0.5) == [0.333, 0.333, 0.333, 0]
    assert exact(equal, top_n_sigma=0) == equal
    assert exact([0.5, 0.3, 0.2], top_n_sigma=0, top_k=2) == [0.625, 0.375, 0]
    assert exact([0.6, 0.3, 0.1], top_p=0.1, min_keep=2) == [0.667, 0.333, 0]
    assert exact([0.6, 0.3, 0.1], min_p=1.0, min_keep=2) == [0.667, 0.333, 0]
    assert exact([0.5, 0.3, 0.2], xtc_probability=1.0, min_keep=2) == [0.5, 0.3, 0.2]
    out = mirostat(np.log(equal), 2, [0], {"mu": 1.0}, 3.0, 0.2, "lowest")
    assert np.flatnonzero(out > -np.inf).tolist() == [0]


def test_mirostat_takes_the_place_of_the_others(capsys):
    config = GenerationConfig(
        do_sample=True, chain="llama.cpp", mirostat=2, temperature=0.5, top_k=1,
        repetition_penalty=2.0, dry_multiplier=1.0, logit_bias={1: 1.0},
        suppress_tokens=[3],
    )  # fmt: skip
    steps = [step.name for step in chain(config)]
    assert steps == ["logit_bias", "suppress_tokens", "temperature", "mirostat"]
    explain(config)
    text = capsys.readouterr().out
    for line in ("top_k 1", "repetition_penalty 2.0", "dry_multiplier 1.0"):
        assert f"{line}: mirostat takes its place" in text


def test_windows():
    config = GenerationConfig(chain="llama.cpp", frequency_penalty=1.0)
    z, context = np.zeros(3), np.array([1] * 10 + [0] * 60 + [2] * 2)
    [step] = chain(config, len(context))
    assert step(z, context).tolist() == [-60, -2, -2]  # of the prompt, 64 tokens
    for n, expected in ((-1, [-60, -10, -2]), (0, [0, 0, 0]), (3, [-1, 0, -2])):
        [step] = chain(replace(config, penalty_last_n=n), len(context))
        assert step(z, context).tolist() == expected
        [step] = chain(replace(config, penalty_last_n=n, chain="hf"), len(context))
        assert step(z, context).tolist() == [0, 0, 0]  # new tokens only


def test_breakers_are_texts_or_ids():
    tokens = GPT2_TOKENS
    how = {"dry_multiplier": 1.0, "dry_last_n": -1, "tokenizer": tokens}
    text = tokens.encode("to be: or not to be: or")
    config = GenerationConfig(chain="llama.cpp", dry_sequence_breakers=[], **how)
    z = np.zeros(tokens.n_vocab)
    [free] = chain(config)
    [colon] = chain(replace(config, dry_sequence_breakers=None))  # the default set
    [spanning] = chain(replace(config, dry_sequence_breakers=["be: or"]))
    [ids] = chain(replace(config, dry_sequence_breakers=[tokens.encode(" be: or")]))
    follows = tokens.encode(" not")[0]
    # " be: or" was there before; behind a breaker there is too little.
    assert free(z, np.array(text))[follows] < -1
    for step in (colon, spanning, ids):
        assert step(z, np.array(text)).tolist() == z.tolist()
    with pytest.raises(ValueError, match="are texts.*pass tokenizer="):
        chain(replace(config, dry_sequence_breakers=None, tokenizer=None))


def test_a_token_that_holds_a_breaker_is_one_and_begins_none():
    """"aba" has the breaker "ab" in it; that it ends with its beginning, too, adds
    nothing."""
    tokens = Tokenizer([("a", "b"), ("ab", "a")])
    [a, ab, aba] = [tokens.encode(text)[0] for text in ("a", "ab", "aba")]
    [b] = tokens.encode("b")
    assert {*breaker_sequences(["ab"], tokens)} == {(ab,), (aba,), (a, b)}


class Words:
    """A tokenizer of these tokens, the longest first."""

    vocab = {w: i for i, w in enumerate(["a", "b", "ab", "xab", "bab", "c"])}

    def decode_bytes(self, ids):
        return b"".join([*self.vocab][i].encode() for i in ids)

    def encode(self, text):
        ids = []
        while text:
            word = max((w for w in self.vocab if text.startswith(w)), key=len)
            ids.append(self.vocab[word])
            text = text[len(word) :]
        return ids


def test_all_ways_to_meet_a_breaker():
    words = Words()
    # "ab" stands in ab, xab, bab; a and then b makes it, too.
    assert {*breaker_sequences(("ab",), words)} == {(2,), (3,), (4,), (0, 1)}
    # "abc": a, then "bc"; ab, xab, bab, then "c".
    expected = {(0, 1, 5), (2, 5), (3, 5), (4, 5)}
    assert {*breaker_sequences(("abc",), words)} == expected
    assert breaker_sequences((3, [4, 5]), None) == ((3,), (4, 5))
    # 40 bytes of a text count, and 20 tokens behind the first.
    [long] = breaker_sequences(("c" * 60,), words)
    assert long == (5,) * 21
    assert breaker_sequences(("c" * 40 + "a",), words) == breaker_sequences(
        ("c" * 60,), words
    )


# Where llama.cpp's answer is a fault, ours stays: what it answers, as measured.


def test_typical_with_a_removed_token():
    """llama.cpp: the entropy is NaN, and the order of the tokens arbitrary."""
    assert exact([0.5, 0.3, 0.2, 0], typical_p=0.4) == exact(
        [0.5, 0.3, 0.2], typical_p=0.4
    ) + [0]


def test_dynamic_temperature_with_a_removed_token():
    """llama.cpp divides by ln 4, as if four tokens were left."""
    how = {"dynatemp_range": 0.5}
    assert exact([0.5, 0.3, 0.2, 0], **how) == exact([0.5, 0.3, 0.2], **how) + [0]


def test_xtc_at_threshold_0_with_a_removed_token():
    """llama.cpp: the removed token is the least likely choice, and stays alone."""
    how = {"xtc_probability": 1.0, "xtc_threshold": 0.0}
    assert exact([0.5, 0.3, 0.2, 0], **how) == [0, 0, 1, 0]


def test_min_keep_of_xtc_with_a_removed_token():
    """llama.cpp counts the removed token as one that stays, and leaves one alone."""
    how = {"xtc_probability": 1.0, "xtc_threshold": 0.1, "min_keep": 2}
    assert exact([0.6, 0.4, 0], **how) == [0.6, 0.4, 0]


def test_mirostat_1_with_a_large_mu():
    """llama.cpp: 2 ** mu is infinite and k an int of it, which x86 makes negative: the
    best token alone."""
    z = np.log([0.5, 0.3, 0.2])
    out = mirostat(z, 1, [0], {"mu": 500.0}, 3.0, 0.2, "lowest")
    assert np.array_equal(out, z)


def theirs():
    """The script that asks llama.cpp; a loud skip where it is not installed."""
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("llama-cpp-python is not installed: nothing was compared with it")
    import make_llama_reference

    return make_llama_reference


@pytest.mark.reference
def test_new_chains():
    reference = theirs()
    begin = reference.NUMBERS * (len(reference.SAMPLERS) + 1)
    cases = list(reference.answers(range(begin, begin + 2500)))
    for met_a_fault, least in ((False, 1500), (True, 500)):
        wrong, n = disagreements(c[:4] for c in cases if c[4] == met_a_fault)
        assert not wrong, (met_a_fault, len(wrong), wrong[:3])
        assert n > least


@pytest.mark.reference
def test_what_is_said_of_llama_cpps_faults():
    reference = theirs()

    def answer(p, **settings):
        with np.errstate(divide="ignore"):
            z = np.log(np.array(p)).astype(np.float32)
        settings = {"do_sample": True, "chain": "llama.cpp", **settings}
        out, _ = reference.answer(z, [], settings, reference.vocabulary(), mend=False)
        p = np.exp(out.astype(np.float64))
        return (p / max(p.sum(), 1e-9)).round(3).tolist()

    # The entropy is NaN, so is every distance to it: any order (here: as it was).
    assert answer([0.5, 0.3, 0.2], typical_p=0.4) == [0.625, 0.375, 0]
    assert answer([0.5, 0.3, 0.2, 0], typical_p=0.4) != [0.625, 0.375, 0, 0]

    how = {"dynatemp_range": 0.5}
    assert answer([0.5, 0.3, 0.2, 0], **how)[:3] != answer([0.5, 0.3, 0.2], **how)
    how = {"xtc_probability": 1.0, "xtc_threshold": 0.1, "min_keep": 2}
    assert answer([0.6, 0.4], **how) == [0.6, 0.4]
    assert answer([0.6, 0.4, 0], **how) == [0, 1, 0]
    how = {"xtc_probability": 1.0, "xtc_threshold": 0.0}
    assert answer([0.5, 0.3, 0.2], **how) == [0, 0, 1]
    assert answer([0.5, 0.3, 0.2, 0], **how) == [0, 0, 0, 0]  # the banned one alone
    for tau, n_kept in ((3.0, 3), (500.0, 1)):  # mu begins at 2 tau, 2 ** mu overflows
        assert reference.kept_by_mirostat(np.log([0.5, 0.3, 0.2]), tau) == n_kept
