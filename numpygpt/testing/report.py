"""What a check says: a report when all is well, a named failure when not.

A failure is an AssertionError whose first line names the property; then come the
smallest example, as code to paste, what is wrong there, and what reproduces it. A crash
keeps the traceback of the function under test (it is the error's ``__cause__``), and a
function that does not come back is stopped. pytest shows the line of your test and not
those of this package: that is what ``__tracebackhide__`` does.
"""

import re
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

__tracebackhide__ = True


@dataclass
class Report:
    """What was checked, and what was not. ``print`` it."""

    check: str
    seed: int
    checked: dict = field(default_factory=dict)  # property: how often, or a number
    not_checked: dict = field(default_factory=dict)  # property: why
    statistics: list = field(default_factory=list)  # a `Statistic` for every test
    power: dict = field(default_factory=dict)  # fault: the least share that is found

    def __str__(self):
        lines = [f"{self.check}: nothing found (seed={self.seed})"]
        lines += [
            f"  checked      {name}: {what}" for name, what in self.checked.items()
        ]
        lines += [f"  not checked  {name}: {w}" for name, w in self.not_checked.items()]
        if self.statistics:
            least = min(self.statistics, key=lambda s: s.p)
            lines.append(f"  {len(self.statistics)} tests of draws, {ALARMS}; least p:")
            lines.append(f"    {least}")
        for fault, share in self.power.items():
            lines.append(
                f"  found in 99.9 % of runs: {fault} in {share:.1%} of the draws"
            )
        return "\n".join(lines)


@dataclass
class Statistic:
    """One test of draws: what was counted, and how unlikely that is."""

    what: str
    n_draws: int
    statistic: float
    p: float
    verdict: str = "as it should be"

    def __str__(self):
        return (
            f"{self.what}: {self.n_draws} draws, statistic {self.statistic:.1f}, "
            f"p = {self.p:.2g}: {self.verdict}"
        )


ALPHA = 1e-8  # a verdict: the probability that a right function fails this one test
MOST_VERDICTS = 50  # in one check, so that all together stay below one in a million
ALARMS = f"a false alarm at most once in {1 / (ALPHA * MOST_VERDICTS):,.0f} runs"


class TookTooLong(BaseException):
    """Not an Exception, so that no ``except Exception`` of the function swallows it."""


@contextmanager
def time_limit(seconds):
    """Stop what runs longer. Only where signals work: in the main thread, on Unix."""
    main = threading.current_thread() is threading.main_thread()
    if not (seconds and main and hasattr(signal, "setitimer")):
        yield
        return

    def stop(*_):
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Broken(Exception):
    """A property does not hold: its name, what is wrong, and what caused it."""

    def __init__(self, name, wrong, example="", cause=None):
        super().__init__(name, wrong)
        self.name, self.wrong, self.example, self.cause = name, wrong, example, cause


def call(f, *args, seconds=10, example=""):
    """``f(*args)``; a crash or a hang is a `Broken` property."""
    try:
        with time_limit(seconds):
            return f(*args)
    except TookTooLong:
        wrong = f"it has not come back after {seconds} seconds"
        raise Broken("no crash", wrong, example) from None
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
        raise Broken("no crash", wrong, example, error) from None


def failure(broken, text, seed):
    """The AssertionError to raise."""
    lines = [f"'{broken.name}': {text}"]
    if broken.example:
        lines += ["for:", *("    " + line for line in broken.example.splitlines())]
    lines += [broken.wrong, f"(again with seed={seed}; to leave it out: "
              f"skip=[{broken.name!r}])"]  # fmt: skip
    return AssertionError("\n".join(lines))


def as_code(value, name=""):
    """A row, a model or a list as code to paste: ``row = np.array([0.0, -np.inf])``."""
    table = getattr(value, "table", None)
    if hasattr(value, "code"):
        text = value.code
    elif table is not None:
        eos, n_ctx = value.generation_config.eos_token_id, value.config.n_ctx
        start = f", start={value.start}" if getattr(value, "start", 0) else ""
        text = f"TableLM({as_code(np.round(table, 6))}, n_ctx={n_ctx}, "
        text += f"eos_token_id={eos}{start})"
    elif isinstance(value, np.ndarray):
        text = _array(value)
    else:
        text = repr(value)
    return f"{name} = {text}" if name else text


def _array(array):
    if array.ndim == 1 and len(array) > 64:
        start = _numbers(array[:4])[:-1]
        return f"np.array({start}, ...])  # {len(array)} logits, {array.dtype}"
    end = "" if array.dtype == np.float64 else f", np.{array.dtype}"
    return f"np.array({_numbers(array)}{end})"


def _numbers(array):
    """Lists of numbers as Python writes them, with NumPy's names of inf and nan."""
    return re.sub("inf|nan", r"np.\g<0>", repr(array.tolist()))
