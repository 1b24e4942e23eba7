"""Where a sentence ends, and that a text ends there."""

import pytest

from numpygpt import GenerationConfig, Tokenizer
from numpygpt.cli.sentences import is_end, to_sentences


@pytest.mark.parametrize(
    "text",
    ["He went.", "Who?", "Oh!", "said “Go.”", '"Go," he said.', "He went.\n",
     'x "a.\n\nHe went.', "(It was.)", "so …", '"Go," he said. "Stay."', "He went.  ",
     "“A.” “B.”", "a Mrs. Xyz.", "(“Go.”)"],
)  # fmt: skip
def test_ends(text):
    assert is_end(text)


@pytest.mark.parametrize(
    "text",
    ["He went", "said Mr.", "J.", "in the U.", '"Go.', "“Go.", "He went,", "", "3.1",
     '"Go," he said. "Stay.', "“A.” “B.", "Mrs.", "St.", "Prof.", "etc.", "a vs.",
     "Dr.", "Ms.", "Capt."],
)  # fmt: skip
def test_no_ends(text):
    assert not is_end(text)


def test_a_text_ends_with_the_first_sentence_near_the_limit():
    tokenizer = Tokenizer.gpt2(0)
    settings = to_sentences({"max_new_tokens": 10}, tokenizer, n_prompt=2)
    assert settings["max_new_tokens"] == 12
    [stops] = settings["stopping_criteria"]
    text = "xyab. cdefg. h"
    ends = [n for n in range(3, 15) if stops(tokenizer.encode(text[:n]))]
    assert ends == [12, 13]  # "ab." is too early
    GenerationConfig(**settings)
    text = 'x"ab. cde. h'  # what the prompt opened is not the text's speech
    assert [n for n in range(3, 12) if stops(tokenizer.encode(text[:n]))] == [10, 11]
    ended = [*tokenizer.encode(text[:10]), tokenizer.eos_token_id]
    assert stops(ended)  # that token is no part of the text


@pytest.mark.parametrize(
    "settings",
    [{"max_length": 20}, {"max_new_tokens": 9, "num_beams": 2},
     {"max_new_tokens": 9, "regex": "a*"}, {"max_new_tokens": 9, "choices": ["a"]},
     {"max_new_tokens": 9, "json_object": True},
     {"max_new_tokens": 9, "json_schema": {"type": "boolean"}},
     {"max_new_tokens": 9, "penalty_alpha": 0.5}],
)  # fmt: skip
def test_what_has_an_end_of_its_own_keeps_it(settings):
    assert to_sentences(settings, Tokenizer.gpt2(0), 2) == settings
