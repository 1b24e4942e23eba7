"""The searches on models that are tables: with tokens that can never come, dead ends
but for one token, and laws that can be written down."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt.decoding.config import GenerationConfig
from numpygpt.decoding.generate import generate
from numpygpt.decoding.search.methods import method
from numpygpt.testing import (
    TableLM,
    check_decoder,
    check_law,
    enumerate_sequences,
    tiny_models,
)


def run(model, prompt, seed=0, **settings):
    config = GenerationConfig(**{"eos_token_id": model.config.eos_token_id, **settings})
    return generate(model, prompt, config, method(config), seed=seed)


def without_padding(row, n_prompt, eos):
    ids = row.tolist()[n_prompt:]
    return tuple(ids[: ids.index(eos) + 1] if eos in ids else ids)


@given(tiny_models(n_vocab=3, n_back=2, eos_token_id=2), st.integers(1, 4))
def test_52_a_wide_beam_finds_the_best_of_all_texts(model, n_new):
    law = enumerate_sequences(model, n_new, [0, 1])
    out = run(
        model, [0, 1], max_new_tokens=n_new, num_beams=3**n_new, length_penalty=0.0,
        num_return_sequences=3**n_new, return_dict_in_generate=True,
    )  # fmt: skip
    found = [without_padding(row, 2, 2) for row in out.sequences]
    possible = {text: p for text, p in law.items() if p > 0}
    assert set(found) == set(possible)
    np.testing.assert_allclose(
        np.exp(out.sequences_scores), sorted(possible.values())[::-1], atol=1e-9
    )


TABLE = [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]
OTHER = [[0.2, 0.2, 0.6], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0]]


@pytest.mark.parametrize(
    "drafts",
    [
        {"prompt_lookup_num_tokens": 2},
        {"assistant_model": TableLM(OTHER), "num_assistant_tokens": 3},
    ],
    ids=["lookup", "model"],
)
@pytest.mark.hypothesis  # the kit draws examples too
def test_39_47_62_65_drafts_pass_the_kit(drafts):
    check_decoder(
        lambda model, prompt, n_new, seed: run(
            model, prompt, seed, max_new_tokens=n_new, do_sample=True, **drafts
        )[0],
        also=["longer run"],
        n_draws=50,
    )


def test_a_stochastic_beam_has_the_exact_law():
    """The first of the beams is a draw from the law of whole texts."""
    model = TableLM(TABLE)
    how = {"num_beams": 3, "stochastic_beams": True, "max_new_tokens": 3}
    texts = [tuple(run(model, [0], seed, **how)[0, 1:]) for seed in range(800)]
    check_law(texts, enumerate_sequences(model, 3, [0]))


def test_a_group_goes_on_when_another_is_done():
    """The first takes 1 and ends; the second has to take 2, which leads to itself."""
    rows = [[0.01, 0.6, 0.3, 0.09], [0.02, 0.01, 0.0, 0.97], [0.01, 0.01, 0.97, 0.01]]
    model = TableLM(np.log(np.maximum([*rows, [0.25] * 4], 1e-9)), eos_token_id=3)
    how = {"num_beams": 2, "num_beam_groups": 2, "diversity_penalty": 9.0}
    out = model.generate(
        [0], max_new_tokens=4, early_stopping=True, num_return_sequences=2,
        return_dict_in_generate=True, **how,
    )  # fmt: skip
    assert out.sequences.tolist() == [[0, 1, 3, 3, 3], [0, 2, 2, 2, 2]]
    want = [np.log([0.6, 0.97]).mean(), np.log([0.3, 0.97, 0.97, 0.97]).mean()]
    np.testing.assert_allclose(out.sequences_scores, want)
    assert out.lengths.tolist() == [3, 5]


def slow_beams(logp, n_new, ends, width, groups, cost, early, power, patience):
    """The rules at the top of beam.py, in lists: the finished texts, best first. All
    texts begin behind 0, 0."""
    width //= groups
    wanted = max(int(width * patience), 1)
    states = [([((), 0.0)], [], False)] * groups
    while not all(done for *_, done in states):
        chosen, after = [], []
        for live, finished, done in states:
            if not done:
                found = []
                for text, so_far in live:
                    row = logp[(0, 0, *text)[-2:]]  # what comes behind two tokens
                    found += [
                        ((*text, t), so_far + row[t] - cost * chosen.count(t))
                        for t in range(len(row))
                    ]
                found.sort(key=lambda each: -each[1])
                found = found[: max(2, 1 + len(ends)) * width]
                going = [c for c in found if c[0][-1] not in ends and len(c[0]) < n_new]
                finished = finished + [
                    (text, total / len(text) ** power)
                    for text, total in found[:width]
                    if text[-1] in ends or len(text) == n_new
                ]
                finished = sorted(finished, key=lambda each: -each[1])[:wanted]
                going_on = [text[-1] for text, _ in found if text[-1] not in ends]
                chosen, live = chosen + going_on[:width], going[:width]
                done = not live
                if live and len(finished) == wanted:
                    text, total = live[0]
                    n = n_new if early == "never" and power > 0 else len(text)
                    done = early is True or total / n**power <= finished[-1][1]
            after.append((live, finished, done))
        states = after
    every = [each for _, finished, _ in states for each in finished]
    return sorted(every, key=lambda each: -each[1])


@pytest.mark.parametrize("early", [True, False, "never"])
@pytest.mark.parametrize(("width", "groups"), [(2, 1), (3, 1), (4, 2), (6, 3)])
@pytest.mark.parametrize("power", [-1.0, 0.5, 2.0])
def test_beams_do_what_their_rules_say(early, width, groups, power):
    rng = np.random.default_rng([width, int(2 * power) + 2])
    for patience, cost, ends in (1.0, 0.3, [5]), (2.0, 0.0, [1, 5]), (0.4, 2.0, []):
        table = np.log(rng.dirichlet(np.ones(7), (7, 7)))
        out = run(
            TableLM(table), [0, 0], max_new_tokens=5, num_beams=width,
            patience=patience, num_beam_groups=groups, early_stopping=early,
            length_penalty=power, diversity_penalty=cost if groups > 1 else 0.0,
            eos_token_id=ends or None, num_return_sequences=width,
            return_dict_in_generate=True,
        )  # fmt: skip
        cost = cost if groups > 1 else 0.0
        want = slow_beams(table, 5, ends, width, groups, cost, early, power, patience)
        rows = [tuple(r[2:n].tolist()) for r, n in zip(out.sequences, out.lengths)]
        assert rows == [text for text, _ in want[:width]]
        np.testing.assert_allclose(out.sequences_scores, [x for _, x in want[:width]])
