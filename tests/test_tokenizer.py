"""The tokenizer: published vectors, tiktoken's ids, properties, time on bad input."""

import base64
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numpygpt import Tokenizer
from numpygpt.fast.long_pieces import NOTHING, merge_long, sweep
from numpygpt.fast.memo import Memo
from numpygpt.files.hub import FormatError
from numpygpt.tokenizer import ASCII_PIECES, LONG, PIECES, cut, merge

REFERENCE = Path(__file__).parent / "reference"
GPT2 = Tokenizer.gpt2()

VECTORS = {
    "hello world": [31373, 995],
    " ": [220],
    "\t": [197],
    "This is some text": [1212, 318, 617, 2420],
    "indivisible": [521, 452, 12843],
    "hello 👋 world 🌍": [31373, 50169, 233, 995, 12520, 234, 235],
    " \x850": [220, 126, 227, 15],
    "hello\x1cworld": [31373, 216, 6894],
    "\n\n": [628],
    " " * 50: [220] * 50,
    "I'LL": [40, 6, 3069],
    "0" * 16: [25645],
    "": [],
}


@pytest.mark.parametrize("text", VECTORS)
def test_published_vectors(text):
    assert GPT2.encode(text) == VECTORS[text]
    assert GPT2.decode(VECTORS[text]) == text


def test_digits():
    ids = [GPT2.encode("0" * n) for n in range(1, 9)]
    assert ids == [[i] for i in (15, 405, 830, 2388, 20483, 10535, 24598, 8269)]


def test_tiktokens_ids():
    pairs = json.loads((REFERENCE / "tokenizer.json").read_text())
    assert len(pairs) > 20
    for text, ids in pairs:
        assert GPT2.encode(text) == ids, text


def test_the_vocabulary_is_r50k_base():
    """In tiktoken's file form the ranks have the published hash."""
    lines = (
        base64.b64encode(GPT2.decode_bytes([i])) + f" {i}\n".encode()
        for i in range(50256)
    )
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    assert digest == "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
    assert (GPT2.n_vocab, GPT2.eos_token_id) == (50257, 50256)


def test_special_tokens_must_be_allowed():
    text = "hello <|endoftext|>"
    with pytest.raises(ValueError, match=r"'<\|endoftext\|>' at character 6"):
        GPT2.encode(text)
    assert GPT2.encode(text, allowed_special="all") == [31373, 220, 50256]
    assert GPT2.encode(text, {"<|endoftext|>"}) == [31373, 220, 50256]
    as_text = GPT2.encode(text, disallowed_special=())
    assert as_text == [31373, 1279, 91, 437, 1659, 5239, 91, 29]
    assert GPT2.decode([31373, 50256]) == "hello<|endoftext|>"
    assert GPT2.decode([31373, 50256], skip_special_tokens=True) == "hello"


def test_lone_surrogates_are_replaced_and_pairs_joined():
    assert GPT2.encode("\ud83d\udc4b") == GPT2.encode("👋")
    assert GPT2.encode("a\ud83db") == GPT2.encode("a\ufffdb")


@given(st.text())
def test_decode_inverts_encode(text):
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert GPT2.decode(GPT2.encode(text, allowed_special="all")) == text


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_both_regular_expressions_cut_ascii_alike(text):
    assert ASCII_PIECES.findall(text) == PIECES.findall(text)
    assert "".join(PIECES.findall(text)) == text


PARTS = [
    " a", "b", " ", "\n", "\t", " 1", "'s", ".", "\u00e9", "\u00a0", "\u2003", "\x1c"
]  # fmt: skip


@example("a\n ")
@example(" a\n")
@given(st.lists(st.sampled_from(PARTS)).map("".join))
def test_words_are_remembered_as_the_pieces_they_are(text):
    """Whatever stands around its spaces."""
    memo = Memo(cut, lambda piece: [piece])
    for _ in range(2):
        assert memo.encode(text) == PIECES.findall(text)


def test_memory_is_bounded():
    tokenizer = Tokenizer.gpt2(0)
    memo = tokenizer._memo
    tokenizer.encode("to be or not to be")
    assert set(memo.words) == {"be", "or", "not", "to"} and len(memo.pieces) == 5
    tokenizer.encode("a " + "b" * (1 << 20))
    assert not memo.words and not memo.pieces
    for n in range(3):
        tokenizer.encode(" ".join(f"{n}{i:099}" for i in range(6000)))
        assert len(memo.words) < 6001


def test_what_cannot_be_encoded_is_not_remembered():
    """A lone surrogate becomes U+FFFD the second time, too."""
    want = GPT2.encode("one a\ufffdb")
    assert GPT2.encode("one a\ud800b") == GPT2.encode("one a\ud800b") == want


@given(st.lists(st.integers(0, 50256), max_size=30))
def test_a_stream_joined_is_the_decode(ids):
    assert "".join(GPT2.decode_stream(ids)) == GPT2.decode(ids)


def test_a_stream_never_shows_half_a_character():
    ids = GPT2.encode("👋🌍 é 日本")
    assert len(ids) > len(list(GPT2.decode_stream(ids)))
    assert not any("\ufffd" in piece for piece in GPT2.decode_stream(ids))


def slow_merge(symbols, merges):
    """The rule as it is stated: the earliest learned pair, the leftmost one, again."""
    symbols = list(symbols)
    while True:
        pairs = enumerate(zip(symbols, symbols[1:]))
        known = [(merges[pair], i) for i, pair in pairs if pair in merges]
        if not known:
            return symbols
        new, i = min(known)
        symbols[i : i + 2] = [new]


@st.composite
def tables(draw):
    """Merges of a, b and c in any order, some of which make the same token."""
    tokens, merges = ["a", "b", "c"], []
    for _ in range(draw(st.integers(0, 12))):
        pair = draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens))
        if pair not in merges:
            merges.append(pair)
            tokens.append("".join(pair))
    return draw(st.permutations(merges))


@given(tables(), st.text("abc"))
def test_any_table_merges_as_the_rule_says(merges, text):
    tokenizer = Tokenizer(merges)
    symbols = [GPT2.encode(letter)[0] for letter in text]
    want = slow_merge(symbols, tokenizer.merges)
    assert merge(symbols, tokenizer.merges) == want
    assert merge_long(symbols, tokenizer.merges) == want
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_as_many_pairs_as_a_table_may_have(monkeypatch):
    """Two merges make "abc", so whatever merges with it has two pairs."""
    merges = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), ("abc", "d")]
    monkeypatch.setattr("numpygpt.fast.merges.MOST", 6)
    assert len(Tokenizer(merges).merges) == 6
    monkeypatch.setattr("numpygpt.fast.merges.MOST", 5)
    with pytest.raises(ValueError, match="too many merges make the same tokens"):
        Tokenizer(merges)


@given(st.lists(st.sampled_from([GPT2.encode(c)[0] for c in "abcnrest 0'"])))
def test_merge_does_what_the_rule_says(symbols):
    want = slow_merge(symbols, GPT2.merges)
    assert merge(symbols, GPT2.merges) == want
    assert merge_long(symbols, GPT2.merges) == want


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12),
    st.lists(st.integers(0, 3), max_size=20),
)
def test_merge_on_any_table(pairs, symbols):
    merges = {}
    for left, right in pairs:
        new = 4 + len(merges)
        merges.setdefault((left % new, right % new), new)
    want = slow_merge(symbols, merges)
    assert merge(symbols, merges) == want
    assert merge_long(symbols, merges) == want


@pytest.mark.parametrize(
    ("symbols", "merges", "left"),
    [
        ([0] * 64, {(0, 0): 1, (1, 1): 2, (2, 2): 3}, [3] * 8),
        ([0] * 7, {(0, 0): 1}, [1, 1, 1, 0]),
        ([0, 0, *[5] * 6], {(0, 0): 1}, [1, *[5] * 6]),  # an eighth
        ([0, 0, *[5] * 7], {(0, 0): 1}, [0, 0, *[5] * 7]),  # less
        ([0] * 8, {(0, 0): 2, (2, 2): 1}, [0] * 8),  # what it makes comes first
        ([0, 4] * 4, {(0, 4): 2, (4, 2): 1}, [0, 4] * 4),
        ([0, 4] * 4, {(0, 4): 2, (2, 4): 1}, [0, 4] * 4),
        ([0, 4] * 4, {(0, 4): 2, (4, 2): 3}, [2] * 4),
        ([], {(0, 0): 1}, []),
    ],
)
def test_a_sweep_does_the_first_merges_that_take_many_pairs(symbols, merges, left):
    swept, made = sweep(symbols, merges)
    assert swept == left
    assert made == [merges.get(pair, NOTHING) for pair in zip(left, left[1:])]


@pytest.mark.parametrize("n", [LONG - 1, LONG, LONG + 1, 1000])
@pytest.mark.parametrize("letters", ["a", "ab", "thinner", "0123456789"])
def test_merge_of_a_long_piece(n, letters):
    symbols = [GPT2.encode(letter)[0] for letter in (letters * n)[:n]]
    assert merge(symbols, GPT2.merges) == slow_merge(symbols, GPT2.merges)


SMALLER = {n: Tokenizer.gpt2(n) for n in (0, 1, 10, 1000, 5000)}


@given(st.text(max_size=40), st.sampled_from([*SMALLER]))
def test_the_first_merges_are_a_smaller_vocabulary(text, n_merges):
    small = SMALLER[n_merges]
    text = text.encode(errors="replace").decode()
    ids = small.encode(text, disallowed_special=())
    assert small.decode(ids) == text
    assert all(i < 256 + n_merges for i in ids)
    assert small.n_vocab == 257 + n_merges
    assert small.decode([small.eos_token_id]) == "<|endoftext|>"


@pytest.mark.parametrize("unit", ["a", " ", "0", "'s", "^", "\n", "é"])
def test_time_grows_linearly(unit):
    """Ten times the text in about ten times the time; quadratic would be a hundred."""
    text = {n: unit * n for n in (20_000, 200_000)}
    ids = GPT2.encode(text[200_000])
    assert GPT2.decode(ids) == text[200_000]
    seconds = {}
    for n in text:
        runs = []
        for _ in range(2):
            start = time.process_time()
            GPT2.encode(text[n])
            runs.append(time.process_time() - start)
        seconds[n] = min(runs)
    assert seconds[200_000] < 40 * seconds[20_000]


def test_called_as_transformers_tokenizers_are():
    out = GPT2("hello world", return_tensors="np")
    assert out["input_ids"].tolist() == [[31373, 995]]
    assert out["attention_mask"].tolist() == [[1, 1]]
    assert out["input_ids"].dtype == np.int64
    assert GPT2("hello world")["input_ids"] == [31373, 995]
    two = GPT2(["hello world", " "])
    assert two == {"input_ids": [[31373, 995], [220]], "attention_mask": [[1, 1], [1]]}
    assert GPT2.encode("hello world", return_tensors="np").tolist() == [[31373, 995]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GPT2.encode(b"bytes"), "must be a str"),
        (lambda: GPT2.encode("x", return_tensors="pt"), "return_tensors"),
        (lambda: GPT2(["a", "b c"], return_tensors="np"), "unequal length"),
        (lambda: GPT2.decode([50257]), "50257"),
        (lambda: GPT2.decode([-1]), "-1"),
        (lambda: Tokenizer.gpt2(50_001), "n_merges"),
        (lambda: Tokenizer([("a", "b"), ("ab", "zz")]), "merge 1"),
        (lambda: Tokenizer([("a", "b")], {"a": 0}), "no id"),
        (lambda: Tokenizer.from_pretrained("nowhere"), "nowhere"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_saved_and_read_again(tmp_path):
    small = Tokenizer.gpt2(100)
    small.save_pretrained(tmp_path)
    again = Tokenizer.from_pretrained(tmp_path)
    assert again.vocab == small.vocab
    assert again.merges == small.merges
    assert again.eos_token_id == 356
    assert not list(tmp_path.glob("*.part"))


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


def write_json(folder, vocab, merges, **parts):
    """A folder with a tokenizer.json alone, as tokenizers writes it."""
    content = {
        "added_tokens": [], "normalizer": None, "pre_tokenizer": BYTE_LEVEL,
        "post_processor": None, "decoder": BYTE_LEVEL,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges}, **parts,
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(content))


def test_tokenizer_json(tmp_path):
    """One file, as newer tools write it: merges as text or pairs, ids of any order."""
    small = Tokenizer.gpt2(3)
    spelling = {i: t for t, i in small.vocab.items()}
    merges = [[spelling[a], spelling[b]] for a, b in small.merges]
    vocab = {
        t: 258 - i for t, i in small.vocab.items() if t not in small.special_tokens
    }
    added = [{"id": 259, "content": "<|endoftext|>", "special": True}]
    for spelled in (merges, [" ".join(pair) for pair in merges]):
        write_json(tmp_path, vocab, spelled, added_tokens=added)
        read = Tokenizer.from_pretrained(tmp_path)
        assert read.encode("in the end") == [
            258 - i for i in small.encode("in the end")
        ]
        assert read.decode(read.encode("in the end")) == "in the end"
        assert (read.eos_token_id, read.n_vocab) == (259, 260)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("merges.txt", "#version: 0.2\na b c\n"),
        ("merges.txt", "#version: 0.2\nzz b\n"),
        ("tokenizer.json", "{"),
        ("tokenizer.json", "[]"),
        ("merges.txt", "#version: 0.2\na \xff\n"),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", '{"model": {"merges": [["a"]], "vocab": {}}}'),
        ("tokenizer.json", '{"model": {"merges": [[1, 2]], "vocab": {}}}'),
        ("merges.txt", "a b\n" * 300_000 + " "),
        ("tokenizer_config.json", '{"eos_token": 5}'),
        ("tokenizer_config.json", '{"eos_token": "\\ud800"}'),
        ("vocab.json", '{"": 0}'),
        ("vocab.json", '{"\\ud800": 0}'),
        ("vocab.json", '{"a": 0, "b": 0}'),
        ("config.json", "{}"),
    ],
)
def test_damaged_folders(tmp_path, name, content):
    if name in ("vocab.json", "tokenizer_config.json"):
        (tmp_path / "merges.txt").write_text("a b\n")
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=str(tmp_path)) as error:
        Tokenizer.from_pretrained(tmp_path)
    assert isinstance(error.value, FormatError)
    assert str(error.value).count(str(tmp_path)) == 1


def test_decode_says_what_it_takes():
    tokenizer = Tokenizer.gpt2(0)
    for wrong in (5, [5.7], "56", [[1, 2], [3, 4]], np.array([[1, 2]]), [None]):
        with pytest.raises(ValueError, match="ids must be one list of integers"):
            tokenizer.decode(wrong)
    assert tokenizer.decode(np.array([40, 41], np.uint8)) == tokenizer.decode([40, 41])
