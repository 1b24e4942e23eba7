"""The smallest set of its mass, without sorting 50,000 numbers.

Several filters order the tokens by a key (the least surprising first, say) and keep the
beginning of that order, up to a mass. The plain way sorts everything to keep a few:

    order = np.argsort(keys, kind="stable")
    count = np.searchsorted(np.cumsum(weights[order]), target) + 1
    kept = order[:count]

`smallest_set` puts the keys into bins instead, adds up the weights bin by bin, and
sorts only the one bin in which the mass is reached. That takes a tenth of the time.
"""

import numpy as np

N_BINS = 4096


def smallest_set(keys, weights, target, crossing=True):
    """A mask of the elements with the smallest keys, as few as have weights that sum to
    ``target``; among equal keys the first. Equal to the three lines above. Without
    ``crossing``, the element that would reach beyond the target is left out."""
    kept, side = np.zeros(len(keys), bool), "left" if crossing else "right"
    left = np.flatnonzero(keys < np.inf)
    while len(left) > 64:
        bins, n_bins = _bins(keys[left])
        mass = np.bincount(bins, weights[left], n_bins)
        total = np.cumsum(mass)
        at = min(int(np.searchsorted(total, target, side)), n_bins - 1)
        kept[left[bins < at]] = True
        target -= total[at] - mass[at]
        inside = left[bins == at]
        if len(inside) == len(left):  # all in one bin: they are equal, or nearly
            break
        left = inside
    order = left[np.argsort(keys[left], kind="stable")]
    count = np.searchsorted(np.cumsum(weights[order]), target, side) + crossing
    kept[order[:count]] = True
    return kept


def _bins(keys):
    """A bin for each key, in their order; equal keys share one."""
    low = keys.min()
    with np.errstate(over="ignore", divide="ignore"):
        scale = (N_BINS - 1) / (keys.max() - low)
    if not 0 < scale < np.inf:  # all are equal, or too far apart for numbers
        return np.zeros(len(keys), np.intp), 1
    return ((keys - low) * scale).astype(np.intp), N_BINS
