"""Rows with padding, read by a model that has none.

A token of padding may be seen by nobody. So it must not stand in the cache, and yet it
takes up a column: transformers counts positions by columns. `Row` is a cache that does
both. What padding itself sees is nobody's business, but logits are wanted there, too:
each such token goes through the model as a sequence of its own, with a cache that
shows it the text before it and forgets it at once, `Padding`.

So the model needs no mask, and nothing of this is known to it: it asks a cache for
``n_tok``, ``update`` and ``advance``, and these two have them.
"""

from itertools import pairwise

import numpy as np

from .text import as_array


class Past:
    """``past_key_values``: a cache for every row. It is extended in place."""

    def __init__(self, core, n_row):
        self.rows = [Row(core.new_cache()) for _ in range(n_row)]
        self.mask = np.ones((n_row, 0), bool)

    def get_seq_length(self):
        """How many columns it holds, padding included."""
        return self.mask.shape[1]

    def extended(self, attention_mask, shape):
        """The mask of all columns, ``[n_row, n_past + n_tok]``, checked."""
        n_row, n_past = self.mask.shape
        if shape[0] != n_row:
            raise ValueError(f"input_ids has {shape[0]} rows, past_key_values {n_row}")
        if attention_mask is None:
            return np.concatenate([self.mask, np.ones(shape, bool)], axis=1)
        mask = as_array(attention_mask, "attention_mask") != 0
        if mask.shape != (n_row, n_past + shape[1]):
            raise ValueError(f"attention_mask must be {[n_row, n_past + shape[1]]} "
                             f"(past and new), not {list(mask.shape)}")  # fmt: skip
        if not np.array_equal(mask[:, :n_past], self.mask):
            raise ValueError("attention_mask must begin as it did when "
                             "past_key_values was made")  # fmt: skip
        return mask

    def read(self, core, ids, positions, mask):
        """The final hidden states of all columns, ``[n_row, n_tok, n_embd]``.

        A row is cut into runs of text and of padding; the first runs of all rows go
        through the model together, then the second ones. Without padding that is one
        pass.
        """
        hidden = np.empty((*ids.shape, core.config.n_embd), core.dtype)
        cut = [runs(m, p) for m, p in zip(mask, positions)]
        for turn in range(max(map(len, cut))):
            sequences, caches, places = [], [], []
            for i, row in enumerate(self.rows):
                for start, stop in cut[i][turn : turn + 1]:
                    places += [(i, column) for column in range(start, stop)]
                    row.n_tok = int(positions[i, start])
                    if mask[i, start]:
                        sequences.append(ids[i, start:stop])
                        caches.append(row)
                    else:  # every padding token is a sequence of its own
                        sequences += np.split(ids[i, start:stop], stop - start)
                        caches += [
                            Padding(row, int(p)) for p in positions[i, start:stop]
                        ]
            hidden[tuple(zip(*places))] = core.hidden(sequences, caches)
        return hidden


def runs(mask, positions):
    """The parts ``(start, stop)`` of a row that are all text, at positions one behind
    the other, or all padding.

    >>> runs(np.array([0, 0, 1, 1]), np.arange(4))
    [(0, 2), (2, 4)]
    """
    breaks = (mask[1:] != mask[:-1]) | (positions[1:] != positions[:-1] + 1)
    return [*pairwise([0, *(np.flatnonzero(breaks) + 1).tolist(), len(mask)])]


class Row:
    """The cache of one row: it stands at column ``n_tok`` and remembers text only."""

    def __init__(self, cache):
        self.n_tok, self.text = 0, cache

    def update(self, layer, keys, values):
        return self.text.update(layer, keys, values)

    def advance(self, n_new):
        self.text.advance(n_new)


class Padding:
    """What a padding token sees: the text before it, and not itself."""

    def __init__(self, row, n_tok):
        self.n_tok, self.text = n_tok, row.text

    def update(self, layer, keys, values):
        if self.text.n_tok == 0:  # nothing: any key, and a value of zeros
            return [(keys, np.zeros_like(values))]
        return self.text.rows(layer)

    def advance(self, n_new):
        pass
