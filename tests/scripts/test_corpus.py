"""The data pipeline, on a text of a few lines."""

import numpy as np
import pytest

import corpus

from numpygpt import Tokenizer

STORIES = ["Once there was a fox.\n\nIt slept.", "The end of all?", "A hen ran off."]
TEXT = "".join(f"{story}\n<|endoftext|>\n" for story in STORIES)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text(TEXT)
    return path


def test_stories_are_what_stands_between_the_end_lines(path):
    assert corpus.read_stories(path) == STORIES


def test_the_last_end_line_may_be_missing(tmp_path):
    (tmp_path / "t").write_text(TEXT + "Without an end.")
    assert corpus.read_stories(tmp_path / "t") == [*STORIES, "Without an end."]


@pytest.mark.parametrize("text", ["", "\n", "<|endoftext|>\n", " \n<|endoftext|>\n"])
def test_a_file_without_a_story_is_refused(tmp_path, text):
    (tmp_path / "t").write_text(text)
    with pytest.raises(ValueError, match="t holds no text"):
        corpus.read_stories(tmp_path / "t")


def test_ids_decode_to_the_stories_and_end_with_the_end_token(path, tmp_path):
    tokenizer = Tokenizer.gpt2(n_merges=100)
    for cache in (None, tmp_path / "ids.npy", tmp_path / "ids.npy"):  # and from it
        stories = corpus.load_stories(path, tokenizer, cache)
        assert [tokenizer.decode(s[:-1]) for s in stories] == STORIES
        assert all(s[-1] == tokenizer.eos_token_id for s in stories)


def some_stories(n=40):
    rng = np.random.default_rng(0)
    parts, at = [], 1
    for size in rng.integers(3, 30, n):  # every id occurs once; 0 is the end
        parts.append(np.r_[np.arange(at, at + size), 0].astype(np.uint16))
        at += size
    return parts


def take(batches, n, n_ctx=8):
    return [batches.next(n_ctx) for _ in range(n)]


def test_targets_are_the_ids_one_place_further():
    for ids, targets in take(corpus.Batches(some_stories(), 32, seed=1), 30):
        assert ids.shape == targets.shape == (4, 8) and ids.dtype == np.int64
        assert (ids[:, 1:] == targets[:, :-1]).all()
        inside = (ids != 0) & (targets != 0)
        assert (targets[inside] == ids[inside] + 1).all()  # stories are not cut apart


def test_no_token_comes_twice_in_an_epoch_and_nearly_all_come():
    stories = some_stories()
    batches = corpus.Batches(stories, 32, seed=1)
    seen = []
    while batches.epoch == 0:
        place, (_, targets) = batches.place, batches.next(8)
        if batches.epoch == 0:
            seen.append(targets)
    seen = np.concatenate(seen).ravel()
    seen = seen[seen != 0]
    assert len(seen) == len(np.unique(seen))
    assert len(seen) > 0.85 * sum(len(s) - 1 for s in stories)


def test_epochs_and_seeds_differ_and_the_same_seed_repeats():
    first, again, other = (
        take(corpus.Batches(some_stories(), 32, seed), 60) for seed in (1, 1, 2)
    )
    assert all((a[0] == b[0]).all() for a, b in zip(first, again))
    assert any((a[0] != b[0]).any() for a, b in zip(first, other))


@pytest.mark.parametrize("n_done", [0, 1, 7, 45])
def test_a_place_is_all_there_is_to_save(n_done):
    batches = corpus.Batches(some_stories(), 32, seed=3)
    take(batches, n_done)
    resumed = corpus.Batches(some_stories(), 32, seed=3)
    resumed.place = batches.place
    for n_ctx in (8, 8, 16, 16):
        for a, b in zip(batches.next(n_ctx), resumed.next(n_ctx)):
            assert (a == b).all()


def test_a_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="too few"):
        corpus.Batches(some_stories(2), 32, seed=0).next(512)
