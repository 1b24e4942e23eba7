"""The converters are scripts, not a package: let tests import them as their
neighbours do."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture
def formats():
    """One tiny model in every format, written by the formats' own tools; ``model`` is
    the folder that a conversion must give."""
    return ROOT / "tests" / "reference" / "formats"
