"""``x @ weight``: the one operation that takes nearly all the time.

Two numbers bound it. Every weight must come from the memory once: for GPT-2 124M that
is half a gigabyte, and at 24 GB/s it takes 21 ms, however few the rows of ``x`` are.
And every row needs two operations a weight. For one row, a token to be generated,
nearly only the first counts, for a prompt of hundreds of rows only the second.

`matmul` cuts the weight into pieces that lie in the memory without a gap, which the
processor's cores share (threads.py), and multiplies each in the way that suits the
number of rows:

- One row is left to BLAS's own threads, as long as they are not disturbed (one_row.py).
- A few rows, several texts or the beams of one: BLAS's product of matrices first copies
  the weights into another order, which costs more than the work itself. On processors
  with AVX-512 it leaves that out where both matrices are small: so they are cut small.
  On others four rows are best multiplied one by one, the piece being in the cache.
- Many rows: the copy pays off, and a piece is a quarter of the columns.

Try: time ``x @ w`` and ``matmul(x, w)`` for 1 to 32 rows of a ``[768, 3072]`` matrix.

Next: layers.py. (int8.py holds weights in a quarter of the memory.)
"""

import numpy as np

from .blas import OPENBLAS, SMALL_KERNELS, call_on_threads, kernel
from .one_row import by_column, one_row
from .threads import share

# Linux's malloc hands freed memory back to the system, and every 4 KB of it cost a page
# fault next time (a tenth of reading a prompt), until it has once seen a large block
# freed. Here is one; no memory is touched.
np.empty((32 << 20) - 8192, np.uint8)

ONE_BY_ONE = 0 if kernel() in SMALL_KERNELS else 4  # so many rows at most
FEW_ROWS = 16
ENOUGH = 1 << 22  # weights times rows: less is not worth waking a thread
PIECE = 1 << 18  # weights: a megabyte, which stays in a core's cache
# OpenBLAS takes matrices as they lie if n_row * n_in * n_out is at most this, and,
# where the columns of the second are contiguous, n_row * n_out at most that.
SMALL, SMALL_RESULT = 1_000_000, 1200
N_IN = 32  # so many inputs at a time, if the outputs lie side by side


def arrange(array):
    """The same array, a matrix with its shorter side contiguous in memory: so what
    belongs to one hidden unit of an MLP lies side by side (mlp.py). The shape and
    ``x @ weight`` are as before; what lies right is not copied."""
    if array.ndim != 2:
        return array
    n, m = array.shape
    order = "F" if n <= m else "C"
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
    if not isinstance(weight, np.ndarray) or not OPENBLAS:
        return x @ weight
    if x.ndim == 1:
        return one_row(x, weight)
    if len(x) == 1:
        return one_row(x[0], weight)[None]
    if len(x) * weight.size < ENOUGH:
        return call_on_threads(1, multiply, x, weight)
    if len(x) > FEW_ROWS:
        return _by_outputs(x, weight, -(-weight.shape[1] // 4))
    if by_column(weight):
        return _by_outputs(x, weight, max(PIECE // len(weight), 1))
    return _by_inputs(x, weight, max(PIECE // weight.shape[1], 1))


def _by_outputs(x, weight, size):
    """So many columns at a time."""
    out = np.empty((len(x), weight.shape[1]), x.dtype)

    def work(start, stop):
        out[:, start:stop] = multiply(x, weight[:, start:stop])

    share(work, weight.shape[1], size)
    return out


def _by_inputs(x, weight, size):
    """So many rows of the weight at a time, and the sum of what they give."""
    parts = np.empty((-(-len(weight) // size), len(x), weight.shape[1]), x.dtype)

    def work(start, stop):
        parts[start // size] = multiply(x[:, start:stop], weight[start:stop])

    share(work, len(weight), size)
    return np.add.reduce(parts, axis=0)


def multiply(x, weight):
    """``x @ weight``, ``[n_row, n_in] @ [n_in, n_out]`` of a piece, in one thread."""
    if len(x) <= ONE_BY_ONE:
        out = np.empty((len(x), weight.shape[1]), x.dtype)
        for row, result in zip(x, out):
            np.dot(row, weight, out=result)  # ``@`` would keep Python's lock
        return out
    if len(x) > FEW_ROWS or ONE_BY_ONE:
        return x @ weight
    return (_small_columns if by_column(weight) else _small_rows)(x, weight)


def _small_columns(x, weight):
    """A stack of small matrices, so many columns each."""
    (n_row, n_in), n_out = x.shape, weight.shape[1]
    size = min(SMALL // (n_row * n_in), SMALL_RESULT // n_row)
    size = 1 << max(size, 1).bit_length() - 1  # a power of two
    n_whole = n_out // size
    out = np.empty((n_row, n_out), x.dtype)
    whole, rest = slice(n_whole * size), slice(n_whole * size, None)
    weights = weight.T[whole].reshape(n_whole, size, n_in).swapaxes(1, 2)
    results = out[:, whole].reshape(n_row, n_whole, size).swapaxes(0, 1)
    np.matmul(x, weights, out=results)
    out[:, rest] = x @ weight[:, rest]
    return out


def _small_rows(x, weight):
    """A stack of small matrices, so many rows each, and the sum of their products."""
    (n_row, n_in), n_out = x.shape, weight.shape[1]
    size = max(min(N_IN, SMALL // (n_row * n_out)), 1)
    n_whole = n_in // size
    whole, rest = slice(n_whole * size), slice(n_whole * size, None)
    xs = x[:, whole].reshape(n_row, n_whole, size).swapaxes(0, 1)
    parts = np.matmul(xs, weight[whole].reshape(n_whole, size, n_out))
    out = np.add.reduce(parts, axis=0)
    if n_whole * size < n_in:
        out += x[:, rest] @ weight[rest]
    return out
