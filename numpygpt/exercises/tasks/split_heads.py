"""Splitting heads: one matrix of rows becomes a small matrix for each head.

A linear layer gives every token a row of n_embd numbers. Attention wants n_head
matrices, one a head, each with a row for every token. In a row the heads lie side by
side: the first d_head numbers are head 0's, the next d_head are head 1's, and so on
(d_head = n_embd / n_head).

The trap: reshape never moves a number, it only cuts the same sequence elsewhere. What
has to be done is a cut *and* an exchange of two axes.
"""

import numpy as np

from ... import model
from ..examples import floats
from ..grade import like

NAME = "split_heads"
STUB = '''
import numpy as np


def split_heads(x, n_head):
    """[n_tok, n_embd] -> [n_head, n_tok, d_head].

    >>> x = np.array([[1, 2, 3, 4],           # token 0: heads (1 2) and (3 4)
    ...               [5, 6, 7, 8]])          # token 1: heads (5 6) and (7 8)
    >>> split_heads(x, 2).tolist()            # head 0 of both tokens, then head 1
    [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]
    """
    raise NotImplementedError
'''
HINTS = [
    "Write down the shape after each step. First cut each row: [n_tok, n_embd] -> "
    "[n_tok, n_head, d_head]. That is a reshape.",
    "Then the token's axis and the head's axis change places. That is a transpose.",
    "transpose(1, 0, 2): the old axis 1 comes first, then 0, then 2.",
]
answer = model.split_heads
SOLUTION = [model.split_heads]


def interleaved(x, n_head):
    return x.reshape(len(x), -1, n_head).transpose(2, 0, 1)


SYMPTOMS = {
    "It is only reshaped: head 0 holds whole tokens, not a part of every token. "
    "Reshape cuts the same sequence elsewhere and moves nothing.": like(
        lambda x, n: x.reshape(n, len(x), -1)
    ),
    "The numbers of a head are taken n_head apart (0, n_head, 2 n_head, ...), but they "
    "lie side by side in the row.": like(interleaved),
    "The token comes first, [n_tok, n_head, d_head], where the head should.": like(
        lambda x, n: x.reshape(len(x), n, -1)
    ),
    "Each head's matrix lies on its side: [n_head, d_head, n_tok], not "
    "[n_head, n_tok, d_head].": like(
        lambda x, n: x.reshape(len(x), n, -1).T.swapaxes(0, 1)
    ),
    "The heads come in the wrong order.": like(
        lambda x, n: x.reshape(len(x), n, -1).transpose(1, 0, 2)[::-1]
    ),
    "The numbers are those of x, but in other places.": lambda got, expected, x, n: (
        np.array_equal(np.sort(np.ravel(got)), np.sort(np.ravel(x)))
    ),
}


def cases():
    for n_tok, n_head, d_head in [
        (1, 1, 1), (1, 2, 1), (2, 1, 2), (2, 2, 1), (3, 2, 2), (2, 2, 2), (2, 3, 2),
        (3, 2, 5), (5, 4, 3),
    ]:  # fmt: skip
        n = n_tok * n_head * d_head
        yield np.arange(1.0, n + 1, dtype=np.float32).reshape(n_tok, -1), n_head
    yield floats(0, 4, 6, dtype=np.float64), 3
