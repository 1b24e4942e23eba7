"""What the tests of converters share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def formats():
    """One tiny model in every format, written by the formats' own tools; ``model`` is
    the folder that a conversion must give."""
    return ROOT / "tests" / "reference" / "formats"
