"""The kit to test samplers with: README.md shows each part at work.

    table_lm.py   a language model that is a table, and the exact law of its texts
    kit.py        strategies of logits, the properties, the checks
"""

try:
    from .kit import *  # noqa: F403
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        "numpygpt.testing needs hypothesis: pip install hypothesis, or numpygpt[test]",
        name="hypothesis",
    ) from None
from .table_lm import TableLM, enumerate_sequences  # noqa: F401
