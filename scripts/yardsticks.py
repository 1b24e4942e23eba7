"""What older ways of prediction make of a text, given the training text first.

    pip install pyppmd
    python scripts/yardsticks.py CORPUS

Bits per byte alone say little. How much of it is in the words that follow each other,
how much does a compressor find? Three yardsticks, each of which has seen train.txt of
the folder CORPUS when it comes to held_out.txt:

- xz -9e finds repetitions: the size of both texts compressed together, less that of
  the first alone. (Its window, 64 MiB, holds all of the training text.)
- PPMd (Shkarin's variant H, as in 7z) predicts each byte from up to ``--order`` bytes
  before it, and learns as it goes. The best among zip's and 7z's classic methods.
- A 5-gram model with interpolated Kneser-Ney smoothing (Chen & Goodman 1998), over
  the model's own tokens: the best there was before neural networks. How likely a
  token is after four others is how often it followed them, less a discount, which is
  given to the guess from three, and so on down. The trick of Kneser and Ney: the
  shorter guesses count in how many different contexts a token occurs, not how often.
"""

import argparse
import lzma
import math
import sys
from pathlib import Path

import corpus
import numpy as np

from numpygpt import Tokenizer
from numpygpt.files.terminal import count, harmless, without_traceback

BITS = 12  # of a token id: five of 4,096 ids fit one 64-bit number


def xz(train, held_out):
    """Bytes that the held-out text adds to the compressed training text."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    size = lambda data: len(lzma.compress(data, filters=filters))  # noqa: E731
    return size(train + held_out) - size(train)


def ppmd(train, held_out, order, memory):
    """The same for PPMd."""
    import pyppmd

    coder = pyppmd.Ppmd7Encoder(order, memory)
    first = len(coder.encode(train))
    return first + len(coder.encode(held_out)) + len(coder.flush()) - first


class KneserNey:
    """Interpolated Kneser-Ney over ids below 2 ** BITS; counts are sorted arrays.

    A run of n ids is one integer. Its counts, those of its context and the number of
    different ids behind that context are found by binary search.
    """

    def __init__(self, ids, order=5):
        runs = self.runs(ids, order)
        keys, counts = np.unique(runs, return_counts=True)
        self.levels = []
        for n in range(order, 0, -1):
            discount = self.discount(counts)
            contexts, at = np.unique(keys >> BITS, return_index=True)
            total = np.add.reduceat(counts, at)
            kinds = np.diff(np.append(at, len(keys)))
            self.levels.append((keys, counts, contexts, total, kinds, discount))
            # One order lower, a run counts once for every id that stood before it.
            shorter = keys & np.uint64((1 << BITS * (n - 1)) - 1)
            keys, counts = np.unique(shorter, return_counts=True)
        self.order = order

    @staticmethod
    def runs(ids, n):
        ids = ids.astype(np.uint64)
        out = np.zeros(len(ids) - n + 1, np.uint64)
        for i in range(n):
            out = (out << np.uint64(BITS)) | ids[i : i + len(out)]
        return out

    @staticmethod
    def discount(counts):
        """Ney, Essen & Kneser's estimate from how many runs come once and twice."""
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        return once / (once + 2 * twice) if once else 0.75  # a text of few words

    def probabilities(self, ids):
        """p of every id from the ``order``-th on, given the ones before it."""
        runs = self.runs(ids, self.order)
        p = np.full(len(runs), 1 / (1 << BITS))
        for n, level in zip(range(1, self.order + 1), reversed(self.levels)):
            keys, counts, contexts, total, kinds, discount = level
            run = runs & np.uint64((1 << BITS * n) - 1)
            count = look_up(keys, counts, run)
            seen = look_up(contexts, total, run >> np.uint64(BITS))
            kind = look_up(contexts, kinds, run >> np.uint64(BITS))
            known = np.maximum(count - discount, 0) + discount * kind * p
            p = np.where(seen > 0, known / np.maximum(seen, 1), p)
        return p


def look_up(keys, values, wanted):
    """values of the wanted keys, 0 where there is none."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


@without_traceback("yardsticks.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description="Yardsticks for bits per byte.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--n-merges", type=int, default=3839)
    parser.add_argument("--order", type=count, default=16, help="of PPMd")
    parser.add_argument("--memory", type=count, default=1 << 30, help="of PPMd, bytes")
    args = harmless(parser).parse_args(argv)
    texts = [(args.corpus / f"{n}.txt").read_bytes() for n in ("train", "held_out")]
    n_bit = 8 / len(texts[1])
    print(f"xz -9e: {xz(*texts) * n_bit:.4f} bits per byte", flush=True)
    size = ppmd(*texts, args.order, args.memory)
    print(f"PPMd, order {args.order}: {size * n_bit:.4f} bits per byte", flush=True)
    tokenizer = Tokenizer.gpt2(n_merges=args.n_merges)
    ids = [
        np.concatenate(corpus.load_stories(args.corpus / f"{n}.txt", tokenizer))
        for n in ("train", "held_out")
    ]
    model = KneserNey(ids[0])
    # The last four training ids are the first's context, as for the other two.
    p = model.probabilities(np.concatenate([ids[0][-4:], ids[1]]))
    bits = -np.log2(p).sum() / len(texts[1])
    print(f"5-gram Kneser-Ney over tokens: {bits:.4f} bits per byte")
    assert math.isfinite(bits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
