"""A tokenizer from text files: the folder, its errors, that transformers opens it."""

import pytest
import train_tokenizer

from numpygpt import Tokenizer

TEXT = "The owl saw the fox; the fox saw the owl. Naïve, 東京 👋!\n" * 3


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text(TEXT)
    return path


def run(*args):
    return train_tokenizer.main([str(a) for a in args])


def test_the_folder_holds_what_was_learned(text, tmp_path, capsys):
    assert run(text, text, tmp_path / "new", "--n-merges", 20) == 0
    written = capsys.readouterr()
    assert "277 ids" in written.out and written.err == ""
    expected = Tokenizer.train([TEXT, TEXT], 20)
    tokenizer = Tokenizer.from_pretrained(tmp_path / "new")
    assert tokenizer.encode(TEXT) == expected.encode(TEXT)
    assert {p.name for p in tmp_path.iterdir()} == {"text", "new"}


def test_bad_input_leaves_nothing_behind(text, tmp_path, capsys):
    (tmp_path / "latin").write_bytes("na\xefve".encode("latin-1"))
    (tmp_path / "empty").write_text("")
    for source, n, says in [
        (tmp_path / "latin", 3, "latin is not UTF-8 at byte 2 (0xef)"),
        (tmp_path / "empty", 3, "no text to learn from"),
        (tmp_path / "missing", 3, "missing"),
        (text, 1000, "n_merges must be at most "),
        (text, -1, "n_merges must be an integer of at least 0"),
    ]:
        assert run(source, tmp_path / "new", "--n-merges", n) == 1
        assert says in capsys.readouterr().err
        assert not (tmp_path / "new").exists()
    assert run(text, tmp_path, "--n-merges", 3) == 1
    assert "exists already" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"text", "latin", "empty"}


@pytest.mark.reference
def test_autotokenizer_gives_the_same_ids(text, tmp_path):
    from transformers import AutoTokenizer

    assert run(text, tmp_path / "new", "--n-merges", 25) == 0
    ours = Tokenizer.from_pretrained(tmp_path / "new")
    for fast in True, False:
        theirs = AutoTokenizer.from_pretrained(tmp_path / "new", use_fast=fast)
        for sample in TEXT, "other words, OTHER 123 letters\t\n ":
            assert theirs.encode(sample) == ours.encode(sample)
        assert theirs.eos_token_id == ours.eos_token_id
