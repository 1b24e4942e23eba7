"""See it think: what happens inside a run, in Python, in the terminal, on a page.

inside.py        one pass, and everything that it computes on the way
"""

from .inside import ablate, inside

__all__ = ["ablate", "inside"]
