"""Every function of fast/ against the plain formula that its docstring names.

A row of `PAIRS` is a function, the formula in plain NumPy or plain Python, and inputs
for both. A new public function of fast/ without a row here fails the last test.
"""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from numpygpt import Tokenizer, fast, tokenizer
from numpygpt.activations import ACTIVATION
from numpygpt.fast import (
    attention,
    int8,
    long_pieces,
    matmul,
    mlp,
    nucleus,
    one_row,
    threads,
)
from numpygpt.fast.memo import Memo

RNG = np.random.default_rng(0)
TEXT = "It's a plain text, a plain one; aaaaaaaaaaaaaaaa  and   so on.\n"
ENCODE = Tokenizer.gpt2()._encode_piece


def normal(*shape):
    return RNG.standard_normal(shape)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def plain_attention(q, memories, rows):
    """``softmax(q @ k.T + causal_mask) @ v``, sequence by sequence."""
    out = []
    for memory, own in zip(memories, rows):
        k, v = (np.concatenate(m, axis=1) for m in zip(*memory))
        n, n_key = own.stop - own.start, k.shape[1]
        mask = np.triu(np.full((n, n_key), -np.inf), k=n_key - n + 1)
        out.append(softmax(q[:, own] @ k.swapaxes(1, 2) + mask) @ v)
    return np.concatenate(out, axis=1)


def sequences(n_news, n_seens, shared=0):
    """Queries and memories of sequences with so many new and so many older tokens."""
    n_head, d_head = 3, 16
    common = normal(n_head, shared, d_head), normal(n_head, shared, d_head)
    memories, rows, start = [], [], 0
    for n_new, n_seen in zip(n_news, n_seens):
        own = [normal(n_head, n_seen + n_new, d_head) for _ in range(2)]
        memories.append([common, tuple(own)] if shared else [tuple(own)])
        rows.append(slice(start, start + n_new))
        start += n_new
    return normal(n_head, start, d_head), memories, rows


def plain_set(keys, weights, target, crossing=True):
    order = np.argsort(keys, kind="stable")
    reached = np.cumsum(weights[order]) < target
    count = reached.sum() + crossing
    kept = np.zeros(len(keys), bool)
    kept[order[:count]] = True
    return kept


def plain_merge(symbols, merges):
    return tokenizer.merge(list(symbols), merges)


def plain_share(size):
    done = []
    threads.share(lambda a, b: done.extend(range(a, b)), 1000, size)
    return sorted(done)


def pair(function, plain, *args, name=None):
    label = name or getattr(function, "__name__", "")
    return pytest.param(function, plain, args, id=label)


def mlp_inputs(n_row):
    c_fc = {"weight": matmul.arrange(normal(400, 1600)), "bias": normal(1600)}
    c_proj = {"weight": normal(1600, 400), "bias": normal(400)}
    return normal(n_row, 400), ACTIVATION["gelu_new"], c_fc, c_proj


PAIRS = [
    *[
        pair(matmul.matmul, lambda x, w: x @ w, normal(n, 900), weight)
        for n in (1, 2, 4, 5, 16, 17, 100)
        for weight in (normal(900, 1300), np.asfortranarray(normal(900, 1300)))
    ],
    *[
        pair(matmul.multiply, lambda x, w: x @ w, normal(n, 200), weight)
        for n in (1, 3, 16, 17)
        for weight in (normal(200, 300), np.asfortranarray(normal(200, 300)))
    ],
    pair(
        matmul.affine,
        lambda x, w, b: x @ w + b,
        normal(3, 40),
        normal(40, 9),
        normal(9),
    ),
    pair(one_row.one_row, lambda x, w: x @ w, normal(300), normal(300, 1000)),
    pair(matmul.arrange, lambda array: array, normal(7, 300)),
    *[
        pair(
            mlp.mlp_by_units,
            lambda x, f, fc, proj: (
                f(x @ fc["weight"] + fc["bias"]) @ proj["weight"] + proj["bias"]
            ),
            *mlp_inputs(n),
        )
        for n in (1, 2, 8, 40)
    ],
    *[
        pair(attention.causal_attention, plain_attention, *sequences(*how))
        for how in [
            ([5], [0]),
            ([200], [0]),
            ([70], [90]),
            ([1], [30]),
            ([1, 1, 1], [4, 50, 9]),
            ([1, 1], [3, 3], 20),
            ([3, 90, 1], [0, 7, 40]),
        ]
    ],  # fmt: skip
    pair(attention.softmax_in_place, softmax, normal(6, 50)),
    pair(
        lambda x, w: int8.product(x, int8.quantize(w).q, int8.quantize(w).scale.T),
        lambda x, w: x @ np.asarray(int8.quantize(w)).T,
        normal(5, 80),
        normal(60, 80),
        name="product",
    ),  # fmt: skip
    pair(
        nucleus.smallest_set,
        plain_set,
        normal(9000),
        RNG.dirichlet(np.ones(9000)),
        0.7,
    ),  # fmt: skip
    pair(
        long_pieces.merge_long,
        plain_merge,
        [*b"aaaaaaaaabaaaaaaab" * 9],
        {(97, 97): 256, (256, 256): 257, (97, 98): 258},
    ),  # fmt: skip
    pair(
        lambda text: Memo(tokenizer.cut, ENCODE).encode(text * 3),
        lambda text: [i for piece in tokenizer.cut(text * 3) for i in ENCODE(piece)],
        TEXT,
        name="Memo",
    ),  # fmt: skip
    pair(plain_share, lambda size: [*range(1000)], 7, name="share"),
    pair(
        threads.by_rows(lambda x: x * x - x),
        lambda x: x * x - x,
        normal(600, 500),
        name="by_rows",
    ),  # fmt: skip
    pair(
        threads.by_rows(lambda x: x * x - x),
        lambda x: x * x - x,
        normal(3, 100_000),  # rows longer than a block
        name="by_rows",
    ),
]


@pytest.mark.parametrize("function, plain, args", PAIRS)
def test_equals_plain(monkeypatch, function, plain, args):
    for module in (matmul, mlp):
        monkeypatch.setattr(module, "ENOUGH", 1 << 20)
    want = np.asarray(plain(*args))  # first: some functions work in place
    got = np.asarray(function(*args))
    assert got.shape == want.shape and got.dtype == want.dtype
    scale = max(np.abs(want).max(), 1) if want.dtype.kind == "f" else 1
    assert np.abs(got.astype(float) - want.astype(float)).max() <= 1e-12 * scale


# What has no formula: what sets threads, what only says something, parts of the above.
OTHERS = {
    "libraries", "find", "named", "kernel", "n_blas_threads", "describe", "allowed",
    "can_start", "n_cores", "OneThread", "Threads", "call_on_threads", "Clock",
    "even", "Within",
    "on_one_thread", "Job", "Team", "n_threads", "by_column", "attend", "causal_mask",
    "prefill", "decode", "parts_of", "pieces_of", "quantize", "pack", "Int8Matrix",
    "sweep", "Pieces",
}  # fmt: skip

# Tables of a tokenizer, held to the tokenizers that read the same files elsewhere.
TOKENIZER = {"Added", "Finder", "AddedTokens", "merge_table", "all_pairs"}


def test_every_function_has_its_row():
    names = set()
    for path in Path(inspect.getfile(fast)).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names |= {node.name} - OTHERS
    names = {name for name in names - TOKENIZER if not name.startswith("_")}
    assert names == {p.id for p in PAIRS}
