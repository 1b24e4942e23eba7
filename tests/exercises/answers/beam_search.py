import heapq

import numpy as np


def right_sort(log_probs, prompt, width, n_new):
    beams = [(0.0, list(prompt))]
    for _ in range(n_new):
        made = []
        for score, ids in beams:
            for token, logp in enumerate(log_probs(ids)):
                made.append((score + logp, ids + [token]))
        made.sort(key=lambda c: c[0], reverse=True)
        beams = made[:width]
    return beams


def right_arrays(log_probs, prompt, width, n_new):
    scores, rows = np.zeros(1), np.array([prompt])
    for _ in range(n_new):
        totals = scores[:, None] + np.stack([log_probs(row.tolist()) for row in rows])
        best = np.argsort(-totals, axis=None, kind="stable")[:width]
        parents, tokens = np.unravel_index(best, totals.shape)
        scores = totals[parents, tokens]
        rows = np.column_stack([rows[parents], tokens])
    return [(float(s), row.tolist()) for s, row in zip(scores, rows)]


def right_heap(log_probs, prompt, width, n_new):
    beams = [(0.0, tuple(prompt))]
    for _ in range(n_new):
        made = (
            (s + float(x), ids + (t,))
            for s, ids in beams
            for t, x in enumerate(log_probs(list(ids)))
        )
        beams = heapq.nlargest(width, made, key=lambda c: c[0])
    return beams


def wrong_each_its_best(log_probs, prompt, width, n_new):
    """only its own best continuation"""
    logp = log_probs(prompt)
    best = np.argsort(-logp, kind="stable")[: width if n_new else 0]
    beams = [(float(logp[t]), prompt + [int(t)]) for t in best] or [(0.0, prompt)]
    for _ in range(n_new - 1):
        new = []
        for score, ids in beams:
            row = log_probs(ids)
            t = int(np.argmax(row))
            new.append((score + float(row[t]), ids + [t]))
        beams = new
    return sorted(beams, key=lambda c: -c[0])


def wrong_products(log_probs, prompt, width, n_new):
    """products of probabilities"""
    beams = [(1.0, list(prompt))]
    for _ in range(n_new):
        made = [
            (score * np.exp(x), ids + [t])
            for score, ids in beams
            for t, x in enumerate(log_probs(ids))
        ]
        beams = sorted(made, key=lambda c: -c[0])[:width]
    return beams


def wrong_last_only(log_probs, prompt, width, n_new):
    """Only the last token's"""
    beams = [(0.0, list(prompt))]
    for _ in range(n_new):
        made = [
            (x, ids + [t]) for _, ids in beams for t, x in enumerate(log_probs(ids))
        ]
        beams = sorted(made, key=lambda c: -c[0])[:width]
    return beams


def wrong_greedy(log_probs, prompt, width, n_new):
    """width"""
    return right_sort(log_probs, prompt, 1, n_new)


def wrong_without_prompt(log_probs, prompt, width, n_new):
    """begin with the prompt"""
    return [
        (s, ids[len(prompt) :])
        for s, ids in right_sort(log_probs, prompt, width, n_new)
    ]


def wrong_order(log_probs, prompt, width, n_new):
    """not the best first"""
    return right_sort(log_probs, prompt, width, n_new)[::-1]


def wrong_mean(log_probs, prompt, width, n_new):
    """with other scores"""
    best = right_sort(log_probs, prompt, width, n_new)
    return [(s / max(n_new, 1), ids) for s, ids in best]


def wrong_worst(log_probs, prompt, width, n_new):
    """worst candidates"""
    beams = [(0.0, list(prompt))]
    for _ in range(n_new):
        made = [
            (s + x, ids + [t]) for s, ids in beams for t, x in enumerate(log_probs(ids))
        ]
        beams = sorted(made)[:width]
    return beams


def wrong_without_the_best(log_probs, prompt, width, n_new):
    """better text was lost"""
    return right_sort(log_probs, prompt, width + 1, n_new)[1:] or [(0.0, prompt)]
