"""transformers' searches, token for token: stored answers, and live ones."""

import json
from pathlib import Path

import make_search_reference as reference
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("tests/reference/search_*.json"))
CASES = [json.loads(line) for f in FILES for line in f.read_text().splitlines()]
# How many live cases of a kind; a seed that the stored ones do not use comes first.
LIVE = {"greedy": 60, "beam": 150, "beam_sample": 60, "guidance": 30, "dead_ends": 30}


def compare(case, expected):
    out = reference.model_of(case).generate(
        case["prompt"], seed=0, return_dict_in_generate=True, **case["settings"]
    )
    assert out.sequences.tolist() == expected["sequences"]
    if expected["scores"] is not None:
        np.testing.assert_allclose(
            out.sequences_scores, expected["scores"], rtol=1e-5, atol=1e-5
        )


def test_there_are_stored_cases_of_every_kind():
    kinds = {case["kind"] for case in CASES}
    assert kinds == {*LIVE, "diverse", "contrastive", "dola", "padded"}


@pytest.mark.parametrize("i", range(len(CASES)))
def test_stored_answers(i):
    compare(CASES[i], CASES[i])


@pytest.mark.reference
@pytest.mark.parametrize("kind", LIVE)
def test_live_answers(kind):
    for number in range(1000, 1000 + LIVE[kind]):
        case = reference.case(kind, number)
        expected = reference.answer(case)
        if expected["scores"] is not None and min(expected["scores"]) < -1e8:
            with pytest.raises(ValueError, match="bad_words_ids"):  # no beam is left
                compare(case, expected)
        else:
            compare(case, expected)
