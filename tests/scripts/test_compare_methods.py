"""The table of decoding/README.md: what its sentences say holds in what is measured."""

import re

import compare_methods
import pytest

README = compare_methods.README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found():
    """Measured on fewer tokens than the README's."""
    return {
        name: compare_methods.measure(settings, compare_methods.PROMPTS[:2], 40)
        for name, settings in compare_methods.METHODS.items()
    }


def test_the_sentences(found):
    sampled, greedy, beams = (
        found[name] for name in ("sampling as it is", "greedy", "beams, 4")
    )
    banned = found["greedy, no_repeat_ngram_size 3"]
    assert sampled["said before"] < min(greedy["said before"], beams["said before"])
    assert beams["log p"] > greedy["log p"] > sampled["log p"]
    assert banned["said before"] == 0 and banned["log p"] < greedy["log p"]
    assert sampled["different"] == sampled["draws"] == 4
    hot, cold = found["temperature 0.7"], found["temperature 0.3"]
    assert cold["log p"] > hot["log p"] > sampled["log p"]
    assert cold["said before"] > hot["said before"]
    assert found["top_k 10"]["least"] == found["top_k 10"]["most"] == 10
    assert found["top_p 0.8"]["least"] < 5 and found["top_p 0.8"]["most"] > 50


def test_the_readme_has_every_method(found):
    begin, end = compare_methods.BEGIN, compare_methods.END
    [table] = re.findall(f"{begin}\n(.*?)\n{end}", README, re.DOTALL)
    ours = compare_methods.table(found).splitlines()
    assert table.splitlines()[:2] == ours[:2]
    names = [[line.split("|")[1] for line in t] for t in (table.splitlines(), ours)]
    assert names[0] == names[1]
    for line in table.splitlines()[2:]:
        assert re.fullmatch(
            r"\|.*\| \d+% \| -\d\.\d\d \| .* \| [\d,]+ to [\d,]+ \|", line
        )


def test_runs_that_stood_before():
    assert compare_methods.said_before([1, 2, 3, 4, 1, 2, 3, 4, 5]) == (1, 6)
    assert compare_methods.said_before([7] * 6) == (2, 3)
