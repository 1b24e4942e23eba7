"""A watermark that a statistic finds and a reader does not see.

The last token decides, through a hash, which part of the vocabulary is green this time;
green tokens get a little more logit. Any one token proves nothing. But a text of n
tokens that nobody marked has about ``gamma * n`` green ones, and a marked text far
more: the number of standard deviations between the two is the z-score, and at 4 one
unmarked text in 30,000 is accused.

Kirchenbauer et al., arXiv:2301.10226, algorithm 2. The green lists are those of
transformers ("lefthash", its default), number by number, so that either library detects
what the other marked. They come from PyTorch's random numbers, which are NumPy's
(Mersenne Twister), and its shuffle, which is ten lines.

Try: how long must a text be for z > 4, at ``bias`` 1, 2 and 4?

Next: table.py.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from ..plumbing.ranges import LARGEST, is_int, is_number
from .penalties import check_ids, of_rows

SETTINGS = {"greenlist_ratio": 0.25, "bias": 2.0, "hashing_key": 15485863}
# Names of transformers' WatermarkingConfig with the one value that is known here.
FIXED = {"seeding_scheme": "lefthash", "context_width": 1}


@dataclass(frozen=True)
class Detection:
    """What `detect_watermark` found: counts, the z-score, and the probability that an
    unmarked text has one as high."""

    n_scored: int
    n_green: int
    z_score: float
    p_value: float


@lru_cache(maxsize=1024)
def green_list(token, n_vocab, greenlist_ratio=0.25, hashing_key=15485863):
    """The green ids behind ``token``, an int64 array of ``int(n_vocab * ratio)`` ids:
    the beginning of a shuffled vocabulary."""
    generator = np.random.RandomState(hashing_key * token % (2**64 - 1) % 2**32)
    size = int(n_vocab * greenlist_ratio)
    draws = generator.randint(0, 2**32, size, np.uint32).tolist()
    order = list(range(n_vocab))
    for i, draw in enumerate(draws):  # Fisher and Yates' shuffle, as far as needed
        other = i + draw % (n_vocab - i)
        order[i], order[other] = order[other], order[i]
    ids = np.array(order[:size], np.int64)
    ids.flags.writeable = False  # it is handed out again
    return ids


@of_rows
def watermark(logits, value, context):
    """Add ``bias`` to the green tokens. ``value``: the settings that differ from
    ``{"greenlist_ratio": 0.25, "bias": 2.0, "hashing_key": 15485863}``. Bias 0 is off.

    >>> watermark(np.zeros(8), {"bias": 1.5}, [3]).tolist()
    [0.0, 0.0, 1.5, 1.5, 0.0, 0.0, 0.0, 0.0]
    """
    ratio, bias, key = _settings(value)
    if len(context):
        green = green_list(int(context[-1]), len(logits), ratio, key)
        logits[green] += bias


def detect_watermark(ids, n_vocab, value=None, ignore_repeats=False):
    """Score a text. ``value``: as for `watermark`. ``ignore_repeats`` counts a pair of
    tokens once: a text that repeats itself would count the same chance hits again.

    >>> detect_watermark([1, 2, 3], 50257).n_scored
    2
    """
    ratio, _, key = _settings(value or {})
    ids = check_ids(ids, np.empty(n_vocab), "ids").tolist()
    pairs = list(pairwise(ids))
    if ignore_repeats:
        pairs = sorted(set(pairs))
    if not pairs:
        raise ValueError(f"ids must be at least two tokens to score one, not {ids!r}")
    green = sum(b in green_list(a, n_vocab, ratio, key) for a, b in pairs)
    n = len(pairs)
    z = (green - ratio * n) / math.sqrt(n * ratio * (1 - ratio))
    return Detection(n, green, z, 0.5 * math.erfc(z / math.sqrt(2)))


def _settings(value):
    for name, only in FIXED.items():
        if value.get(name, only) != only:
            raise ValueError(f"watermarking_config: {name} must be {only!r}, not "
                             f"{value[name]!r}")  # fmt: skip
    unknown = value.keys() - SETTINGS.keys() - FIXED.keys()
    if unknown:
        raise ValueError(f"watermarking_config: unknown {sorted(unknown)}; known: "
                         f"{', '.join(SETTINGS)}")  # fmt: skip
    ratio, bias, key = (value.get(name, SETTINGS[name]) for name in SETTINGS)
    if not is_number(ratio, 0, 1) or ratio in (0, 1):
        raise ValueError("watermarking_config: greenlist_ratio must be between 0 and "
                         f"1, not {ratio!r}")  # fmt: skip
    if not is_number(bias):
        raise ValueError("watermarking_config: bias must be a finite number, not "
                         f"{bias!r}")  # fmt: skip
    if not is_int(key, -LARGEST):
        raise ValueError("watermarking_config: hashing_key must be an integer, not "
                         f"{key!r}")  # fmt: skip
    return ratio, bias, key
