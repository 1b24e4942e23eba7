"""Learning merges: the rule itself as the oracle, Hugging Face's trainer, bad input."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpygpt import Tokenizer
from numpygpt.learn_merges import learn_merges, merge_pair
from numpygpt.tokenizer import cut

TEXT = (
    "The owl saw the fox; the fox saw the owl.\n\n  They're 1,024 years old, "
    "naïve, 東京 and 👋👋!  aaaaaaa bababab \t\n" * 3
)


def by_the_rule(pieces, n_merges):
    """The rule, stated and slow: count all pairs anew in every round."""
    words = {tuple(piece): count for piece, count in pieces.items()}
    age = {token: n for n, token in enumerate(sorted(set().union(*pieces)))}
    merges = []
    for _ in range(n_merges):
        counts = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda p: (-counts[p], age[p[0]], age[p[1]]))
        merges.append(best)
        age.setdefault("".join(best), len(age))
        merged = Counter()
        for word, count in words.items():
            word = list(word)
            list(merge_pair(word, best, "".join(best)))
            merged[tuple(word)] += count
        words = merged
    return merges


words = st.dictionaries(st.text("abc", min_size=1, max_size=9), st.integers(1, 9))


@given(words, st.integers(0, 12))
@example({"aaaa": 1, "aaa": 2}, 3)
def test_the_kept_counts_are_those_of_a_new_count(pieces, n_merges):
    expected = by_the_rule(pieces, n_merges)
    assert learn_merges(pieces, len(expected)) == expected
    if len(expected) < n_merges:
        with pytest.raises(ValueError, match=f"at most {len(expected)} "):
            learn_merges(pieces, n_merges)


def test_long_runs_of_few_letters():
    """Pairs that overlap, and many ties."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        pieces = Counter(
            "".join(rng.choice(list("aab"), rng.integers(5, 60))) for _ in range(6)
        )
        expected = by_the_rule(pieces, 25)
        assert learn_merges(pieces, len(expected)) == expected


def test_a_trained_tokenizer_encodes_and_comes_back(tmp_path):
    tokenizer = Tokenizer.train([TEXT], 60)
    assert tokenizer.n_vocab == 256 + 60 + 1
    ids = tokenizer.encode(TEXT)
    assert tokenizer.decode(ids) == TEXT and len(ids) < len(TEXT.encode()) / 2
    tokenizer.save_pretrained(tmp_path)
    assert Tokenizer.from_pretrained(tmp_path).encode(TEXT) == ids


def test_every_piece_is_one_token_when_all_pairs_are_merged():
    text = "one two three, one two"
    with pytest.raises(ValueError, match="n_merges must be at most ") as error:
        Tokenizer.train([text], 1000)
    most = int(str(error.value).split("at most ")[1].split()[0])
    tokenizer = Tokenizer.train([text], most)
    assert len(tokenizer.encode(text)) == len(cut(text))


def test_what_stands_between_documents_is_not_learned():
    apart = Tokenizer.train(["the cat", "the hat"], 5).merges
    assert Tokenizer.train(["the cat<|endoftext|>the hat"], 5).merges == apart


def test_progress_counts_the_merges():
    calls = []
    Tokenizer.train([TEXT], 7, calls.append)
    assert calls == [1, 2, 3, 4, 5, 6, 7]


def test_no_merges_and_as_many_as_there_are():
    assert learn_merges({"ab": 1}, 0) == []
    assert learn_merges({"abc": 1}, np.int64(2)) == [("a", "b"), ("ab", "c")]
    with pytest.raises(ValueError, match="progress must be a function, not 3"):
        learn_merges({"ab": 1}, 1, 3)


@pytest.mark.parametrize(
    "texts, n_merges, says",
    [
        ([], 3, "texts holds no text"),
        (["", ""], 3, "texts holds no text"),
        ("one text", 3, "several texts"),
        (["a b", b"c"], 3, r"texts\[1\] must be a str, not bytes"),
        (["ok", "a\ud800"], 3, r"texts\[1\] holds half a character at 1"),
        (["abc"], -1, "n_merges must be an integer of at least 0, not -1"),
        (["abc"], 2.0, "n_merges must be an integer"),
        (["abc"], 3, "at most 2 for this text, not 3"),
        (["a b"], 3, "at most 1 "),
        (["abc"], 10**30, "at most 2 for this text"),
        (5, 3, "texts must be several texts, not 5"),
        (b"one text", 3, "texts must be several texts, not one: write"),
    ],
)
def test_bad_input(texts, n_merges, says):
    with pytest.raises(ValueError, match=says):
        Tokenizer.train(texts, n_merges)


def trained_by_hugging_face(texts, n_merges):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=256 + n_merges,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(merge) for merge in merges]


def texts_to_compare():
    """Prose, programs, other scripts, and letters thrown with dice: many ties."""
    import random
    from pathlib import Path

    import numpygpt

    package = Path(numpygpt.__file__).parent
    yield "licence", [(package.parent / "LICENSE").read_text()], 200
    yield "readme", [(package.parent / "README.md").read_text()], 800
    source = [p.read_text() for p in sorted(package.rglob("*.py"))]
    yield "source", [t.replace("<|endoftext|>", "") for t in source], 2000
    yield "mixed", [TEXT], 60
    rng = random.Random(0)
    for alphabet in "ab", "abc ", "aé東 ":
        text = "".join(rng.choice(alphabet) for _ in range(3000))
        yield f"dice {alphabet!r}", [text], 300


@pytest.mark.reference
@pytest.mark.parametrize(
    "texts, n_merges", [pytest.param(t, n, id=i) for i, t, n in texts_to_compare()]
)
def test_hugging_faces_trainer_learns_the_same_in_the_same_order(texts, n_merges):
    ours = Tokenizer.train(texts, n_merges).spelled_merges
    assert ours == trained_by_hugging_face(texts, n_merges)


@pytest.mark.reference
def test_hugging_faces_trainer_on_random_short_texts():
    rng = np.random.default_rng(0)
    for _ in range(300):
        letters = rng.choice(list("aab "), rng.integers(5, 300))
        texts, n = ["".join(letters)], int(rng.integers(1, 60))
        theirs = trained_by_hugging_face(texts, n)
        assert Tokenizer.train(texts, len(theirs)).spelled_merges == theirs
        if len(theirs) < n:
            with pytest.raises(ValueError, match=f"at most {len(theirs)} "):
                Tokenizer.train(texts, n)
