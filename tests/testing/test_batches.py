"""Whose code speaks of several rows."""

import functools
import types

import numpy as np
import pytest

from numpygpt.testing import batches
from numpygpt.testing.batches import speaks_of_rows
from numpygpt.testing.filters import Subject

INF = np.inf


def subject(f):
    return Subject(f, None, "any", False, 5)


def plain(z):
    return np.where(z >= z.max(), z, -INF)


def asks_ndim(z):
    return z if z.ndim == 1 else None  # as it stands: it need not work


def with_axis(z):
    return np.where(z >= z.max(axis=-1, keepdims=True), z, -INF)


def with_keepdims(z):
    return np.where(z >= np.max(z, -1, keepdims=True), z, -INF)


def axis_of_one_row(z):
    return np.where(z >= np.sort(z, axis=0)[-2], z, -INF)


def axis_that_crashes(z):
    if len(z) == 1:
        raise ValueError("one row only")
    return z - z.min(axis=0)


def axis_that_is_flat(z):
    return np.ravel(z) - np.min(z, axis=None)


def axis_of_nothing(z):
    return np.full(z.shape, -INF) * z.min(axis=0).size


def axis_inside(z):
    def best(x):
        return np.max(x, axis=-1, keepdims=True)

    return np.where(z >= best(z), z, -INF)


def names_another(z):
    return with_axis(z)


def names_one_that_names(z):
    return names_another(z)


def too_far(z):
    return names_one_that_names(z)


HELPERS = types.ModuleType("helpers")
HELPERS.filter_rows = with_axis


def through_a_module(z):
    return HELPERS.filter_rows(z)


def closes_over(f):
    return lambda z: f(z)


def closes_over_nothing():
    def f(z):
        return later if z is None else z

    if f is None:
        later = 1
    return f


class Tool:
    """Something to call that has no code of its own."""

    def __call__(self, z):
        return with_axis(z)


def numpy_of_rows(z):
    return softened(z)


softened = types.FunctionType(with_axis.__code__, {"np": np, "INF": INF}, "softened")
softened.__module__ = "numpy.somewhere"


@pytest.mark.parametrize(
    ("f", "speaks"),
    [
        (plain, False), (asks_ndim, True), (with_axis, True), (with_keepdims, True),
        (axis_of_one_row, False), (axis_that_crashes, False),
        (axis_that_is_flat, False), (axis_of_nothing, False), (axis_inside, True),
        (names_another, True), (names_one_that_names, True), (too_far, False),
        (through_a_module, True), (closes_over(with_axis), True),
        (closes_over(plain), False), (closes_over_nothing(), False),
        (functools.partial(with_axis), True), (functools.partial(plain), False),
        (lambda z: z - np.expand_dims(z.max(axis=-1), -1), True),
        (lambda z: np.array(z, dtype=float, copy=True), False),
        (np.negative, False), (Tool(), False), (numpy_of_rows, False),
    ],
)  # fmt: skip
def test_whose_code_names_rows(f, speaks):
    assert speaks_of_rows(subject(f)) is speaks


@pytest.mark.parametrize(
    "module", ["numpy.core", "torch.nn", "transformers", "builtins"]
)
def test_the_code_of_others_is_not_read(module):
    other = types.FunctionType(with_axis.__code__, {"np": np, "INF": INF})
    other.__module__ = module
    assert [*batches._codes(closes_over(other), 3)] == [closes_over(other).__code__]
    other.__module__ = "mine"
    assert with_axis.__code__ in [*batches._codes(closes_over(other), 3)]
    other.__module__ = None
    assert with_axis.__code__ in [*batches._codes(closes_over(other), 3)]


@pytest.mark.parametrize(
    ("f", "works"),
    [
        (lambda z: z, True),
        (lambda z: z.tolist(), True),
        (lambda z: z - z.max(axis=-1, keepdims=True), True),
        (lambda z: z * (1 + z.ndim), False),
        (lambda z: z[0] if z.ndim == 2 else z, False),
        (lambda z: z - INF if z.ndim == 2 else z, False),
        (lambda z: 1 / 0 if z.ndim == 2 else z, False),
        (lambda z: "word" if z.ndim == 2 else z, False),
        (lambda z: z[:, ::-1] if z.ndim == 2 else z, False),
    ],
)
def test_one_row_as_a_table_must_work_as_it_does_alone(f, works):
    assert batches._one_row_works(subject(f)) == works


def test_the_row_that_is_tried():
    seen = []
    batches._one_row_works(subject(lambda z: seen.append(z) or z))
    assert seen[0].tolist() == [[0.5, -1.0, 2.0, 0.0, 1.5, -0.5, 1.0]]
