"""``x @ weight``: the one operation that takes nearly all the time.

Two numbers bound it. Every weight must come from the memory once: for GPT-2 124M that
is half a gigabyte, and at 24 GB/s it takes 21 ms, however few the rows of ``x`` are.
And every row needs two operations a weight. For one row, a token to be generated,
nearly only the first counts, for a prompt of hundreds of rows only the second.

BLAS, the library behind NumPy's ``@``, has a function for one row and one for many,
and both come close to those bounds, provided that the weights lie well (`arrange`).
In between it has none: for a few rows, several texts or the beams of one, its product
of matrices first copies all the weights into another order, which costs more than the
work itself. It leaves that out where both matrices are small. So with a few rows
`matmul` cuts the weights into pieces that are, each of them without a gap in the
memory, and that the processor's cores share.

Try: time ``x @ w`` and ``matmul(x, w)`` for 1 to 32 rows of a ``[768, 3072]`` matrix.

Next: layers.py. (int8.py holds weights in a quarter of the memory.)
"""

import numpy as np

from .threads import share

# Linux's malloc hands freed memory back to the system, and every 4 KB of it cost a page
# fault next time (a tenth of reading a prompt), until it has once seen a large block
# freed. Here is one; no memory is touched.
np.empty((32 << 20) - 8192, np.uint8)

FEW_ROWS = 16
SOME_ROWS = 64  # up to here BLAS is faster if it computes the transposed product
# OpenBLAS takes matrices as they lie if n_row * n_in * n_out is at most this, and,
# where the columns of the second are contiguous, n_row * n_out at most that.
SMALL, SMALL_RESULT = 1_000_000, 1200
N_IN = 32  # so many inputs at a time, if the outputs lie side by side
N_OUT = 1536  # and so many outputs: their sums stay in the processor's cache


def arrange(array):
    """The same array, a matrix with its longer side contiguous in memory: so BLAS's
    product with one row reads it fastest, by a fifth for all of GPT-2. The shape and
    ``x @ weight`` are as before; what lies right is not copied."""
    if array.ndim != 2:
        return array
    n, m = array.shape
    order = "F" if n >= m else "C"
    if array.flags.f_contiguous if order == "F" else array.flags.c_contiguous:
        return array
    out = np.empty((n, m), array.dtype, order)

    def work(start, stop):
        out[start:stop] = array[start:stop]

    share(work, n, 128)
    return out


def affine(x, weight, bias):
    """``x @ weight + bias``, ``[n_row, n_in]`` -> ``[n_row, n_out]``."""
    if x.ndim == 2 and len(x) == 1:  # NumPy adds two vectors faster than to one row
        return affine(x[0], weight, bias)[None]
    out = matmul(x, weight)
    out += bias
    return out


def matmul(x, weight):
    """``x @ weight``: ``[n_row, n_in] @ [n_in, n_out] -> [n_row, n_out]``; ``x`` may
    also be one row, ``[n_in]``."""
    n_row = len(x) if x.ndim > 1 else 1
    if not isinstance(weight, np.ndarray) or not 1 < n_row <= SOME_ROWS:
        return x @ weight
    if n_row > FEW_ROWS:
        return np.ascontiguousarray((weight.T @ x.T).T)
    if weight.strides[0] < weight.strides[1]:
        return _by_outputs(x, weight)
    return _by_inputs(x, weight)


def _by_outputs(x, weight):
    """Where a column of the weight is contiguous: so many columns at a time."""
    (n_row, n_in), n_out = x.shape, weight.shape[1]
    size = min(SMALL // (n_row * n_in), SMALL_RESULT // n_row)
    size = 1 << max(size, 1).bit_length() - 1  # a power of two
    n_whole = n_out // size
    out = np.empty((n_row, n_out), x.dtype)
    whole, rest = slice(n_whole * size), slice(n_whole * size, None)
    weights = weight.T[whole].reshape(n_whole, size, n_in).swapaxes(1, 2)
    results = out[:, whole].reshape(n_row, n_whole, size).swapaxes(0, 1)

    def work(start, stop):
        np.matmul(x, weights[start:stop], out=results[start:stop])

    share(work, n_whole)
    out[:, rest] = x @ weight[:, rest]
    return out


def _by_inputs(x, weight):
    """Where a row of the weight is contiguous: so many rows at a time, and the sum."""
    (n_row, n_in), n_out = x.shape, weight.shape[1]
    n_whole = n_in // N_IN
    out = np.empty((n_row, n_out), x.dtype)
    whole, rest = slice(n_whole * N_IN), slice(n_whole * N_IN, None)
    xs = x[:, whole].reshape(n_row, n_whole, N_IN).swapaxes(0, 1)

    def work(start, stop):
        weights = weight[whole, start:stop].reshape(n_whole, N_IN, stop - start)
        parts = np.matmul(xs, weights)
        # twice as fast as with `out`, whose rows have gaps between them
        out[:, start:stop] = np.add.reduce(parts, axis=0)

    share(work, n_out, N_OUT)
    if n_whole * N_IN < n_in:
        out += x[:, rest] @ weight[rest]
    return out
