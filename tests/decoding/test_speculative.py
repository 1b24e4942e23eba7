"""Drafts: nothing is lost, whoever guesses."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_beam import SMALL, TINY, chi_square, make_model, prompts, score

from numpygpt import GPT2, GenerationConfig, GPT2Config
from numpygpt.decoding.generate import prefill
from numpygpt.decoding.search.speculative import Drafter, accept_or_redraw, lookup
from numpygpt.testing import TableLM

OTHER = make_model(23, seed=5)
WILD = {"do_sample": True, "temperature": 1.5, "top_k": 9, "top_p": 0.95}
methods = st.sampled_from(
    [
        {"assistant_model": OTHER, "num_assistant_tokens": 3},
        {"assistant_model": OTHER, "num_assistant_tokens_schedule": "heuristic"},
        {"assistant_model": SMALL, "assistant_confidence_threshold": 0.0},
        {"prompt_lookup_num_tokens": 4},
        {"prompt_lookup_num_tokens": 1, "max_matching_ngram_size": 4},
    ]
)
lengths = st.integers(1, 30)
rules = st.sampled_from(
    [
        {},
        {"eos_token_id": [0, 3, 5]},
        {"repetition_penalty": 1.3, "min_new_tokens": 1, "eos_token_id": 2},
        {"no_repeat_ngram_size": 2},
    ]
)


class Numbers:
    """A random generator that gives the numbers it was told to."""

    def __init__(self, numbers):
        self.numbers = list(numbers)

    def random(self):
        return self.numbers.pop(0)


@given(prompts, methods, lengths, rules)
def test_61_65_greedy_with_drafts_equals_greedy(prompt, method, n_new, rule):
    plain = SMALL.generate(prompt, max_new_tokens=n_new, **rule)
    drafted = SMALL.generate(prompt, max_new_tokens=n_new, **rule, **method)
    assert drafted.tolist() == plain.tolist()


@given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.data())
def test_62_the_law_is_p_by_enumeration(p, data):
    """Every guess, every interval of the uniform number, exactly, in fractions."""
    total = sum(p)
    if total == 0:
        return
    cuts = sorted(data.draw(st.lists(st.integers(0, total), min_size=3, max_size=3)))
    q = np.diff([0, *cuts, total]).tolist()
    rest = [max(a - b, 0) for a, b in zip(p, q)]
    law = [Fraction(0)] * 4

    def answer(token, *numbers):
        as_floats = np.array(p, float), np.array(q, float)
        return accept_or_redraw(token, *as_floats, Numbers(numbers))

    for token in range(4):
        for k in range(q[token]):
            u = (k + 0.5) / q[token]  # the answer is the same from k / q to (k + 1) / q
            for r in range(max(sum(rest), 1)):
                second = (r + 0.5) / max(sum(rest), 1)
                share = Fraction(1, total * max(sum(rest), 1))
                law[answer(token, u, second)] += share
    assert law == [Fraction(a, total) for a in p]


def test_a_token_without_probability_is_never_accepted():
    p, q = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    assert accept_or_redraw(0, p, q, Numbers([0.0, 0.0])) == 1


@pytest.mark.parametrize("filters", [{}, {"temperature": 0.6, "top_k": 2}])
@pytest.mark.parametrize("drafts", ["model", "lookup"])
def test_62_65_the_law_of_whole_texts(drafts, filters):
    """Chi-square of 500 texts of three tokens against their exact law. With 63
    degrees of freedom 150 is exceeded once in ten million runs."""
    method = {"prompt_lookup_num_tokens": 2}
    if drafts == "model":
        method = {"assistant_model": make_model(4, seed=8), "num_assistant_tokens": 2}
    prompt, n, counts = [1, 2, 1, 2, 1], 500, {}
    for seed in range(n):
        [row] = TINY.generate(
            prompt, do_sample=True, max_new_tokens=3, seed=seed, **filters, **method
        )
        text = tuple(row[len(prompt) :].tolist())
        counts[text] = counts.get(text, 0) + 1
    law = exact_law(prompt, filters)
    assert counts.keys() <= law.keys()
    assert chi_square(counts, law, n) < 150


def exact_law(prompt, filters):
    from numpygpt import GenerationConfig
    from numpygpt.decoding import distribution

    config = GenerationConfig(do_sample=True, **filters)
    law = {}
    for text in product(range(4), repeat=3):
        rows = TINY([*prompt, *text])[len(prompt) - 1 : -1]
        p = [distribution(r, (), config)[t] for r, t in zip(rows, text)]
        law[text] = float(np.prod(p))
    return {text: p for text, p in law.items() if p > 0}


@given(
    prompts, lengths, st.sampled_from([{}, WILD, {**WILD, "frequency_penalty": 2.0}]),
    st.integers(0, 99),
)  # fmt: skip
def test_63_a_draft_of_the_same_model_is_always_accepted(prompt, n_new, how, seed):
    out = SMALL.generate(
        prompt, max_new_tokens=n_new, seed=seed, **how, assistant_model=SMALL,
        return_dict_in_generate=True,
    )  # fmt: skip
    n = 1  # the first token is not guessed, nor is the last of a pass
    for guessed, accepted in out.notes[0]:
        assert accepted == min(guessed, n_new - n)  # what is too much is not needed
        n += accepted + 1
    assert out.sequences.shape[1] == len(prompt) + n_new


@given(st.lists(prompts, min_size=1, max_size=3), methods, st.integers(0, 99))
def test_39_40_45_a_batch_equals_each_alone(batch, method, seed):
    how = {**WILD, **method, "max_new_tokens": 7, "seed": seed}
    together = SMALL.generate(batch, **how, num_return_sequences=2)
    for i, prompt in enumerate(batch):
        alone = SMALL.generate(prompt, **how, num_return_sequences=2)
        rows = together[2 * i : 2 * i + 2, : alone.shape[1]]
        assert rows.tolist() == alone.tolist()


@given(prompts, methods, st.integers(0, 99))
def test_48_51_the_stream_and_the_log_probabilities(prompt, method, seed):
    how = {**WILD, **method, "max_new_tokens": 9, "seed": seed}
    out = SMALL.generate(prompt, **how, return_dict_in_generate=True)
    ids = out.sequences[0].tolist()
    assert prompt + list(SMALL.stream(prompt, **how)) == ids
    assert out.model_logprobs.sum() == pytest.approx(score(SMALL, ids, len(prompt)))


@given(prompts, methods, st.integers(1, 12))
def test_47_fewer_tokens_are_a_prefix(prompt, method, n_new):
    longer = SMALL.generate(prompt, max_new_tokens=n_new + 1, **method)[0]
    assert SMALL.generate(prompt, max_new_tokens=n_new, **method)[0].tolist() == (
        longer[: len(prompt) + n_new].tolist()
    )


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(1, 5))
def test_lookup_copies_what_followed_the_longest_match(ids, longest):
    draft = lookup(ids, 3, longest)
    # The obvious way: all places, the longest match first, then the latest.
    best = (0, -1)
    for at in range(1, len(ids)):
        n = 0
        while n < min(longest, at) and ids[at - 1 - n] == ids[-1 - n]:
            n += 1
        best = max(best, (n, at))
    if best[0] == 0:
        assert draft == []
    else:
        text = [*ids]
        for i in range(3):
            text.append(text[best[1] + i])
        assert draft == text[len(ids) :]


def test_lookup_stops_before_the_end():
    assert lookup([7, 1, 2, 9, 3, 7, 1], 4, 2, stop_ids=(9,)) == [2]


def n_guessed(**settings):
    """How many tokens each pass guessed, and how many it accepted. The model goes
    from 0 to 1 to 2 to 0; of the last step it is not sure."""
    model = TableLM(np.log([[0.02, 0.96, 0.02], [0.02, 0.02, 0.96], [0.4, 0.3, 0.3]]))
    [notes] = model.generate(
        [0], assistant_model=model, return_dict_in_generate=True, **settings
    ).notes
    return notes


def test_a_draft_ends_behind_a_token_that_is_unsure():
    notes = n_guessed(max_new_tokens=12, assistant_confidence_threshold=0.5)
    assert max(guessed for guessed, _ in notes) == 2  # behind 1: 2, and 0 with 0.4
    assert all(guessed == accepted for guessed, accepted in notes[:-1])
    notes = n_guessed(max_new_tokens=12, assistant_confidence_threshold=0.0)
    assert notes[0][0] == 20


def test_the_heuristic_guesses_more_when_all_is_accepted():
    how = {"num_assistant_tokens": 2, "assistant_confidence_threshold": 0.0}
    notes = n_guessed(
        max_new_tokens=40, num_assistant_tokens_schedule="heuristic", **how
    )
    assert [guessed for guessed, _ in notes[:4]] == [2, 4, 6, 8]
    assert {guessed for guessed, _ in n_guessed(max_new_tokens=40, **how)} == {2}
    never = TableLM(np.log([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
    always = TableLM(np.log([[0.6, 0.1, 0.3], [0.6, 0.1, 0.3], [0.6, 0.1, 0.3]]))
    out = never.generate(
        [0], assistant_model=always, num_assistant_tokens=4, max_new_tokens=9,
        num_assistant_tokens_schedule="heuristic", return_dict_in_generate=True,
        assistant_confidence_threshold=0.0,
    )  # fmt: skip
    assert [guessed for guessed, _ in out.notes[0]] == [4, 3, 2, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "method",
    [{"prompt_lookup_num_tokens": 9}, {"assistant_model": SMALL}, {"num_beams": 2}],
)
def test_the_context_can_be_filled_to_the_last_place(method):
    for prompt in ([1, 1, 1], [2] * 39):
        out = SMALL.generate(prompt, max_new_tokens=99, **method)
        assert out.shape == (1, 40)


def test_a_draft_model_with_less_room():
    """Behind its context it guesses nothing, and the text goes on without it."""
    short = GPT2.random(GPT2Config(23, n_positions=9, n_embd=8, n_layer=1, n_head=2))
    plain = SMALL.generate([1, 2], max_new_tokens=30)
    drafted = SMALL.generate([1, 2], max_new_tokens=30, assistant_model=short)
    assert drafted.tolist() == plain.tolist()


def test_how_many_guesses_there_is_room_for():
    """The last guess is not read, so it may stand behind the draft model's context; the
    model itself reads all, and its text ends where its context does."""
    rows = np.log([[0.1, 0.9], [0.9, 0.1]])
    how = {"num_assistant_tokens": 20, "assistant_confidence_threshold": 0.0}
    for n_draft, n_ctx, n_guessed in (
        (9, 40, [8, 0, 0]), (40, 9, [7]), (40, 40, [20, 17])
    ):  # fmt: skip
        out = TableLM(rows, n_ctx=n_ctx).generate(
            [0], assistant_model=TableLM(rows, n_ctx=n_draft), **how,
            max_new_tokens=12 if n_draft < 40 else 99, return_dict_in_generate=True,
        )  # fmt: skip
        assert [guessed for guessed, _ in out.notes[0]] == n_guessed
        assert out.lengths[0] == (13 if n_draft < 40 else n_ctx)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_lookup_copies_as_many_as_asked_and_as_there_is_room_for(n):
    """A text that turns in circles: all is copied, and all is right."""
    model = TableLM(np.log([[0.1, 0.9], [0.9, 0.1]]), n_ctx=16)
    out = model.generate(
        [0, 1, 0, 1], prompt_lookup_num_tokens=n, max_new_tokens=99,
        return_dict_in_generate=True,
    )  # fmt: skip
    assert out.sequences.tolist() == [[0, 1] * 8]
    notes, n_tok = [], 5  # the first token is chosen without a draft
    while n_tok < 16:
        room = min(n, 16 - n_tok)
        notes.append((room, room))
        n_tok += room + 1
    assert out.notes == [notes]


@pytest.mark.parametrize("steering", [{"mirostat": 2}, {"adaptive_target": 0.3}])
def test_a_draft_is_not_steered(steering):
    """It would steer by tokens that are refused."""
    model = TableLM(np.zeros((3, 3)))
    config = GenerationConfig(do_sample=True, top_k=2, **steering)
    [sequence] = prefill(model, [[0]], config, seed=0)
    assert len(sequence.chain) == 2
    [step] = Drafter(model, sequence, config, 0).chain
    assert step.name == "top_k"


def test_40_rules_of_one_prompt_reach_its_drafts():
    """Each prompt has its own allowed tokens, the returned sequences of a prompt the
    same. A draft by the rules of another prompt would never be accepted."""
    asked = []

    def allowed(batch_id, ids):
        asked.append(batch_id)
        return [[4, 5, 6], [7, 8, 9], [10, 11]][batch_id]

    out = SMALL.generate(
        [[1], [2, 3], [12]], assistant_model=SMALL, assistant_confidence_threshold=0.0,
        prefix_allowed_tokens_fn=allowed, max_new_tokens=12, num_return_sequences=2,
        do_sample=True, seed=0, return_dict_in_generate=True,
    )  # fmt: skip
    assert set(asked) == {0, 1, 2}
    assert all(accepted for notes in out.notes for _, accepted in notes)


def test_a_draft_that_leads_nowhere_is_given_up():
    """The draft model likes 5, behind which everything is banned; the model does not,
    so nothing happens."""
    likes_5, likes_4 = (TableLM(9 * np.eye(9)[i]) for i in (5, 4))
    banned = [[5, i] for i in range(9)]
    out = likes_4.generate(
        [1], assistant_model=likes_5, max_new_tokens=6, bad_words_ids=banned
    )
    assert out[0].tolist() == [1, 4, 4, 4, 4, 4, 4]


def test_a_draft_model_with_another_vocabulary():
    with pytest.raises(ValueError, match="assistant_model must have the model's voc"):
        SMALL.generate([1], assistant_model=TINY)
