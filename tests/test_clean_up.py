"""Spaces that old folders want taken out: all at once, and piece by piece."""

import itertools
import json
import random

from hypothesis import given
from hypothesis import strategies as st

from numpygpt import Tokenizer
from numpygpt.clean_up import cleaned, cleaned_pieces


def test_what_transformers_makes_of_it():
    """Its answers, among them the cases in which one step makes work for the next."""
    for text, want in {
        "do n't stop , it 's late !": "don't stop, it's late!",
        "we 've , they 're , I 'm ?": "we've, they're, I'm?",
        "x  ' s": "x's",
        "a   ' m": "a 'm",
        " n ' t": "n't",
        "' ' ' '": "''' '",
        "a  .  b": "a .  b",
        "she 'll go .": "she 'll go.",
    }.items():
        assert cleaned(text) == want


def test_short_texts_come_out_the_same_in_pieces():
    for n in range(1, 6):
        for letters in itertools.product(" 'nts.", repeat=n):
            text = "".join(letters)
            assert "".join(cleaned_pieces(text)) == cleaned(text), text


@given(st.text(" '?ntsmvre.,", max_size=40), st.integers(0, 2**32))
def test_any_pieces(text, seed):
    cuts = sorted(random.Random(seed).choices(range(len(text) + 1), k=5))
    pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
    assert "".join(cleaned_pieces(pieces)) == cleaned(text)


def test_no_more_is_held_back_than_must_be():
    assert list(cleaned_pieces(["I", " do", " n", "ow"])) == ["I", " do", " now"]


def test_a_folder_that_asks_for_it(tmp_path):
    tokenizer = Tokenizer.gpt2()
    tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    assert settings["clean_up_tokenization_spaces"] is False
    text = "Well , do n't \ud7ff !"
    ids = tokenizer.encode(text)
    for value, want in ((True, cleaned(text)), (None, text), (False, text)):
        settings["clean_up_tokenization_spaces"] = value
        path.write_text(json.dumps(settings))
        read = Tokenizer.from_pretrained(tmp_path)
        assert read.decode(ids) == "".join(read.decode_stream(ids)) == want
        assert read.decode_bytes(ids) == text.encode()
        read.save_pretrained(tmp_path / "again")
        assert Tokenizer.from_pretrained(tmp_path / "again").decode(ids) == want
