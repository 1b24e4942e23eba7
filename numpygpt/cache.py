"""The key/value cache: what attention remembers of the tokens it has seen.

A token looks back at the keys and values of every token before it. Those never
change: later tokens cannot alter earlier ones. So they are computed once and kept,
and a step of generation computes one new row instead of the whole text again. A
full forward pass is the same thing with an empty cache, so the model has no second
code path, and "cached equals uncached" is a fact about arithmetic, not a hope.

Memory is reserved ahead, twice as many rows as needed whenever they run out: appending
copies only the new rows, and all the moving to larger arrays together costs less than
two copies. Values lie as ``[n_layer, n_head, n_row, d_head]``, keys with the last two
axes exchanged: a query times all keys is then a product of matrices as they lie.

Several continuations of one prompt share its rows: see `fork`.

Try: how many bytes a token does GPT-2 124M need, and gpt2-xl?

Next: model.py.
"""

import numpy as np

MIN_ROWS = 32  # what a new cache reserves: fewer would soon run out


class KVCache:
    """Keys and values of one sequence. ``n_tok`` is how many tokens it holds."""

    def __init__(self, config, dtype=np.float32):
        self.n_tok = 0
        self._config, self._dtype = config, dtype
        self._rows = self._empty(0)  # keys, values
        self._shared = None  # of each layer, the keys and values that others have, too
        self._n_shared = 0  # how many: our own rows come after them

    def update(self, layer, keys, values):
        """Append ``[n_head, n_new, d_head]`` keys and values to a layer; return all
        that the layer holds, as a list of ``(keys, values)``, oldest first.

        ``n_tok`` stays until `advance`: every layer appends at the same place, and
        a step that is interrupted half way leaves the cache as it was.
        """
        start = self.n_tok - self._n_shared
        stop = start + keys.shape[1]
        if stop > self._rows[0].shape[2]:
            self._reserve(stop, start)
        for rows, new in zip(self._rows, (keys, values)):
            rows[layer, :, start:stop] = new
        return self._views(layer, stop)

    def _empty(self, n_row):
        """Room for ``n_row`` keys and values, ``[n_layer, n_head, n_row, d_head]``."""
        c = self._config
        keys = np.empty((c.n_layer, c.n_head, c.d_head, n_row), self._dtype)
        values = np.empty((c.n_layer, c.n_head, n_row, c.d_head), self._dtype)
        return keys.swapaxes(2, 3), values

    def _reserve(self, n_row, n_used):
        """Move to arrays of at least ``n_row`` rows."""
        n_row = max(MIN_ROWS, min(2 * n_row, self._config.n_ctx), n_row)
        old, self._rows = self._rows, self._empty(n_row)
        for rows, before in zip(self._rows, old):
            rows[:, :, :n_used] = before[:, :, :n_used]

    def rows(self, layer):
        """What a layer holds, as `update` returns it."""
        return self._views(layer, self.n_tok - self._n_shared)

    def _views(self, layer, n_own):
        own = tuple(rows[layer, :, :n_own] for rows in self._rows)
        return [own] if self._shared is None else [self._shared[layer], own]

    def advance(self, n_new):
        """Count the rows that all layers have appended."""
        self.n_tok += n_new

    @property
    def nbytes(self):
        """Bytes reserved, shared rows not counted."""
        return sum(rows.nbytes for rows in self._rows)

    def crop(self, n_tok):
        """Forget all but the first ``n_tok`` tokens (a refused draft, say)."""
        if not self._n_shared <= n_tok <= self.n_tok:
            raise ValueError(
                f"n_tok must be from {self._n_shared} (rows shared with other "
                f"sequences stay) to {self.n_tok}, not {n_tok}"
            )
        self.n_tok = n_tok

    def fork(self):
        """A second cache that goes on from the same tokens, independently.

        The first fork of a cache makes all that it holds shared, which is only read
        from then on. A later fork copies just the rows that have been added since.
        So what is copied never grows with the prompt.
        """
        if self._shared is None:
            layers = range(self._config.n_layer)
            self._shared = [self.rows(layer)[0] for layer in layers]
            self._n_shared, self._rows = self.n_tok, self._empty(0)
        twin = KVCache(self._config, self._dtype)
        twin._shared, twin._n_shared = self._shared, self._n_shared
        twin._rows, twin.n_tok = self._rows, self.n_tok
        n_own = self.n_tok - self._n_shared
        twin._reserve(n_own, n_own)  # copies them
        return twin
