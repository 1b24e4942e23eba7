"""The properties, by name: `PROPERTIES` lists what the checks look at.

Each name is what a failure begins with, and what ``skip=`` leaves out. A few are not
checked unless asked for, with ``also=``: they are promises that a right function need
not make.
"""

from typing import NamedTuple

from hypothesis import settings

from .report import Report

__tracebackhide__ = True


class Property(NamedTuple):
    """What holds; for which of the checks; whether it is looked at by default."""

    text: str
    checks: tuple
    by_default: bool = True


FILTER, SAMPLER, DECODER, BEAMS = "filter", "sampler", "decoder", "beams"
EVERY = (FILTER, SAMPLER, DECODER, BEAMS)
PROPERTIES = {
    "no crash": Property("it comes back, without an exception, in time", EVERY),
    "input untouched": Property("the arguments are not written to", EVERY),
    "shape": Property("as many logits come out as go in", (FILTER,)),
    "precision": Property("the logits do not come back in half precision", (FILTER,)),
    "finite": Property("no logit becomes NaN or +inf", (FILTER,)),
    "something left": Property("at least one token survives", (FILTER,)),
    "never revived": Property("a removed token stays removed", (FILTER,)),
    "same again": Property("the same logits give the same result again", (FILTER,)),
    "kept logits": Property(
        "what survives keeps its logit, up to one constant", (FILTER,)
    ),
    "best kept": Property("no removed token is likelier than a kept one", (FILTER,)),
    "permutation": Property("permuting the vocabulary permutes the result", (FILTER,)),
    "shift": Property("adding a constant to all logits changes nothing", (FILTER,)),
    "rows apart": Property("several rows give what each gives alone", (FILTER,)),
    "law": Property(
        "the probabilities are those of the law", (FILTER, SAMPLER, DECODER)
    ),
    "token": Property("what is drawn is an integer, the id of a token", (SAMPLER,)),
    "possible": Property(
        "only what has a probability is chosen", (SAMPLER, DECODER, BEAMS)
    ),
    "same seed": Property("the same seed gives the same result", (SAMPLER, DECODER)),
    "edges": Property(
        "the extreme random numbers give possible tokens, too", (SAMPLER,)
    ),
    "independent": Property(
        "a draw does not depend on others, nor on those of the next seed",
        (SAMPLER, DECODER),
    ),
    "even": Property("draws are no more even than chance makes them", (SAMPLER,)),
    "prompt first": Property("the text begins with the prompt", (DECODER, BEAMS)),
    "ends": Property(
        "a text ends at an end token, or after n_new tokens, and only there",
        (DECODER, BEAMS),
    ),
    "several eos": Property("each of several end tokens ends a text", (DECODER,)),
    "full context": Property("a text goes on until the context is full", (DECODER,)),
    "best texts": Property("the texts are the best of all", (BEAMS,)),
    "sorted": Property("the best text comes first", (BEAMS,)),
    "distinct": Property("no text comes twice", (BEAMS,)),
    "score": Property("a score is that of its text", (BEAMS,)),
    "dtype": Property("the logits keep their dtype", (FILTER,), False),
    "broken rows": Property(
        "logits of NaN, +inf or nothing but -inf are a ValueError",
        (FILTER, SAMPLER),
        False,
    ),
    "longer run": Property("a longer run begins as a shorter one", (DECODER,), False),
}


class Run:
    """One run of a check: which properties count, and the report that grows."""

    def __init__(self, check, skip, also, seed):
        known = [name for name, p in PROPERTIES.items() if check in p.checks]
        for argument, names in (("skip", skip), ("also", also)):
            names = [names] if isinstance(names, str) else names
            for name in names:
                if name not in known:
                    raise ValueError(
                        f"{argument}: a {check} has no property {name!r}; it has "
                        f"{', '.join(known)}"
                    )
        default = [n for n in known if PROPERTIES[n].by_default or n in also]
        self.names = {n for n in default if n not in skip}
        self.report, self.seed = Report(f"check_{check}", seed), seed
        for name in known:
            if name in skip:
                self.pass_over(name, "skip")
            elif name not in self.names:
                self.pass_over(name, "not asked for: also=")

    def has(self, name):
        """Is this property to be checked?"""
        return name in self.names

    def passed(self, name, what="1 time"):
        self.report.checked[name] = what

    def pass_over(self, name, why):
        """This property cannot be judged here, and why: it stands in the report."""
        self.names = getattr(self, "names", set()) - {name}
        self.report.not_checked[name] = why


def n_examples():
    """``max_examples`` of hypothesis, also that of a ``@given`` around us."""
    return settings().max_examples
