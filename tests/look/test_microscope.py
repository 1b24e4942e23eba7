"""What numpygpt/look/README.md claims of the default model holds for its weights."""

from pathlib import Path

import microscope
import pytest

from numpygpt import GPT2, Tokenizer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found():
    tokenizer = Tokenizer.from_pretrained("fairytale")
    return microscope.study(GPT2.from_pretrained("fairytale"), tokenizer)


def test_a_head_copies_names_and_an_earlier_one_tells_it_where(found):
    assert found["looks"] > 0.4
    assert found["looks_without"] < 0.6 * found["looks"]
    whole = found["whole"]
    assert found["without_copier"] < 0.75 * whole
    assert found["without_helper"] < 0.75 * whole
    assert min(found["without_control"]) > 0.75 * whole
    assert found["copier"][0] > found["helper"][0]


def test_the_readme_has_these_numbers(found):
    text = (ROOT / "numpygpt" / "look" / "README.md").read_text()
    table = "\n".join(microscope.table(found))
    assert f"<!-- microscope -->\n{table}\n<!-- /microscope -->" in text, (
        "python scripts/microscope.py --write"
    )
