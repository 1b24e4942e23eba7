"""What a model's samples are like, in numbers that nobody picked.

    python scripts/sample_quality.py weights/fairytale HELD_OUT.txt --train TRAIN.txt
    python scripts/sample_quality.py weights/fairytale HELD_OUT.txt \
        --set temperature=0.7 --set top_p=0.9 --set min_p=0.05

Draws samples at the command line's default settings, each of a seed of its own, from
the empty prompt (the end token: "a new story"), and measures

- broken: samples with bytes that are no UTF-8;
- repeated: of all runs of four words in a sample, the share that stood in it before.
  A model that is stuck in a loop comes near 1;
- sentences: the share that end in punctuation. A sentence ends at . ! or ? (or : ; --
  before a line break), with the quotes behind it; a paragraph that stops without any
  is one that does not. What the token limit cut off does not count;
- quotes: the share of samples whose double quotes close. A quotation may run on over
  paragraphs if each opens with a quote, as printers do; the last, cut paragraph may
  leave one open;
- names: of the capitalised words within sentences in the second half of a sample, the
  share that its first half had: does the story keep its people?
- paragraph names: the same within a paragraph: of its capitalised words but the first,
  the share that stood in the paragraph or the one before it;
- clauses: repeats within a sentence of a run of two words, of all such runs ("a man who
  had a man who"); runs of two short words ("of it") do not count;
- long: the share of sentences of over 40 words;
- distinct: different runs of two words, of all.

The same numbers of excerpts of the held-out text, as long and from random places, say
what people's writing scores. With ``--train``, also how much is learned by heart: for
each of 200 samples the longest run of words that stands verbatim in that text.
"""

import argparse
import json
import re
import sys

import corpus
import numpy as np

from numpygpt import GPT2, Tokenizer
from numpygpt.cli.options import DEFAULTS, STORY
from numpygpt.files.terminal import count, harmless, without_traceback

WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z]+)*")
ENDS = re.compile(r"""[.!?]["')]*(?=\s|$)""")
CLOSED = re.compile(r"""(?:[.!?:;,]|--)["')]*$""")


def draw(model, tokenizer, n_sample, n_token, changes=()):
    """``[text, ...]``: sample i has seed i."""
    settings = {**DEFAULTS, **STORY, "max_new_tokens": n_token, **dict(changes)}
    end = tokenizer.eos_token_id
    for seed in range(n_sample):
        ids = model.generate([end], seed=seed, **settings)[0, 1:]
        yield tokenizer.decode([i for i in ids if i != end])


def excerpts(path, tokenizer, n, n_token, seed=0):
    """As many pieces of a text, as long, that start where a story or paragraph does."""
    rng = np.random.default_rng(seed)
    stories = corpus.read_stories(path)
    for i in rng.integers(0, len(stories), n):
        starts = [0, *(m.end() for m in re.finditer("\n\n", stories[i]))]
        text = stories[i][rng.choice(starts) :]
        yield tokenizer.decode(tokenizer.encode(text[: 8 * n_token])[:n_token])


def words(text):
    """Its words in lower case, punctuation left out."""
    return [w.lower() for w in WORD.findall(text)]


def repeated(text, n=4):
    """(runs of n words that stood before, all runs)

    >>> repeated("a b c d a b c d")
    (1, 5)
    """
    w = words(text)
    runs = [tuple(w[i : i + n]) for i in range(len(w) - n + 1)]
    return len(runs) - len(set(runs)), len(runs)


def sentences(text):
    """(sentences that end in punctuation, all but the one that was cut off)

    >>> sentences('"Go!" he said. And so\\n\\nthey went. The')
    (3, 4)
    """
    good = bad = 0
    *whole, last = re.split(r"\n\s*\n", text)
    for paragraph in [p.strip() for p in whole if p.strip()]:
        good += len(ENDS.findall(paragraph))
        if not ENDS.search(paragraph[-4:]):
            closed = CLOSED.search(paragraph) is not None
            good, bad = good + closed, bad + (not closed)
    return good + len(ENDS.findall(last)), good + bad + len(ENDS.findall(last))


def quotes_close(text):
    """Whether every quotation closes, as far as the text goes.

    >>> texts = '"Go!" he said.\\n\\n"Where', '"Go! he said.\\n\\nHe'
    >>> quotes_close(texts[0]), quotes_close(texts[1])
    (True, False)
    """
    *whole, last = re.split(r"\n\s*\n", text)
    following = [*whole[1:], last]
    return all(
        paragraph.count('"') % 2 == 0 or after.lstrip().startswith('"')
        for paragraph, after in zip(whole, following)
    )


def names(text):
    """(names in the second half that the first had, names in the second half)"""
    found = re.findall(r"(?<=[a-z,;] )[A-Z][a-z]{2,}", text)
    middle = len(found) // 2
    known = set(found[:middle])
    return sum(name in known for name in found[middle:]), len(found) - middle


def paragraph_names(text):
    """(names that stood in the paragraph or the one before, names but the first)

    >>> paragraph_names("So said Anna. Then Anna saw Tom.\\n\\nThen old Tom ran.")
    (2, 3)
    """
    good = total = 0
    before = []
    for paragraph in re.split(r"\n\s*\n", text):
        found = re.findall(r"(?<=[a-z,;] )[A-Z][a-z]{2,}", paragraph)
        for i, name in enumerate(found):
            if i or before:
                total += 1
                good += name in found[:i] or name in before
        before = found
    return good, total


def clauses(text):
    """(runs of two words that stood before in their sentence, all such runs)

    >>> clauses("There was a man who had a man.")
    (1, 7)
    """
    again = total = 0
    for sentence in re.split(r"[.!?]|\n\s*\n", text):
        w = words(sentence)
        runs = list(zip(w, w[1:]))
        told = [run for run in runs if max(map(len, run)) >= 3]
        again += len(told) - len(set(told))
        total += len(runs)
    return again, total


def long_sentences(text, most=40):
    """(sentences of more than so many words, all sentences)"""
    found = [len(words(s)) for s in re.split(r"[.!?]|\n\s*\n", text)]
    found = [n for n in found if n]
    return sum(n > most for n in found), len(found)


def distinct(text):
    """(different runs of two words, all)"""
    w = words(text)
    return len(set(zip(w, w[1:]))), max(len(w) - 1, 0)


def measure(texts):
    """All of it, over a list of texts."""

    def share(pairs):
        part, whole = np.sum([*pairs], axis=0)
        return round(float(part / max(whole, 1)), 4)

    return {
        "samples": len(texts),
        "broken": sum("\ufffd" in text for text in texts),
        "repeated": share(map(repeated, texts)),
        "sentences": share(map(sentences, texts)),
        "quotes": share((quotes_close(text), 1) for text in texts),
        "names": share(map(names, texts)),
        "paragraph_names": share(map(paragraph_names, texts)),
        "clauses": share(map(clauses, texts)),
        "long": share(map(long_sentences, texts)),
        "distinct": share(map(distinct, texts)),
    }  # fmt: skip


def longest_copies(texts, known):
    """For each text, the longest run of its words that stands in ``known``.

    Words become numbers, runs of k words a hash that grows with k: so k is raised
    until no text has such a run, and a list of millions is looked through at once.
    """
    known, texts = words(known), [words(text) for text in texts]
    ids = {}

    def number(row):
        return np.array([ids.setdefault(w, len(ids) + 1) for w in row], np.uint64)

    rows, source = [number(text) for text in texts], number(known)
    longest = np.zeros(len(rows), int)
    hashes, found = [*rows], source
    prime = np.uint64(0x9E3779B97F4A7C15)
    for k in range(1, max(map(len, rows)) + 1):
        wanted = np.unique(np.concatenate(hashes))
        here = wanted[np.isin(wanted, found)]
        hits = np.array([np.isin(h, here).any() for h in hashes])
        if not hits.any():
            break
        longest[hits] = k
        # The hash of k + 1 words: that of the first k, times a prime, plus the next.
        *hashes, found = (
            h[: max(0, len(row) - k)] * prime + row[k:]
            for h, row in zip([*hashes, found], [*rows, source])
        )
    return longest


@without_traceback("sample_quality.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description="Measure a model's samples.")
    parser.add_argument("model", help="a name or a model folder")
    parser.add_argument("text", help="stories by people, for comparison")
    parser.add_argument("--train", help="the training text: look for what was copied")
    parser.add_argument("--samples", type=count, default=50)
    parser.add_argument("--copies", type=count, default=200, help="samples for --train")
    parser.add_argument("--tokens", type=count, default=120, help="of a sample")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="a setting, in place of the default")  # fmt: skip
    parser.add_argument("--show", type=count, default=0, help="print the first so many")
    args = harmless(parser).parse_args(argv)
    tokenizer = Tokenizer.from_pretrained(args.model)
    model = GPT2.from_pretrained(args.model)
    n = max(args.samples, args.copies if args.train else 0)
    changes = [setting.partition("=")[::2] for setting in args.set]
    changes = [(name, json.loads(value)) for name, value in changes]
    texts = list(draw(model, tokenizer, n, args.tokens, changes))
    for seed, text in enumerate(texts[: args.show]):
        print(f"--- seed {seed}\n{text}\n")
    print("model", json.dumps(measure(texts[: args.samples])))
    people = [*excerpts(args.text, tokenizer, 10 * args.samples, args.tokens)]
    print("people", json.dumps(measure(people)))
    if args.train:
        known = "\n".join(corpus.read_stories(args.train))
        for name, some in (("model", texts), ("people", people)):
            copies = longest_copies(some[: args.copies], known)
            median, most = float(np.median(copies)), int(copies.max())
            print(name, json.dumps({"copied_median": median, "copied_most": most}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
