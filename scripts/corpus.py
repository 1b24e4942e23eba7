"""A text file -> stories -> shuffled windows of token ids: what a model trains on.

The file is plain text in which every story ends with a line ``<|endoftext|>``. Three
decisions turn it into lessons for a model:

- A story becomes its token ids and, at its end, the one id of ``<|endoftext|>``. That
  id does double duty: it tells the model that a story is over, and, standing before
  the next one, that a new one begins. So a prompt of that id alone means "tell me a
  story".
- Stories are laid end to end and the long row is cut into windows of ``n_ctx`` ids.
  No padding, nothing thrown away. A window may begin in mid-story and run into the
  next: a model that sees the end token learns to forget what stood before it.
- Both the order of the stories and the order of the windows are drawn anew in every
  epoch. Without the second draw one batch would be a few pages of one book.

The draw depends on (seed, epoch) alone. So a training run's place in its data is two
small numbers, and a run that was interrupted goes on with exactly the next batch.

Needs NumPy only. Used by train.py, evaluate.py and sample_quality.py.
"""

from pathlib import Path

import numpy as np

END = "<|endoftext|>"


def read_stories(path):
    """The stories of a file, without their ``<|endoftext|>`` lines."""
    text = Path(path).read_text(encoding="utf-8")
    stories = f"\n{text}\n".split(f"\n{END}\n")
    stories = [story.strip("\n") for story in stories if story.strip()]
    if not stories:
        raise ValueError(f"{path} holds no text")
    return stories


def encode_stories(stories, tokenizer):
    """``[ids of a story and the end token, ...]``, one uint16 array a story."""
    if tokenizer.n_vocab > 1 << 16:
        raise ValueError(f"{tokenizer.n_vocab} ids do not fit 16 bits")
    end = [tokenizer.eos_token_id]
    return [np.array(tokenizer.encode(s) + end, dtype=np.uint16) for s in stories]


def load_stories(path, tokenizer, cache=None):
    """`encode_stories` of a file; ``cache`` is a .npy file that remembers the ids."""
    if cache is not None and cache.exists():
        ids = np.load(cache)
    else:
        ids = np.concatenate(encode_stories(read_stories(path), tokenizer))
        if cache is not None:
            np.save(cache, ids)
    return np.split(ids, np.flatnonzero(ids[:-1] == tokenizer.eos_token_id) + 1)


class Batches:
    """An endless row of batches; ``place`` is all there is to save.

    >>> stories = [np.arange(1, 8), np.arange(11, 16)]
    >>> batches = Batches(stories, n_token=4, seed=0)
    >>> ids, targets = batches.next(n_ctx=2)
    >>> ids.shape, bool((ids[:, 1] == targets[:, 0]).all())
    ((2, 2), True)
    """

    def __init__(self, stories, n_token, seed):
        self.stories, self.n_token, self.seed = stories, n_token, seed
        self.epoch, self.cursor, self.n_ctx = 0, 0, None

    @property
    def place(self):
        """(epoch, windows used of it, length of a window)"""
        return self.epoch, self.cursor, self.n_ctx

    @place.setter
    def place(self, place):
        self.epoch, self.cursor, n_ctx = place
        if n_ctx is not None:
            self._shuffle(n_ctx)

    def next(self, n_ctx):
        """Ids and targets, int64 ``[n_row, n_ctx]`` each, about n_token ids in all.

        The target of every id is the id behind it: one window gives ``n_ctx``
        exercises at once. A change of ``n_ctx`` begins a new epoch.
        """
        n_row = max(1, self.n_token // n_ctx)
        if self.n_ctx is None:
            self._shuffle(n_ctx)
        if n_ctx != self.n_ctx or self.cursor + n_row > len(self.starts):
            self.epoch, self.cursor = self.epoch + 1, 0
            self._shuffle(n_ctx)
        starts = self.starts[self.cursor : self.cursor + n_row]
        self.cursor += n_row
        return windows(self.stream, starts, n_ctx)

    def _shuffle(self, n_ctx):
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.stories))
        end = self.stories[0][-1:]  # before the first story, as before every other
        self.stream = np.concatenate([end] + [self.stories[i] for i in order])
        room = len(self.stream) - n_ctx
        if room < self.n_token + n_ctx:
            raise ValueError(
                f"{len(self.stream)} tokens are too few for batches of {self.n_token} "
                f"in windows of {n_ctx}: take a longer text or smaller batches"
            )
        # The first window starts at a random place, so that no two epochs cut the
        # text alike; the last few ids are left out.
        starts = np.arange(rng.integers(min(n_ctx, room)), room, n_ctx)
        self.starts, self.n_ctx = rng.permutation(starts), n_ctx


def windows(stream, starts, n_ctx):
    """The windows of ``stream`` at ``starts`` and, one further, their targets."""
    rows = np.stack([stream[s : s + n_ctx + 1] for s in starts]).astype(np.int64)
    return np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, 1:])
