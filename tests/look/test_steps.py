"""steps, beams, merges: what they tell is what happened."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer
from numpygpt.decoding import trace
from numpygpt.decoding.plumbing.checks import NothingLeft
from numpygpt.look.beams import tree, walk
from numpygpt.look.merges import pieces, readable, token_texts
from numpygpt.look.steps import _all_on, _drafts, _traced, steps

MODEL = GPT2.random(
    GPT2Config(29, n_positions=40, n_embd=12, n_layer=2, n_head=2, eos_token_id=28),
    seed=3,
)
for _name in ("wte", "wpe"):  # a fresh model hardly has an opinion
    MODEL.params[_name]["weight"] *= 30
PROMPT = [4, 11, 4, 7]
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.5, 1.5]),
        "top_k": st.integers(1, 12),
        "top_p": st.floats(0.1, 0.95),
        "typical_p": st.floats(0.1, 0.95),
        "xtc_probability": st.just(0.5),
        "repetition_penalty": st.floats(0.5, 2),
        "no_repeat_ngram_size": st.integers(2, 3),
        "min_new_tokens": st.integers(1, 5),
        "choices": st.just([[3, 5, 6, 28], [3, 9, 28]]),
        "chain": st.sampled_from(["hf", "llama.cpp"]),
        "prompt_lookup_num_tokens": st.just(3),
        "guidance_scale": st.just(1.5),
    },
)


@given(settings=SETTINGS, seed=st.integers(0, 99), do_sample=st.booleans())
def test_steps_tell_what_generate_did(settings, seed, do_sample):
    config = GenerationConfig(max_new_tokens=6, do_sample=do_sample, **settings)
    try:
        out = MODEL.generate(
            PROMPT, config, seed=seed, return_dict_in_generate=True, output_scores=True
        )
    except NothingLeft:  # the rules contradict each other
        with pytest.raises(NothingLeft):
            steps(MODEL, PROMPT, config, seed)
        return
    found = steps(MODEL, PROMPT, config, seed)
    text = out.sequences[0, : out.lengths[0]].tolist()
    assert [*PROMPT, *(step.token for step in found)] == text
    for n, (step, logprob, scores) in enumerate(
        zip(found, out.logprobs[0], out.scores), len(PROMPT)
    ):
        assert step.context == text[:n]
        left = np.flatnonzero(scores[0] > -np.inf)
        if step.links:
            assert step.links[-1].left.tolist() == left.tolist()
        for before, after in pairwise(step.links):
            both = np.union1d(after.left, after.removed)
            assert both.tolist() == before.left.tolist()
            assert before.before.sum() == pytest.approx(1)
        if do_sample:
            assert np.log(step.drawn_from[step.token]) == pytest.approx(
                logprob, abs=1e-5
            )
        else:
            assert step.drawn_from[step.token] == 1


def test_steps_are_those_of_trace():
    config = GenerationConfig(
        do_sample=True, temperature=0.7, top_p=0.8, repetition_penalty=1.3,
        max_new_tokens=4, eos_token_id=28,
    )  # fmt: skip
    [first, *_] = steps(MODEL, PROMPT, config, seed=1)
    want = trace(MODEL(PROMPT)[-1], PROMPT, config, len(PROMPT))
    names = [link.name for link in first.links]
    assert names == ["repetition_penalty 1.3", "temperature 0.7", "top_p 0.8"]
    for link, row in zip(first.links, want, strict=True):
        assert link.left.tolist() == row.left.tolist()
        assert link.mass == pytest.approx(row.mass, abs=1e-6)
        assert link.bits == pytest.approx(row.bits, abs=1e-5)


def test_mirostat_keeps_its_state_from_step_to_step():
    config = GenerationConfig(do_sample=True, mirostat=2, max_new_tokens=12)
    out = MODEL.generate(
        PROMPT, config, seed=2, return_dict_in_generate=True, output_scores=True
    )
    found = steps(MODEL, PROMPT, config, seed=2)
    for step, scores in zip(found, out.scores, strict=True):
        left = np.flatnonzero(scores[0] > -np.inf)
        assert step.links[-1].left.tolist() == left.tolist()


def test_drafts_are_told():
    config = GenerationConfig(assistant_model=MODEL, num_assistant_tokens=2,
                              assistant_confidence_threshold=0.0,
                              max_new_tokens=7)  # fmt: skip
    drafts = [step.draft for step in steps(MODEL, PROMPT, config)]
    assert drafts == ["", "accepted", "accepted", "", "accepted", "accepted", ""]
    other = GPT2.random(MODEL.config, seed=8)
    config = GenerationConfig(
        assistant_model=other, max_new_tokens=9, num_assistant_tokens=2,
        assistant_confidence_threshold=0.0,
    )  # fmt: skip
    assert "refused" in [step.draft for step in steps(MODEL, PROMPT, config)]


@pytest.mark.parametrize("settings", [{"num_beams": 2}, {"penalty_alpha": 0.5}])
def test_a_search_has_no_steps_of_one_text(settings):
    with pytest.raises(ValueError, match="steps needs num_beams 1"):
        steps(MODEL, PROMPT, GenerationConfig(top_k=4, **settings))


@pytest.mark.parametrize(
    "kind",
    [{}, {"num_beam_groups": 2, "diversity_penalty": 0.5}, {"stochastic_beams": True},
     {"do_sample": True}],
    ids=str,
)  # fmt: skip
def test_every_path_of_the_tree_is_a_text_of_its_score(kind):
    out = MODEL.generate(
        PROMPT, num_beams=4, max_new_tokens=6, num_return_sequences=2, seed=4,
        return_dict_in_generate=True, **kind,
    )  # fmt: skip
    for row, n, notes in zip(out.sequences.tolist(), out.lengths, out.notes):
        nodes = tree(notes)
        for token in row[len(PROMPT) : n]:
            alive = [x for x in nodes if x.token == token and x.fate != "dropped"]
            assert alive, "the returned text is no path of the tree"
            nodes = alive[0].children
        assert alive[0].fate == "finished"
        if "stochastic_beams" in kind or "num_beam_groups" in kind:
            continue  # their scores are no sums of log-probabilities
        for node in tree(notes):
            _check_scores(node, [*PROMPT], 0.0)


def _check_scores(node, ids, total):
    row = MODEL(ids)[-1].astype(float)
    row -= row.max()
    total += row[node.token] - np.log(np.exp(row).sum())
    assert node.score == pytest.approx(total, abs=1e-3)
    for child in node.children:
        _check_scores(child, [*ids, node.token], total)


def test_who_died_when_by_hand():
    a, b, c, d = 10, 11, 12, 13
    notes = [
        [(0, a, -1.0, "kept"), (0, b, -2.0, "kept"), (0, c, -3.0, "dropped")],
        [(0, c, -1.5, "kept"), (0, d, -1.75, "kept"), (1, c, -2.5, "dropped")],
        [(1, a, -1.8, "kept"), (1, b, -1.9, "finished"), (1, c, -4.0, "kept")],
        [(0, a, -2.0, "finished")],
    ]
    first, second, _ = tree(notes)
    assert (first.token, first.place, first.died) == (a, 1, "")
    assert second.died == (
        "step 2: its best continuation scored -2.50, the worst kept -1.75"
    )
    lost, going = first.children
    assert (lost.token, lost.place, going.place) == (c, 1, 2)
    assert lost.died == (
        "step 3: its best continuation scored less than -4.00, the worst kept -4.00"
    )
    assert [node.token for node in walk([going])] == [d, a, a, b, c]
    assert [n.is_alive() for n in (first, second, lost, going)] == [1, 0, 0, 1]
    assert going.children[2].died == (
        "step 4: the search was over; its best continuation scored less than -2.00, "
        "the worst finished -2.00"
    )


TOKENIZER = Tokenizer.gpt2(3000)


@given(st.text(max_size=30) | st.text("aenrst .", max_size=60))
def test_the_merges_lead_to_the_ids(text):
    text = text.encode(errors="replace").decode()  # no lone halves of pairs
    found = pieces(TOKENIZER, text)
    ids = [token["id"] for piece in found for token in piece["tokens"]]
    assert ids == TOKENIZER.encode(text, disallowed_special=())
    assert "".join(piece["text"] for piece in found) == text
    for piece in found:
        assert bytes(piece["bytes"]) == piece["text"].encode()
        texts = [token["text"] for token in piece["tokens"]]
        assert texts == token_texts(
            TOKENIZER, [token["id"] for token in piece["tokens"]]
        )


def test_a_merge_that_stands_twice_is_done_at_once():
    [piece] = pieces(TOKENIZER, "ininin")
    assert [(m["left"], m["right"]) for m in piece["merges"]][0] == ("i", "n")
    assert sum(m["left"] == "i" and m["right"] == "n" for m in piece["merges"]) == 1


def test_what_cannot_be_seen_is_escaped():
    text = "a\u2028\x1b[31m\x9b\u202e\n\t"
    assert readable(text.encode()) == r"a\u2028\x1b[31m\x9b\u202e\n\t"
    assert readable(b"\xe2\x82") == r"\xe2\x82"


# By hand.


@pytest.mark.parametrize(
    ("notes", "n_new", "fates"),
    [
        ([(2, 2), (3, 1)], 6, ["", "accepted", "accepted", "", "accepted", "refused"]),
        ([(2, 2), (3, 1)], 4, ["", "accepted", "accepted", ""]),
        ([(1, 0)], 4, ["", "refused", "", ""]), ([(0, 0)], 2, ["", ""]), ([], 1, [""]),
    ],
)  # fmt: skip
def test_what_became_of_the_guesses(notes, n_new, fates):
    for settings in {"assistant_model": MODEL}, {"prompt_lookup_num_tokens": 3}:
        assert _drafts(notes, n_new, GenerationConfig(**settings)) == fates
    assert _drafts(notes, n_new, GenerationConfig()) == [""] * n_new


def test_one_link_of_the_chain():
    """Of 1/2, 1/4 and twice 1/8 it removes the last two: one bit is left, and a bit."""
    before = np.log([0.5, 0.25, 0.125, 0.125])
    row = np.where([1, 1, 0, 0], before, -np.inf)
    link = _traced("a name", before, row)
    assert (link.name, link.left.tolist(), link.removed.tolist()) == (
        "a name", [0, 1], [2, 3],
    )  # fmt: skip
    np.testing.assert_allclose(link.before, np.exp(before))
    assert link.mass == pytest.approx(0.25)
    assert link.bits == pytest.approx(np.log2(3) - 2 / 3)  # of 2/3 and 1/3
    again = _traced("", row, np.where([1, 0, 0, 0], row, -np.inf))
    assert again.removed.tolist() == [1] and again.mass == pytest.approx(1 / 3)
    assert again.bits == 0 and not np.signbit(again.bits)
    none = _traced("", row, row)
    assert none.removed.size == 0 and none.mass == 0


def test_greedy_is_all_on_the_largest():
    assert _all_on(np.array([1.0, 3.0, 3.0])).tolist() == [0, 1, 0]


def own_link(logits, context):
    return logits


class Counter:
    def __call__(self, logits, context):
        return logits


def test_links_are_named_with_their_settings():
    config = GenerationConfig(
        do_sample=True, temperature=0.5, dry_multiplier=0.8, dry_base=2.0, top_k=4,
        xtc_probability=0.5, max_new_tokens=2,
        chain=["dry", "temperature", own_link, Counter(), "top_k", "xtc"],
    )  # fmt: skip
    first, second = steps(MODEL, PROMPT, config, seed=0)
    names = ["dry_multiplier 0.8, dry_base 2.0", "temperature 0.5", "own_link",
             "Counter", "top_k 4", "xtc_probability 0.5"]  # fmt: skip
    assert [link.name for link in first.links] == names
    assert [link.name for link in second.links] == names


def test_a_constraint_is_a_link_too():
    config = GenerationConfig(choices=[[3, 5, 28]], max_new_tokens=3, eos_token_id=28)
    [first, *_] = steps(MODEL, PROMPT, config)
    assert [link.name for link in first.links] == ["constraint"]
    assert first.links[0].left.tolist() == [3] and first.token == 3
    assert first.drawn_from.tolist() == [float(i == 3) for i in range(29)]
    assert first.offered.sum() == pytest.approx(1) and first.draft == ""


@pytest.mark.parametrize("seed", range(6))
def test_whether_xtc_acted_shows_in_its_link(seed):
    config = GenerationConfig(
        do_sample=True, xtc_probability=0.5, xtc_threshold=0.05, max_new_tokens=8,
    )  # fmt: skip
    out = MODEL.generate(
        PROMPT, config, seed=seed, return_dict_in_generate=True, output_scores=True
    )
    found = steps(MODEL, PROMPT, config, seed=seed)
    for step, scores in zip(found, out.scores, strict=True):
        left = np.flatnonzero(scores[0] > -np.inf)
        assert step.links[-1].left.tolist() == left.tolist()


def test_of_several_continuations_it_tells_the_first():
    config = GenerationConfig(do_sample=True, max_new_tokens=5)
    out = MODEL.generate(PROMPT, config, seed=4, num_return_sequences=3)
    many = GenerationConfig(do_sample=True, max_new_tokens=5, num_return_sequences=3)
    found = steps(MODEL, PROMPT, many, seed=4)
    text = [step.token for step in found]
    assert out[0, len(PROMPT) :].tolist()[: len(text)] == text
    assert len(text) == 5 or text[-1] == 28


# Merges.


def test_merges_by_hand():
    """Of "hehe": h and e twice, then he and he."""
    own = Tokenizer([("h", "e"), ("he", "he"), ("e", "h")])
    [piece] = pieces(own, "hehe")
    assert piece["merges"] == [
        {"left": "h", "right": "e", "rank": 0},
        {"left": "he", "right": "he", "rank": 1},
    ]
    assert [t["text"] for t in piece["tokens"]] == ["hehe"]
    assert piece["bytes"] == [*b"hehe"] and piece["text"] == "hehe"
    [piece] = pieces(own, "ehe")
    assert [(m["left"], m["right"]) for m in piece["merges"]] == [("h", "e")]
    assert [(t["text"], t["id"]) for t in piece["tokens"]] == [
        ("e", own.encode("e")[0]), ("he", own.encode("he")[0]),
    ]  # fmt: skip
    assert pieces(own, "") == []


def test_a_pair_of_equals_is_merged_from_the_left():
    own = Tokenizer([("a", "a")])
    [piece] = pieces(own, "aaa")
    assert [t["text"] for t in piece["tokens"]] == ["aa", "a"]


def test_half_a_character_is_shown_as_its_byte():
    own = Tokenizer([("\u00c3", "\u00a9")])  # the two bytes of an accented e
    [piece] = pieces(own, "\u00e9")
    assert piece["merges"] == [{"left": r"\xc3", "right": r"\xa9", "rank": 0}]
    assert [t["text"] for t in piece["tokens"]] == ["\u00e9"]
    assert token_texts(own, own.encode("\u00e9 x")) == ["\u00e9", " ", "x"]
