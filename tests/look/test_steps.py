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
from numpygpt.look.steps import steps

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
