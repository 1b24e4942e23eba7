"""Property 68 and the watermark's detector."""

from itertools import pairwise

import numpy as np
import pytest

from numpygpt import decoding as d
from numpygpt.decoding.rules.watermark import green_list
from numpygpt.testing import TableLM


def test_green_lists_are_those_of_transformers():
    """What torch.randperm gives for the seed of token 3 and of token 50256."""
    assert green_list(3, 10, 0.5).tolist() == GREEN_3_OF_10
    assert green_list(50256, 50257, 0.25)[:6].tolist() == GREEN_50256_OF_50257
    assert len(green_list(50256, 50257, 0.25)) == 12564


def test_large_keys_and_negative_ones():
    """7 * 2 ** 62 is 2 ** 64 + 3 * 2 ** 62: that leaves 3 * 2 ** 62 + 1, which ends in
    31 zeros and a 1. -1 leaves 2 ** 64 - 2, which ends in 2 ** 32 - 2."""
    one = green_list(1, 50, 0.3, 1).tolist()
    assert len(one) == 15
    assert green_list(7, 50, 0.3, 2**62).tolist() == one
    last = green_list(1, 50, 0.3, 2**32 - 2).tolist()
    assert green_list(1, 50, 0.3, -1).tolist() == last != one
    for key in -(2**63) + 1, 2**63 - 1:
        d.watermark(np.zeros(4), {"hashing_key": key}, [1])


def test_a_green_list_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        green_list(3, 10, 0.5)[0] = 1


def test_the_score_of_an_uneven_share():
    """Two of two are green, where a quarter is expected: 1.5 above half a token, and
    the deviation is sqrt(2 * 1 / 4 * 3 / 4)."""
    first = int(green_list(3, 40)[0])
    ids = [3, first, int(green_list(first, 40)[0])]
    found = d.detect_watermark(ids, 40)
    assert (found.n_scored, found.n_green) == (2, 2)
    assert found.z_score == pytest.approx(1.5 / (6 / 16) ** 0.5)


GREEN_3_OF_10 = [4, 3, 7, 5, 8]
GREEN_50256_OF_50257 = [25890, 9324, 11365, 46608, 3554, 24870]


def test_68_green_tokens_get_the_bias_and_no_others():
    z = np.arange(10.0)
    out = d.watermark(z, {"greenlist_ratio": 0.5, "bias": 1.5}, [7, 3])
    expected = z.copy()
    expected[GREEN_3_OF_10] += 1.5
    assert out.tolist() == expected.tolist()
    assert d.watermark(z, {}, []).tolist() == z.tolist()


def test_a_marked_text_is_found_and_an_unmarked_is_not():
    model = TableLM(np.random.default_rng(0).standard_normal((500, 500)), n_ctx=301)
    settings = {"do_sample": True, "max_new_tokens": 300, "seed": 0}
    [plain] = model.generate([0], **settings)
    [marked] = model.generate([0], watermarking_config={"bias": 3.0}, **settings)
    assert d.detect_watermark(marked, 500).z_score > 10
    assert d.detect_watermark(marked, 500).p_value < 1e-20
    assert abs(d.detect_watermark(plain, 500).z_score) < 4
    other_key = d.detect_watermark(marked, 500, {"hashing_key": 7})
    assert abs(other_key.z_score) < 4


def test_the_score_by_hand():
    green = set(green_list(3, 10, 0.5).tolist())
    inside, outside = min(green - {3}), min(set(range(10)) - green - {3})
    ids = [3, inside]
    while len(ids) < 9:
        ids += [3, inside if len(ids) < 7 else outside]
    found = d.detect_watermark(ids, 10, {"greenlist_ratio": 0.5})
    pairs = list(pairwise(ids))
    n_green = sum(b in green_list(a, 10, 0.5) for a, b in pairs)
    assert (found.n_scored, found.n_green) == (len(pairs), n_green)
    expected = (n_green - 0.5 * len(pairs)) / np.sqrt(len(pairs) * 0.25)
    assert found.z_score == pytest.approx(expected)
    once = d.detect_watermark(ids, 10, {"greenlist_ratio": 0.5}, ignore_repeats=True)
    assert once.n_scored == len(set(pairs)) < len(pairs)
    assert once.n_green == sum(b in green_list(a, 10, 0.5) for a, b in set(pairs))


def test_p_values_are_those_of_the_normal_distribution():
    found = d.detect_watermark([3, GREEN_3_OF_10[0]], 10, {"greenlist_ratio": 0.5})
    assert found.z_score == 1.0
    assert found.p_value == pytest.approx(0.15865525393145707)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"gamma": 0.5}, "unknown .'gamma'.; known: greenlist_ratio"),
        ({"greenlist_ratio": 1.0}, "greenlist_ratio must be between 0 and 1, not 1.0"),
        ({"greenlist_ratio": 1.5}, "greenlist_ratio must be between 0 and 1, not 1.5"),
        ({"greenlist_ratio": -0.5}, "greenlist_ratio must be between 0 and 1"),
        ({"hashing_key": -(2**63)}, "hashing_key must be an integer"),
        ({"hashing_key": 2**63}, "hashing_key must be an integer"),
        ({"greenlist_ratio": 0}, "greenlist_ratio must be between 0 and 1"),
        ({"greenlist_ratio": "x"}, "greenlist_ratio must be between 0 and 1, not 'x'"),
        ({"bias": "x"}, "bias must be a finite number, not 'x'"),
        ({"bias": None}, "bias must be a finite number, not None"),
        ({"bias": np.nan}, "bias must be a finite number, not nan"),
        ({"hashing_key": 1.5}, "hashing_key must be an integer, not 1.5"),
        ({"hashing_key": "x"}, "hashing_key must be an integer, not 'x'"),
        ({"seeding_scheme": "selfhash"}, "seeding_scheme must be 'lefthash'"),
        ({"context_width": 2}, "context_width must be 1, not 2"),
    ],
)
def test_wrong_settings_are_named(value, words):
    with pytest.raises(ValueError, match=words):
        d.watermark(np.zeros(4), value, [0])


def test_a_text_too_short_or_outside_the_vocabulary():
    with pytest.raises(ValueError, match="at least two tokens"):
        d.detect_watermark([1], 10)
    with pytest.raises(ValueError, match="^ids.*token id 10 is outside"):
        d.detect_watermark([1, 10], 10)
    fixed = {"seeding_scheme": "lefthash", "context_width": 1}
    assert d.detect_watermark([1, 2], 10, fixed).n_scored == 1
