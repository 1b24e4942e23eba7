"""The key/value cache: what attention remembers of the tokens it has seen.

A token looks back at the keys and values of every token before it. Those never change:
the mask lets no token see a later one, so nothing that comes later can alter them. So
they are computed once and kept, and a step of generation computes one new row instead
of the whole text again.

Cached and uncached compute the same sums of the same numbers. In algebra the results
are equal; in float32 the sums run in another order, and the logits of the default model
differ by about 1e-6 of the largest (in float64: 1e-15).

**How large it is.** Per token and layer a key and a value of ``n_embd`` numbers each:

    bytes = 2 * n_layer * n_embd * n_tok * (4 in float32)

    gpt2     2 * 12 *  768 * 1024 * 4  =   75 MB for a full context
    gpt2-xl  2 * 48 * 1600 * 1024 * 4  =  629 MB

Room is reserved ahead: whenever it runs out, for twice as many rows as are needed. Then
appending copies only the new rows, and each row is moved about once more on average.
Values lie as ``[n_layer, n_head, n_row, d_head]``, keys with the last two axes
exchanged: a query times all keys is then a product of matrices as they lie.

Several continuations of one prompt share its rows: see `fork`.

Try: of how many tokens do keys and values take as much memory as gpt2's weights? Can
the model read so many?

Next: model.py.
"""

import numpy as np

MIN_ROWS = 32  # what a new cache reserves: fewer would soon run out


class KVCache:
    """Keys and values of one sequence. ``n_tok`` is how many tokens it holds.

    An interrupt in the middle of a method leaves the cache as it was: what is new is
    made first, and put in place by the last assignment.
    """

    def __init__(self, config, dtype=np.float32):
        self.n_tok = 0
        self._config, self._dtype = config, dtype
        # The keys and values that others have, too, one pair a layer, or None; and our
        # own rows, which come after them.
        self._parts = None, self._empty(0)

    @property
    def n_shared(self):
        """How many tokens are shared with other caches."""
        shared, _ = self._parts
        return 0 if shared is None else shared[0][0].shape[1]

    @property
    def nbytes(self):
        """Bytes reserved, shared rows not counted."""
        return sum(rows.nbytes for rows in self._parts[1])

    def update(self, layer, keys, values):
        """Append ``[n_head, n_new, d_head]`` keys and values to a layer; return all
        that the layer holds, as a list of ``(keys, values)``, oldest first.

        ``n_tok`` stays until `advance`: every layer appends at the same place.
        """
        shared, own = self._parts
        start = self.n_tok - self.n_shared
        stop = start + keys.shape[1]
        if stop > own[0].shape[2]:
            own = self._with_room(own, start, stop)
            self._parts = shared, own
        for rows, new in zip(own, (keys, values)):
            rows[layer, :, start:stop] = new
        return self._views(layer, stop)

    def advance(self, n_new):
        """Count the rows that all layers have appended."""
        self.n_tok += n_new

    def rows(self, layer):
        """What a layer holds, as `update` returns it."""
        return self._views(layer, self.n_tok - self.n_shared)

    def crop(self, n_tok):
        """Forget all but the first ``n_tok`` tokens (a refused draft, say)."""
        if not self.n_shared <= n_tok <= self.n_tok:
            raise ValueError(
                f"n_tok must be from {self.n_shared} (rows shared with other "
                f"sequences stay) to {self.n_tok}, not {n_tok}"
            )
        self.n_tok = n_tok

    def fork(self):
        """A second cache that goes on from the same tokens, independently.

        The first fork of a cache makes all that it holds shared, which is only read
        from then on. A later fork copies just the rows that have been added since.
        So what is copied never grows with the prompt.
        """
        shared, own = self._parts
        if shared is None:
            shared = [self.rows(layer)[0] for layer in range(self._config.n_layer)]
            own = self._empty(0)
        n_own = self.n_tok - shared[0][0].shape[1]
        twin = KVCache(self._config, self._dtype)
        twin.n_tok = self.n_tok
        twin._parts = shared, self._with_room(own, n_own, n_own)
        self._parts = shared, own
        return twin

    def _views(self, layer, n_own):
        shared, own = self._parts
        own = tuple(rows[layer, :, :n_own] for rows in own)
        return [own] if shared is None else [shared[layer], own]

    def _empty(self, n_row):
        """Room for ``n_row`` keys and values, ``[n_layer, n_head, n_row, d_head]``."""
        c = self._config
        keys = np.empty((c.n_layer, c.n_head, c.d_head, n_row), self._dtype)
        values = np.empty((c.n_layer, c.n_head, n_row, c.d_head), self._dtype)
        return keys.swapaxes(2, 3), values

    def _with_room(self, own, n_used, n_row):
        """A copy of the first ``n_used`` rows in arrays of at least ``n_row``."""
        n_row = max(MIN_ROWS, min(2 * n_row, self._config.n_ctx), n_row)
        larger = self._empty(n_row)
        for rows, before in zip(larger, own):
            rows[:, :, :n_used] = before[:, :, :n_used]
        return larger
