"""numpygpt.hf beside transformers itself: the same calls, the same numbers.

pip install -e .[reference]
pytest -m reference tests/test_hf_reference.py
"""

import numpy as np
import pytest

from numpygpt import Tokenizer, hf

pytestmark = pytest.mark.reference
BOUND = 1e-10  # float64, absolute: logits are of the size of 1


@pytest.fixture(scope="module")
def torch():
    import torch

    return torch


@pytest.fixture(scope="module")
def transformers():
    import transformers

    assert transformers.__version__ == "4.57.6"
    return transformers


@pytest.fixture(scope="module")
def folder(tmp_path_factory, torch, transformers):
    """Random weights, large enough that every part of the model matters."""
    folder = tmp_path_factory.mktemp("hf") / "model"
    core = Tokenizer.gpt2(500)
    core.save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=core.n_vocab, n_positions=60, n_embd=20, n_layer=3, n_head=4,
        initializer_range=0.3, bos_token_id=756, eos_token_id=756,
    )  # fmt: skip
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ours(folder):
    return hf.AutoModelForCausalLM.from_pretrained(folder, torch_dtype="float64")


@pytest.fixture(scope="module", params=["eager", "sdpa"])
def theirs(request, folder, transformers, torch):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float64, attn_implementation=request.param
    ).eval()


def masks(rng, n_row, n_tok):
    """Padding on the left, on the right, and anywhere; none in the last row."""
    mask = np.ones((n_row, n_tok), int)
    mask[0, : rng.integers(1, n_tok)] = 0
    mask[1, rng.integers(1, n_tok) :] = 0
    mask[2] = rng.integers(2, size=n_tok)
    return mask


@pytest.mark.parametrize("seed", range(8))
def test_logits_loss_and_cache_with_padding(ours, theirs, torch, seed):
    rng = np.random.default_rng(seed)
    n_row, n_tok = 4, int(rng.integers(3, 20))
    ids = rng.integers(757, size=(n_row, n_tok))
    mask = masks(rng, n_row, n_tok)
    labels = np.where(mask == 1, ids, -100)
    labels[rng.random(labels.shape) < 0.2] = -100
    # What padding itself "predicts" is no answer: eager and sdpa differ there, and so
    # it counts only where we compare with sdpa.
    sdpa = theirs.config._attn_implementation == "sdpa"
    if not sdpa:
        labels[:, 1:][mask[:, :-1] == 0] = -100
    with torch.no_grad():
        want = theirs(
            torch.tensor(ids), attention_mask=torch.tensor(mask),
            labels=torch.tensor(labels),
        )  # fmt: skip
    got = ours(ids, attention_mask=mask, labels=labels)
    where = np.ones_like(mask, bool) if sdpa else mask == 1
    close(got.logits[where], want.logits.numpy()[where])
    # transformers rounds the logits to float32 before its loss: repeat it without.
    flat = want.logits[:, :-1].reshape(-1, 757)
    exact = torch.nn.functional.cross_entropy(
        flat, torch.tensor(labels[:, 1:]).reshape(-1), ignore_index=-100
    )
    assert got.loss == pytest.approx(exact.item(), abs=BOUND, nan_ok=True)
    assert got.loss == pytest.approx(want.loss.item(), abs=1e-5, nan_ok=True)
    for _ in range(3):  # some steps with the cache
        n_new = int(rng.integers(1, 4))
        new = rng.integers(757, size=(n_row, n_new))
        mask = np.concatenate([mask, np.ones((n_row, n_new), int)], axis=1)
        with torch.no_grad():
            want = theirs(
                torch.tensor(new), attention_mask=torch.tensor(mask),
                past_key_values=want.past_key_values,
            )  # fmt: skip
        got = ours(new, attention_mask=mask, past_key_values=got.past_key_values)
        close(got.logits, want.logits.numpy())
        length = want.past_key_values.get_seq_length()
        assert got.past_key_values.get_seq_length() == length


def close(got, want):
    np.testing.assert_allclose(got, want, rtol=0, atol=BOUND)


def test_positions_of_ones_own(ours, theirs, torch):
    rng = np.random.default_rng(0)
    ids, mask = rng.integers(757, size=(3, 9)), np.ones((3, 9), int)
    mask[0, :4] = 0
    for positions in (
        np.maximum(mask.cumsum(axis=1) - 1, 0),
        rng.integers(60, size=(3, 9)),
        np.arange(9)[None] + 5,
    ):
        with torch.no_grad():
            want = theirs(
                torch.tensor(ids), attention_mask=torch.tensor(mask),
                position_ids=torch.tensor(positions),
            ).logits.numpy()  # fmt: skip
        got = ours(ids, attention_mask=mask, position_ids=positions).logits
        close(got[mask == 1], want[mask == 1])


SETTINGS = [
    {"max_new_tokens": 12},
    {"max_length": 20},
    {"max_length": 20, "min_length": 16},
    {"max_length": 23},
    {},
    {"max_new_tokens": 12, "num_beams": 3, "num_return_sequences": 2},
    {"max_new_tokens": 12, "num_beams": 4, "early_stopping": True},
    {"max_new_tokens": 12, "no_repeat_ngram_size": 2},
    {"max_new_tokens": 12, "min_new_tokens": 5},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_greedy_and_beam_texts_with_left_padding(ours, theirs, torch, settings):
    """Whole rows, padding included, to the token."""
    rng = np.random.default_rng(3)
    ids = rng.integers(757, size=(4, 8))
    mask = np.ones((4, 8), int)
    for i, n in enumerate((0, 1, 3, 6)):
        mask[i, :n], ids[i, :n] = 0, 756
    for eos in 756, [756, *range(0, 757, 12)]:
        how = {**settings, "pad_token_id": 756, "eos_token_id": eos}
        want = theirs.generate(
            torch.tensor(ids), attention_mask=torch.tensor(mask), **how
        )
        got = ours.generate(ids, attention_mask=mask, **how)
        assert np.array_equal(got, want.numpy())


TEXTS = ["Hello world", " and\nso on", "Gänse 👋", "", "a<|endoftext|>b", "x" * 30]


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_the_tokenizer_returns(folder, transformers, side):
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = hf.AutoTokenizer.from_pretrained(folder)
    for tokenizer in theirs, ours:
        tokenizer.pad_token = tokenizer.eos_token
        tokenizer.padding_side = tokenizer.truncation_side = side
    for how in (
        {},
        {"padding": True, "return_tensors": "np"},
        {"padding": True, "return_tensors": "pt"},
        {"padding": "longest", "truncation": True, "max_length": 5},
        {"padding": "max_length", "max_length": 40},
        {"padding": "max_length", "max_length": 4, "truncation": True},
    ):
        want, got = theirs(TEXTS, **how), ours(TEXTS, **how)
        assert [*got] == [*want]
        for name in want:
            assert type(got[name]) is type(want[name])
            assert [*map(list, got[name])] == [*map(list, want[name])]
    one = ours("Hello world", return_tensors="pt").to("cpu")
    assert one.input_ids.equal(theirs("Hello world", return_tensors="pt").input_ids)


def test_the_vocabulary_and_back(folder, transformers):
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = hf.AutoTokenizer.from_pretrained(folder)
    assert (len(ours), ours.vocab_size) == (len(theirs), theirs.vocab_size)
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.all_special_tokens == theirs.all_special_tokens
    assert ours.all_special_ids == theirs.all_special_ids
    for name in "eos_token", "bos_token", "unk_token", "eos_token_id", "bos_token_id":
        assert getattr(ours, name) == getattr(theirs, name)
    for text in TEXTS:
        ids, tokens = theirs.encode(text), theirs.tokenize(text)
        assert ours.encode(text) == ids
        assert ours.tokenize(text) == tokens
        assert ours.convert_tokens_to_ids(tokens) == ids
        assert ours.convert_ids_to_tokens(ids) == tokens
        if ids:
            assert ours.convert_tokens_to_string(tokens) == text
        for skip in False, True:
            assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(
                ids, skip_special_tokens=skip
            )
    rows = [theirs.encode(text) for text in TEXTS]
    assert ours.batch_decode(rows) == theirs.batch_decode(rows)
    assert ours.decode(65) == theirs.decode(65)


def test_added_tokens_and_a_pad_token_of_its_own(folder, transformers, tmp_path):
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    theirs.add_tokens(["word", "Foo bar"])
    theirs.add_special_tokens(
        {"pad_token": "[PAD]", "additional_special_tokens": ["<|im|>"]}
    )
    theirs.model_max_length = 77
    theirs.save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = hf.AutoTokenizer.from_pretrained(tmp_path)
    for name in (
        "vocab_size", "pad_token", "pad_token_id", "model_max_length", "bos_token",
        "unk_token", "unk_token_id", "all_special_tokens", "all_special_ids",
    ):  # fmt: skip
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours) == len(theirs) and ours.get_vocab() == theirs.get_vocab()
    for text in "a word<|im|> Foo bar", "words[PAD]", "Foo  bar":
        ids = theirs.encode(text)
        assert ours.encode(text) == ids and ours.tokenize(text) == theirs.tokenize(text)
        for skip in False, True:
            want = theirs.decode(ids, skip_special_tokens=skip)
            assert ours.decode(ids, skip_special_tokens=skip) == want
    how = {"padding": True, "return_tensors": "np"}
    want, got = theirs(["a", "a b c"], **how), ours(["a", "a b c"], **how)
    assert np.array_equal(got.input_ids, want.input_ids)


def test_what_was_set_is_saved(folder, transformers, tmp_path):
    model = hf.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.max_new_tokens = 7
    for one in model, tokenizer:
        one.save_pretrained(tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert theirs.generation_config.max_new_tokens == 7
    assert theirs.generation_config.pad_token_id == 756
    for auto in transformers.AutoTokenizer, hf.AutoTokenizer:
        assert auto.from_pretrained(tmp_path).pad_token == "<|endoftext|>"
    again = hf.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.generate([[5]], eos_token_id=[800]).shape == (1, 8)


def test_torch_tensors_may_come_in(ours, torch):
    ids = torch.tensor([[5, 6, 7]])
    assert np.array_equal(ours(ids).logits, ours(ids.numpy()).logits)
    assert ours.generate(ids, max_new_tokens=3).shape[0] == 1


def test_a_pipeline_says_the_same(folder, transformers):
    how = {"max_new_tokens": 9, "do_sample": False}
    theirs = transformers.pipeline("text-generation", model=str(folder))
    ours = hf.pipeline("text-generation", model=str(folder))
    assert ours("Hello", **how) == theirs("Hello", **how)
    assert ours(["Hello", "a b"], **how) == theirs(["Hello", "a b"], **how)
    how["return_full_text"] = False
    assert ours("Hello", **how) == theirs("Hello", **how)


def test_names_of_the_weights(ours, theirs):
    got, want = ours.state_dict(), theirs.state_dict()
    assert got.keys() == want.keys()
    for name, tensor in want.items():
        np.testing.assert_array_equal(got[name], tensor.numpy())
    assert ours.num_parameters() == theirs.num_parameters()
