"""Beam search: against every text there is, against greedy, against itself."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from numpygpt import GPT2, GenerationConfig, GPT2Config
from numpygpt.decoding.plumbing.checks import NothingLeft
from numpygpt.decoding.search.beam import beam_search
from numpygpt.layers import log_softmax
from numpygpt.testing import TableLM

EOS = 0


def make_model(n_vocab, seed=4):
    config = GPT2Config(n_vocab, n_positions=40, n_embd=8, n_layer=2, n_head=2)
    model = GPT2.random(config, seed=seed, dtype=np.float64)
    model.params["wte"]["weight"] *= 30
    model.params["wpe"]["weight"] *= 30
    for block in model.params["h"]:
        block["attn"]["c_attn"]["weight"] *= 20
        block["attn"]["c_proj"]["weight"] *= 60
    return model


TINY, SMALL = make_model(4), make_model(23)
seeds = st.integers(0, 10_000)
prompts = st.lists(st.integers(0, 22), min_size=1, max_size=6)
stopping = st.sampled_from([True, False, "never"])
beams = st.fixed_dictionaries(
    {
        "num_beams": st.integers(2, 5),
        "max_new_tokens": st.integers(1, 7),
        "early_stopping": stopping,
        "length_penalty": st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0]),
        "eos_token_id": st.sampled_from([EOS, [EOS, 5]]),
    }
)


def score(model, ids, n_prompt):
    """The log-probability of the ids behind the prompt, by one pass over the text."""
    rows = log_softmax(model(ids[:-1]))[n_prompt - 1 :]
    return float(rows[range(len(rows)), ids[n_prompt:]].sum())


def every_text(n_vocab, n_new, eos):
    """All continuations of up to ``n_new`` tokens that end at the first eos."""
    for ids in product(range(n_vocab), repeat=n_new):
        if eos not in ids[:-1]:
            yield list(ids)
    for n in range(1, n_new):
        for ids in product([i for i in range(n_vocab) if i != eos], repeat=n - 1):
            yield [*ids, eos]


def without_padding(row, n_prompt, eos):
    ids = row.tolist()
    ends = [i for i in range(n_prompt, len(ids)) if ids[i] in eos]
    return ids[: ends[0] + 1] if ends else ids


@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 1.0, 1.7])
@pytest.mark.parametrize("n_new", [1, 2, 3])
@pytest.mark.parametrize("prompt", [[1], [2, 3, 1], [3, 3]])
def test_52_a_wide_beam_finds_the_best_of_all_texts(prompt, n_new, length_penalty):
    ranked = sorted(
        every_text(4, n_new, EOS),
        key=lambda new: (
            -score(TINY, prompt + new, len(prompt)) / len(new) ** length_penalty
        ),
    )
    got = TINY.generate(
        prompt, num_beams=4**n_new, max_new_tokens=n_new, eos_token_id=EOS,
        early_stopping="never", length_penalty=length_penalty, num_return_sequences=3,
    )  # fmt: skip
    rows = [without_padding(row, len(prompt), [EOS]) for row in got]
    assert rows == [prompt + new for new in ranked[:3]]


@given(prompts, beams)
def test_53_one_beam_is_greedy(prompt, settings):
    if settings["early_stopping"] == "never":
        settings["length_penalty"] = min(settings["length_penalty"], 0.0)
    greedy = SMALL.generate(prompt, **{**settings, "num_beams": 1})
    config = GenerationConfig(**{**settings, "num_beams": 1})
    [[one]] = beam_search(SMALL, [prompt], config, seed=0)
    assert one.ids == greedy[0].tolist()


@given(prompts, beams)
def test_54_55_the_best_are_sorted_distinct_a_prefix_and_their_scores_true(
    prompt, settings
):
    n, eos = settings["num_beams"], np.ravel(settings["eos_token_id"]).tolist()
    settings |= {"return_dict_in_generate": True, "num_return_sequences": n}
    all_of_them = SMALL.generate(prompt, **settings)
    rows = [without_padding(r, len(prompt), eos) for r in all_of_them.sequences]
    scores = all_of_them.sequences_scores
    assert (np.diff(scores) <= 0).all()
    assert len({tuple(row) for row in rows}) == n
    for row, found, logprobs in zip(rows, scores, all_of_them.logprobs):
        n_new = len(row) - len(prompt)
        true = score(SMALL, row, len(prompt))
        assert found == pytest.approx(true / n_new ** settings["length_penalty"])
        assert logprobs.sum() == pytest.approx(true)
    for fewer in range(1, n):
        some = SMALL.generate(prompt, **settings | {"num_return_sequences": fewer})
        got = [without_padding(r, len(prompt), eos) for r in some.sequences]
        assert got == rows[:fewer]


@given(prompts, beams)
def test_56_without_a_length_penalty_the_rule_of_thumb_is_a_bound(prompt, settings):
    settings["length_penalty"] = 0.0
    one, two = (
        SMALL.generate(prompt, **settings | {"early_stopping": how})
        for how in (False, "never")
    )
    assert one.tolist() == two.tolist()


@given(prompts, beams, st.integers(2, 3), st.sampled_from([0.0, 0.7]))
def test_57_groups_without_a_penalty_are_plain_beams(prompt, settings, groups, cost):
    """Each of the groups is a plain search of its own, and so is one group alone."""
    width = settings["num_beams"]
    plain = SMALL.generate(prompt, **settings)
    settings |= {"num_beams": width * groups, "num_beam_groups": groups}
    assert SMALL.generate(prompt, **settings).tolist() == plain.tolist()
    alone = settings | {"num_beams": width, "num_beam_groups": 1}
    alone["diversity_penalty"] = cost
    assert SMALL.generate(prompt, **alone).tolist() == plain.tolist()


@given(prompts, beams)
def test_diverse_groups_are_charged_for_what_others_chose(prompt, settings):
    """A cost beyond measure: in the first step no two groups choose the same token."""
    settings |= {"num_beams": 4, "num_beam_groups": 4, "diversity_penalty": 1e4}
    settings |= {"num_return_sequences": 4, "eos_token_id": None, "max_new_tokens": 1}
    assert len(set(SMALL.generate(prompt, **settings)[:, -1].tolist())) == 4


@given(st.lists(prompts, min_size=1, max_size=3), beams, st.booleans(), seeds)
def test_40_58_a_batch_equals_each_alone(batch, settings, do_sample, seed):
    settings |= {"return_dict_in_generate": True, "do_sample": do_sample}
    together = SMALL.generate(batch, seed=seed, **settings)
    for i, prompt in enumerate(batch):
        alone = SMALL.generate(prompt, seed=seed, **settings)
        n = alone.sequences.shape[1]
        assert together.sequences[i, :n].tolist() == alone.sequences[0].tolist()
        assert together.sequences_scores[i] == pytest.approx(alone.sequences_scores[0])


@given(prompts, beams)
def test_60_patience_of_one_is_plain(prompt, settings):
    plain = SMALL.generate(prompt, **settings)
    assert SMALL.generate(prompt, patience=1.0, **settings).tolist() == plain.tolist()


@given(prompts, beams)
def test_patience_never_makes_the_best_worse(prompt, settings):
    """More texts finish, none is lost: the search only goes on longer."""
    settings |= {"return_dict_in_generate": True, "early_stopping": True}
    plain = SMALL.generate(prompt, **settings).sequences_scores[0]
    patient = SMALL.generate(prompt, patience=2.0, **settings).sequences_scores[0]
    assert patient >= plain


def test_enough_candidates_go_on_when_every_beam_could_end_twice():
    """Two ends are the likeliest tokens everywhere: of two beams the four best
    candidates all end, and the search must still find two that do not."""
    model = TableLM(np.log([[0.45, 0.4, 0.1, 0.05]] * 4), eos_token_id=[0, 1])
    out = model.generate(
        [2], num_beams=2, length_penalty=9.0, early_stopping="never",
        max_new_tokens=6,
    )  # fmt: skip
    assert out[0].tolist() == [2, 2, 2, 2, 2, 2, 0]


def table(n_vocab, rows):
    """A model from ``{token: {next token: p}}``; what is left is spread evenly."""
    p = np.full((n_vocab, n_vocab), 1 / n_vocab)
    for token, law in rows.items():
        p[token] = (1 - sum(law.values())) / (n_vocab - len(law))
        p[token, list(law)] = list(law.values())
    return TableLM(np.log(p), eos_token_id=EOS)


def test_never_is_a_bound_for_negative_length_penalties_too():
    """Two bad texts have finished, the good one needs two more tokens. Longer texts
    lose here, so what counts is the length now and not the longest possible."""
    model = table(5, {1: {0: 0.06, 2: 0.9}, 2: {0: 0.06, 3: 0.9}, 3: {0: 0.06, 4: 0.9},
                      4: {0: 0.97}})  # fmt: skip
    how = {"num_beams": 2, "length_penalty": -1.0, "max_new_tokens": 40}
    never = model.generate([1], early_stopping="never", **how)
    assert without_padding(never[0], 1, [EOS]) == [1, 2, 3, 4, EOS]
    at_once = model.generate([1], early_stopping=True, **how)
    assert without_padding(at_once[0], 1, [EOS]) == [1, EOS]


@pytest.mark.parametrize("prompt", [[1], [2] * 9 + [1]])
def test_never_is_a_bound_of_the_new_tokens_alone(prompt):
    """After two steps the worse of the finished has log 0.4 = -0.916. The best of the
    others has log 0.0627 = -2.77, over three tokens at most: -0.923. That is the end;
    were the prompt's tokens counted, a third step would follow."""
    model = table(5, {1: {0: 0.4, 2: 0.4}, 2: {0: 0.5, 4: 0.03}})
    steps, inner = [], model.hidden
    model.hidden = lambda ids, caches: steps.append(ids) or inner(ids, caches)
    out = model.generate(
        prompt, num_beams=2, early_stopping="never", length_penalty=1.0,
        max_new_tokens=3,
    )  # fmt: skip
    assert out[0].tolist()[len(prompt) :] == [2, EOS] and len(steps) == 2


def test_the_worst_of_the_finished_is_the_worst_of_the_best_w():
    """Three have finished: the third, which is worse than what goes on, is forgotten,
    and the rule of thumb ends the search although a longer text would win."""
    rows = {1: {0: 0.3, 2: 0.6, 3: 0.0999}, 2: {0: 0.5, 1: 1e-6, 2: 1e-6, 3: 1e-6},
            3: {0: 0.9}} | {i: {0: 0.97} for i in range(4, 13)}  # fmt: skip
    out = table(13, rows).generate(
        [1], num_beams=2, num_return_sequences=2, length_penalty=2.0, max_new_tokens=9
    )
    assert [without_padding(r, 1, [EOS]) for r in out] == [[1, 2, EOS], [1, 3, EOS]]


def test_patience_waits_for_more():
    """On a table whose texts all end at once or go on: twice the patience, twice the
    finished."""
    model = TableLM(np.log([[0.5, 0.3, 0.2]] * 3), eos_token_id=0)
    for patience, n in ((0.5, 1), (1.0, 2), (2.0, 4)):
        out = model.generate(
            [1], num_beams=2, patience=patience, early_stopping=True, max_new_tokens=20,
            return_dict_in_generate=True,
        )  # fmt: skip
        fates = [fate for step in out.notes[0] for *_, fate in step]
        assert fates.count("finished") >= n
        assert len(out.notes[0]) == {0.5: 1, 1.0: 2, 2.0: 3}[patience]


@given(prompts, beams, st.booleans())
def test_51_log_probabilities_raw_and_processed(prompt, settings, do_sample):
    """The raw ones are those of the model, the processed ones those of the scores; with
    the rules between them the two differ."""
    settings |= {"repetition_penalty": 2.0, "do_sample": do_sample, "temperature": 1.5}
    out = SMALL.generate(
        prompt, **settings, seed=1, return_dict_in_generate=True, output_scores=True,
        output_logits=True,
    )  # fmt: skip
    n = int(out.lengths[0])
    ids = out.sequences[0, :n].tolist()
    raw = score(SMALL, ids, len(prompt))
    assert out.model_logprobs.sum() == pytest.approx(raw)
    new = range(n - len(prompt)), ids[len(prompt) :]
    rows = np.stack([row[0] for row in out.scores])
    np.testing.assert_allclose(rows[new], out.logprobs[0])
    total = out.logprobs.sum() / len(new[1]) ** settings["length_penalty"]
    assert out.sequences_scores[0] == pytest.approx(total)
    logits = np.stack([row[0] for row in out.logits])
    np.testing.assert_allclose(logits, SMALL(ids[:-1])[len(prompt) - 1 :], atol=1e-9)


@given(st.integers(1, 3), st.integers(5, 30), st.sampled_from([1, 30]))
def test_more_beams_than_texts(n_new, width, n_return):
    """Fewer rows come back when there are fewer texts; none twice, none impossible."""
    n_return = min(n_return, width)
    out = TINY.generate(
        [1], num_beams=width, num_return_sequences=n_return, max_new_tokens=n_new,
        return_dict_in_generate=True,
    )  # fmt: skip
    assert len(out.sequences) == min(n_return, 4**n_new)
    assert len({tuple(row) for row in out.sequences}) == len(out.sequences)
    assert np.isfinite(out.sequences_scores).all()


@given(prompts, beams)
def test_48_a_stream_brings_the_best_beam(prompt, settings):
    whole = SMALL.generate(prompt, **settings)[0].tolist()
    assert prompt + list(SMALL.stream(prompt, **settings)) == whole


def rebuilt(tree):
    """``{(id, ...): score}`` of the finished texts, from a search's notes alone."""
    texts, kept = {}, [()]
    for step in tree:
        made = [((*kept[parent], token), *rest) for parent, token, *rest in step]
        kept = [ids for ids, _, fate in made if fate == "kept"]
        texts |= {ids: score for ids, score, fate in made if fate == "finished"}
    return texts


@given(
    prompts,
    beams,
    st.sampled_from([
        {}, {"do_sample": True}, {"stochastic_beams": True},
        {"num_beam_groups": 2, "diversity_penalty": 0.7},
        {"num_beam_groups": 2, "diversity_penalty": 0.7, "do_sample": True},
    ]),
)  # fmt: skip
def test_the_texts_can_be_rebuilt_from_the_notes(prompt, settings, how):
    """The parent is a number among the "kept" of the step before, as they stand."""
    settings = {**settings, **how, "length_penalty": 0.0}
    settings["num_beams"] = 4 if "num_beam_groups" in how else settings["num_beams"]
    settings["num_return_sequences"] = settings["num_beams"]
    out = SMALL.generate(prompt, return_dict_in_generate=True, seed=1, **settings)
    for row, n, score, tree in zip(
        out.sequences, out.lengths, out.sequences_scores, out.notes, strict=True
    ):
        assert rebuilt(tree)[tuple(row[len(prompt) : n])] == score


@given(seeds)
def test_41_beams_are_drawn_without_replacement(seed):
    out = TINY.generate(
        [2], num_beams=4, num_return_sequences=4, max_new_tokens=1, do_sample=True,
        seed=seed,
    )  # fmt: skip
    assert sorted(out[:, -1].tolist()) == [0, 1, 2, 3]


def chi_square(counts, law, n):
    """Outcomes that are expected less than ten times are counted as one."""
    rare = [k for k, p in law.items() if n * p < 10]
    bins = [(counts.get(k, 0), p) for k, p in law.items() if k not in rare]
    bins.append((sum(counts.get(k, 0) for k in rare), sum(law[k] for k in rare)))
    return sum((seen - n * p) ** 2 / (n * p) for seen, p in bins if p > 0)


def test_36_the_first_stochastic_beam_is_a_fair_draw():
    """Chi-square of 1,500 draws against the law of the 16 texts of two tokens; 15
    degrees of freedom, 61 is exceeded once in 5 million runs."""
    n, counts, firsts = 1500, {}, {}
    config = GenerationConfig(num_beams=3, max_new_tokens=2, stochastic_beams=True)
    for seed in range(n):
        rows = TINY.generate([2, 1], config, seed=seed, num_return_sequences=3)
        assert len({tuple(r) for r in rows}) == 3
        first = tuple(rows[0, 2:].tolist())
        firsts[first] = firsts.get(first, 0) + 1
        for row in rows[1:2].tolist():
            counts[tuple(row[2:])] = counts.get(tuple(row[2:]), 0) + 1
    law = {t: np.exp(score(TINY, [2, 1, *t], 2)) for t in product(range(4), repeat=2)}
    # The second, drawn from what the first left.
    second = {
        t: sum(p * law[t] / (1 - p) for other, p in law.items() if other != t)
        for t in law
    }
    assert chi_square(firsts, law, n) < 61
    assert chi_square(counts, second, n) < 61


def test_what_a_step_copies_does_not_grow_with_the_prompt(monkeypatch):
    from numpygpt.cache import KVCache

    copied, fork = [], KVCache.fork

    def counting(cache):
        copied.append(cache.n_tok - cache.n_shared if cache.n_shared else 0)
        return fork(cache)

    monkeypatch.setattr(KVCache, "fork", counting)
    amounts = []
    for n_prompt in (2, 30):
        copied.clear()
        SMALL.generate([1] * n_prompt, num_beams=5, max_new_tokens=6)
        amounts.append(max(copied))
    assert max(amounts) <= 6


modes = st.sampled_from(
    [
        {},
        {"do_sample": True},
        {"num_beam_groups": 2, "diversity_penalty": 0.5},
        {"stochastic_beams": True},
    ]
)


@given(prompts, beams, modes, st.integers(1, 22), seeds)
def test_a_beam_without_a_token_is_dropped(prompt, settings, mode, dead, seed):
    """Behind the token ``dead`` everything is banned: no text goes on there."""
    settings |= {"num_beams": 4, "num_return_sequences": 4, **mode}
    settings |= {"bad_words_ids": [[dead, i] for i in range(23)], "eos_token_id": EOS}
    if prompt[-1] == dead:
        with pytest.raises(ValueError, match="bad_words_ids"):
            SMALL.generate(prompt, seed=seed, **settings)
        return
    try:
        rows = SMALL.generate(prompt, seed=seed, **settings)
    except NothingLeft:
        assume(False)  # all four have met it at once
    for row in rows:
        new = without_padding(row, len(prompt), [EOS])[len(prompt) :]
        assert dead not in new[:-1]
        assert new[-1] in (EOS, dead) or len(new) == settings["max_new_tokens"]


@pytest.mark.parametrize(
    "mode",
    [
        {},
        {"do_sample": True},
        {"num_beam_groups": 3, "diversity_penalty": 0.5},
        {"stochastic_beams": True},
    ],
)
def test_a_lone_way_past_the_dead_ends_is_found(mode):
    """Of 23 tokens one leads on, and of its successors one ends; every other beam has
    nothing left. When there is no way at all, the rule is named."""

    def allowed(_, ids):
        return {2: range(23), 3: [EOS] if ids[-1] == way else []}[len(ids)]

    for way in (1, 7, 22):
        with np.errstate(divide="raise", invalid="raise"):  # -inf is meant here
            rows = SMALL.generate(
                [3, 4], num_beams=72, num_return_sequences=72, eos_token_id=EOS, seed=0,
                max_new_tokens=9, prefix_allowed_tokens_fn=allowed, **mode,
            )  # fmt: skip
        texts = [without_padding(row, 2, [EOS]) for row in rows]
        assert [3, 4, way, EOS] in texts
        assert {tuple(t) for t in texts} == {(3, 4, way, EOS), (3, 4, EOS)}
    way = None
    with pytest.raises(ValueError, match="prefix_allowed_tokens_fn"):
        SMALL.generate(
            [3, 4], num_beams=24, max_new_tokens=9, eos_token_id=5, **mode,
            prefix_allowed_tokens_fn=lambda _, ids: [1, 2] if len(ids) == 2 else [],
        )  # fmt: skip


def test_patience_without_end():
    how = {"num_beams": 3, "max_new_tokens": 4, "eos_token_id": 5}
    want = SMALL.generate([3, 4], patience=1e3, **how)
    assert (SMALL.generate([3, 4], patience=1e308, **how) == want).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_return_sequences": 4}, "num_return_sequences must be at most num_beams"),
        ({"num_beam_groups": 2}, "num_beam_groups must divide num_beams, 3"),
        ({"early_stopping": "always"}, "early_stopping must be True, False or"),
        ({"patience": 0}, "patience must be a positive number"),
        ({"mirostat": 2, "do_sample": True}, "mirostat must be 0 in a beam search"),
    ],
)
def test_bad_input(settings, message):
    with pytest.raises(ValueError, match=message):
        SMALL.generate([1], num_beams=3, **settings)
