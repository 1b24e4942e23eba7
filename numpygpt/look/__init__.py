"""See it think: what happens inside a run, in Python, in the terminal, on a page.

merges.py        what the tokenizer makes of a text, merge by merge
inside.py        one pass, and everything that it computes on the way
steps.py         for each new token what each link of the chain left and removed
beams.py         the tree of a beam search
views.py         all of it as plain data
show.py          ... as text
page.py          ... on a page with sliders
__main__.py      ... in the terminal: python -m numpygpt.look
"""

from .inside import Run, ablate, inside
from .page import page

__all__ = ["Run", "ablate", "inside", "page"]
