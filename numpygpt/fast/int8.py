"""A quarter of the memory: weights as whole numbers from -127 to 127.

A token cannot be generated faster than the weights can be read (matmul.py), so smaller
weights may make decoding faster, and in any case a model four times as large fits into
the same memory. The simplest way is to round them. For every output, a column of a
matrix or a token's row of the embedding, the largest weight says how wide a step is:

    scale = max|w| / 127        q = round(w / scale)        w is about q * scale

No weight is off by more than half a step, and as the scale is the same for a whole
column it stays outside of the sum: ``x @ w`` is about ``(x @ q) * scale``. The
arithmetic is float32, and so are norms, biases and positions.

BLAS cannot multiply int8, so `product` converts them, so many columns at a time that
they do not leave the processor's cache before they are multiplied. Now the conversion
is what takes the time, for NumPy has no names for the instructions that would make it
needless: on two cores a token of GPT-2 124M takes 1.5 times as long as from float32
(31 ms beside 21), a step of eight texts as long (49 beside 52). What is saved here is
memory.

In large models a few inputs are far larger than the others and want more care:
LLM.int8(), Dettmers et al., arXiv:2208.07339. For 4 bits and less the roundings must
make up for one another: GPTQ, Frantar et al., arXiv:2210.17323.

Try: 7 in place of 127, which is 4 bits: what does the model still say? One scale for a
whole matrix: how much larger is the error (``np.asarray`` gives the weights back)?

Next: layers.py.
"""

import re
from dataclasses import dataclass

import numpy as np

from .matmul import FEW_ROWS, SMALL, SMALL_RESULT, arrange
from .threads import share

LARGEST = 127
ROUNDED = re.compile(r"h\.\d+\.(attn|mlp)\..*\.weight|(wte|lm_head)\.weight")
BUFFER = 1 << 18  # weights that a thread converts at a time: 1 MB, half of its cache
PIECE = 6144  # and multiplies at a time
MANY = 1 << 20  # both, where there are many rows


@dataclass(frozen=True, eq=False)
class Int8Matrix:
    """``q * scale``, in place of a float32 matrix: ``q [n, m]`` in int8, ``scale``
    ``[1, m]`` of the columns or, for the embedding, ``[n, 1]`` of the rows."""

    q: np.ndarray
    scale: np.ndarray
    __array_ufunc__ = None  # tells NumPy to leave ``x @ matrix`` to `__rmatmul__`

    shape = property(lambda self: self.q.shape)
    dtype = property(lambda self: self.scale.dtype)
    nbytes = property(lambda self: self.q.nbytes + self.scale.nbytes)
    T = property(lambda self: Int8Matrix(self.q.T, self.scale.T))

    def __getitem__(self, rows):
        """The rows of these indices in float32, as the embedding needs them."""
        return self.q[rows] * np.broadcast_to(self.scale, self.shape)[rows]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.q * self.scale, dtype)

    def astype(self, dtype):
        return np.asarray(self, dtype)

    def __rmatmul__(self, x):
        if len(self.scale) > 1:  # one for each input: it cannot wait for the sum
            return x @ np.asarray(self)
        out = product(np.atleast_2d(x), self.q.T, self.scale)
        return out.reshape(*x.shape[:-1], -1)


def quantize(weight):
    """``[n_out, n_in]``, a row for each output -> Int8Matrix of the same shape."""
    scale = np.maximum(weight.max(axis=1), -weight.min(axis=1))[:, None] / LARGEST
    if not np.isfinite(scale).all():
        raise ValueError("weights must be finite to be stored in int8")
    scale[scale < np.finfo(scale.dtype).tiny] = 1  # nothing but zeros, or as good as
    q = np.empty(weight.shape, np.int8)

    def work(start, stop):
        q[start:stop] = np.rint(weight[start:stop] / scale[start:stop])

    share(work, len(q), 128)
    return Int8Matrix(q, scale)


def pack(name, array, dtype="int8"):
    """What a model keeps of the array of this name: int8 of a matrix that something is
    multiplied by, but of a norm, a bias or the positions the array itself."""
    if dtype != "int8" or not ROUNDED.fullmatch(name):
        return arrange(array)
    return quantize(array.T).T if name.startswith("h.") else quantize(array)


def product(x, q, scale):
    """``x @ (q.T * scale)``: ``[n_row, n_in], [n_out, n_in], [1, n_out]`` ->
    ``[n_row, n_out]``."""
    (n_row, n_in), n_out = x.shape, len(q)
    out = np.empty((n_row, n_out), scale.dtype)
    if n_row <= FEW_ROWS:
        size = 4 * BUFFER // n_in
        share(lambda a, b: _few_rows(x, q[a:b], out[:, a:b]), n_out, max(size, 1))
    else:

        def work(start, stop):
            out[:, start:stop] = x @ q[start:stop].astype(out.dtype).T

        share(work, n_out, max(MANY // n_in, 1))
    out *= scale
    return out


def _few_rows(x, q, out):
    """``x @ q.T``, one buffer full of outputs after the other, each a stack of small
    ``[n_in, n_piece]`` matrices, which BLAS takes as they lie (matmul.py)."""
    (n_row, n_in), n_out = x.shape, len(q)
    piece = min(SMALL // (n_row * n_in), SMALL_RESULT // n_row)
    piece = max(PIECE // n_in if n_row == 1 else piece, 1)
    size = max(BUFFER // (n_in * piece), 1) * piece
    buffer = np.empty((min(size, n_out), n_in), out.dtype)
    for begin in range(0, n_out, size):
        part, result = q[begin : begin + size], out[:, begin : begin + size]
        weight, whole = buffer[: len(part)], len(part) // piece * piece
        np.copyto(weight, part)
        stack = weight[:whole].reshape(-1, piece, n_in).swapaxes(1, 2)
        results = result[:, :whole].reshape(n_row, -1, piece).swapaxes(0, 1)
        np.matmul(x, stack, out=results)
        result[:, whole:] = x @ weight[whole:].T
