import math

import numpy as np


def soft(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def right_mask(q, k, v):
    n = len(q)
    mask = np.where(np.arange(n)[:, None] >= np.arange(n), 0, -np.inf).astype(q.dtype)
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def right_token_by_token(q, k, v):
    rows = []
    for i in range(len(q)):
        scores = k[: i + 1] @ q[i] / math.sqrt(len(q[i]))
        rows.append(soft(scores) @ v[: i + 1])
    return np.array(rows)


def right_in_place_on_its_own(q, k, v):
    scores = q @ k.T * q.shape[1] ** -0.5
    scores[np.triu_indices(len(q), 1)] = -np.inf
    return soft(scores) @ v


def wrong_diagonal(q, k, v):
    """does not see itself"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype))
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def wrong_no_mask(q, k, v):
    """no mask"""
    return soft(q @ k.T / math.sqrt(q.shape[1])) @ v


def wrong_upside_down(q, k, v):
    """upside down"""
    mask = np.tril(np.full((len(q), len(q)), -np.inf, q.dtype), -1)
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def wrong_one_late(q, k, v):
    """one token of the future"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), 2)
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def wrong_no_scale(q, k, v):
    """not divided by sqrt"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), 1)
    return soft(q @ k.T + mask) @ v


def wrong_scale(q, k, v):
    """divided by d_head, not by its root"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), 1)
    return soft(q @ k.T / q.shape[1] + mask) @ v


def wrong_finite_before_scaling(q, k, v):
    """future shines through"""
    mask = np.triu(np.full((len(q), len(q)), -1e4, q.dtype), 1)
    return soft((q @ k.T + mask) / math.sqrt(q.shape[1])) @ v


def wrong_finite_small(q, k, v):
    """future shines through"""
    mask = np.triu(np.full((len(q), len(q)), -100, q.dtype), 1)
    return soft((q @ k.T + mask) / math.sqrt(q.shape[1])) @ v


def wrong_multiplied(q, k, v):
    """set to 0, not to -inf"""
    return soft(np.tril(q @ k.T) / math.sqrt(q.shape[1])) @ v


def wrong_after(q, k, v):
    """no longer sums to 1"""
    return np.tril(soft(q @ k.T / math.sqrt(q.shape[1]))) @ v


def wrong_axis(q, k, v):
    """down the columns"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), 1)
    e = q @ k.T / math.sqrt(q.shape[1]) + mask
    e = np.exp(e - e.max(axis=0))
    return e / e.sum(axis=0) @ v


def wrong_overflow(q, k, v):
    """exp overflows"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), 1)
    e = np.exp(q @ k.T / math.sqrt(q.shape[1]) + mask)
    return e / e.sum(axis=1, keepdims=True) @ v


def wrong_float64(q, k, v):
    """float64 comes out"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf), 1)
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def right_least(q, k, v):
    """The least float is far enough below any score."""
    scores = q @ k.T / math.sqrt(q.shape[1])
    hidden = np.triu(np.ones(scores.shape, bool), 1)
    return soft(np.where(hidden, np.finfo(q.dtype).min, scores)) @ v


def wrong_billion(q, k, v):
    """future shines through"""
    mask = np.triu(np.full((len(q), len(q)), -1e9, q.dtype), 1)
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def wrong_zero_times_inf(q, k, v):
    """0 .* -inf is NaN"""
    mask = np.triu(np.ones((len(q), len(q)), q.dtype), 1) * -np.inf
    return soft(q @ k.T / math.sqrt(q.shape[1]) + mask) @ v


def wrong_scale_by_tokens(q, k, v):
    """divided by sqrt.n_tok"""
    mask = np.triu(np.full((len(q), len(q)), -np.inf, q.dtype), 1)
    return soft(q @ k.T / math.sqrt(len(q)) + mask) @ v
