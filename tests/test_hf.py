"""transformers' habits over our model, without transformers: see test_hf_reference.py
for the comparison.

The first half says in words of its own what two lessons on GPT-2 have their readers
type; only the import line differs, and NumPy stands where they use PyTorch.
"""

import copy
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer, scoring
from numpygpt.decoding import distribution
from numpygpt.fast.added import Added
from numpygpt.hf import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
    GPT2TokenizerFast,
    TextStreamer,
    pipeline,
    set_seed,
)
from numpygpt.layers import softmax


@pytest.fixture(scope="module", autouse=True)
def gpt2(tmp_path_factory):
    """A small untrained model under the name that everybody types."""
    home = tmp_path_factory.mktemp("home")
    core = Tokenizer.gpt2(700)
    core.save_pretrained(home / "gpt2")
    eos = core.eos_token_id
    config = GPT2Config(
        vocab_size=core.n_vocab, n_positions=128, n_embd=24, n_layer=3, n_head=4,
        bos_token_id=eos, eos_token_id=eos,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(home / "gpt2")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        yield home / "gpt2"


@pytest.fixture
def tokenizer():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@pytest.fixture
def model():
    return AutoModelForCausalLM.from_pretrained("gpt2", dtype="float64").eval()


# What the lessons type.


def test_a_textbook_page_on_decoding(tokenizer, model, capsys):
    model = model.to("cpu")
    model.config.pad_token_id = model.config.eos_token_id
    inputs = tokenizer("I enjoy walking with ", return_tensors="np").to("cpu")
    n = inputs.input_ids.shape[1]
    assert np.array_equal(inputs["input_ids"], inputs.input_ids)
    greedy = model.generate(
        **inputs, max_new_tokens=20, pad_token_id=tokenizer.eos_token_id
    )
    assert greedy.shape[0] == 1 and n < greedy.shape[1] <= n + 20
    assert np.array_equal(greedy[:, :n], inputs.input_ids)
    text = tokenizer.decode(greedy[0], skip_special_tokens=True)
    assert text.startswith("I enjoy walking with ")
    beams = model.generate(
        **inputs, max_new_tokens=40, num_beams=5, num_return_sequences=5,
        early_stopping=True,
    )  # fmt: skip
    assert len({tokenizer.decode(b, skip_special_tokens=True) for b in beams}) == 5
    alone = model.generate(
        **inputs, max_new_tokens=40, num_beams=5, early_stopping=True
    )
    n_best = alone.shape[1]
    assert np.array_equal(alone[0], beams[0, :n_best])
    for how in (
        {"top_k": 50},
        {"top_k": 50, "temperature": 0.7},
        {"top_p": 0.95, "top_k": 0},
        {"top_k": 50, "top_p": 0.95, "num_return_sequences": 3},
    ):
        set_seed(42)
        first = model.generate(**inputs, max_new_tokens=40, do_sample=True, **how)
        set_seed(42)
        again = model.generate(**inputs, max_new_tokens=40, do_sample=True, **how)
        assert np.array_equal(first, again)
        assert len(first) == how.get("num_return_sequences", 1)


def test_a_page_on_what_gpt_is():
    """Its usage of transformers: encode, generate with many settings, decode."""
    tokenizer = GPT2Tokenizer.from_pretrained("gpt2")
    model = GPT2LMHeadModel.from_pretrained("gpt2")
    ids = tokenizer.encode("The quick brown fox", return_tensors="np")
    out = model.generate(
        ids, max_length=50, num_return_sequences=1, temperature=0.7, top_p=0.9,
        do_sample=True,
    )  # fmt: skip
    assert ids.shape[1] < out.shape[1] <= 50
    assert tokenizer.decode(out[0], skip_special_tokens=True).startswith("The quick")
    out = model.generate(
        ids, max_length=100, min_length=10, do_sample=True, temperature=0.8, top_k=50,
        top_p=0.95, num_return_sequences=3, no_repeat_ngram_size=2,
        repetition_penalty=1.2, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    assert out.shape[0] == 3 and out.shape[1] >= 10
    prompt = "\nQ: What is the capital of France?\nA:"
    out = model.generate(
        tokenizer.encode(prompt, return_tensors="np"),
        max_new_tokens=20,
        do_sample=False,
    )
    assert tokenizer.decode(out[0]).startswith(prompt)
    cached = model.generate(ids, max_new_tokens=50, use_cache=True)
    assert np.array_equal(cached, model.generate(ids, max_new_tokens=50))


def by_hand(model, ids, n_new, choose):
    """The lesson's loop: run the model on everything, choose, append, repeat."""
    for _ in range(n_new):
        logits = model(ids).logits[:, -1, :]
        ids = np.concatenate([ids, choose(logits)[:, None]], axis=1)
    return ids


def drawn(p, rng):
    """One token a row from probabilities ``[n_row, n_vocab]``."""
    return np.array([rng.choice(len(row), p=row / row.sum()) for row in p])


def test_the_loops_by_hand(model):
    """Greedy, temperature, top-k and top-p as the lesson writes them: what they draw is
    what generate could have drawn."""
    ids, rng = np.array([[5, 6, 7]]), np.random.default_rng(0)
    greedy = by_hand(model, ids, 6, lambda logits: logits.argmax(axis=-1))
    assert np.array_equal(
        greedy, model.generate(ids, max_new_tokens=6, eos_token_id=9999)
    )

    def cold(logits):
        return drawn(softmax(logits / 1e-7), rng)

    assert np.array_equal(by_hand(model, ids, 6, cold), greedy)

    def top_k(logits, k=3):
        best = np.argsort(-logits, axis=-1)[:, :k]
        p = softmax(np.take_along_axis(logits, best, axis=-1))
        return np.take_along_axis(best, drawn(p, rng)[:, None], axis=-1)[:, 0]

    def top_p(logits, mass=0.02):
        order = np.argsort(-logits, axis=-1)
        p = np.take_along_axis(softmax(logits), order, axis=-1)
        p[np.cumsum(p, axis=-1) - p > mass] = 0
        return np.take_along_axis(order, drawn(p, rng)[:, None], axis=-1)[:, 0]

    for choose, asked in (top_k, {"top_k": 3}), (top_p, {"top_p": 0.02}):
        config = GenerationConfig(do_sample=True, **asked).plain
        text = by_hand(model, ids, 20, choose)
        for i in range(3, 23):
            row = model(text[:, :i]).logits[0, -1]
            assert distribution(row, text[0, :i], config)[text[0, i]] > 0


def test_the_loop_with_a_cache(model):
    """One new token a step with past_key_values gives the logits of the whole text."""
    ids = np.array([[5, 6, 7, 8, 9], [1, 2, 3, 4, 4]])
    whole, past = model(ids).logits, None
    for i in range(ids.shape[1]):
        out = model(ids[:, i : i + 1], past_key_values=past)
        past = out.past_key_values
        np.testing.assert_allclose(out.logits[:, 0], whole[:, i], rtol=0, atol=1e-10)
        assert past.get_seq_length() == i + 1
    assert model(ids, use_cache=False).past_key_values is None


def test_the_loss_by_hand(model):
    ids = np.array([[5, 6, 7, 8], [1, 2, 3, 3]])
    out = model(ids, labels=ids)
    p = softmax(out.logits[:, :-1])
    want = -np.log(np.take_along_axis(p, ids[:, 1:, None], axis=-1)).mean()
    assert out.loss == pytest.approx(want, abs=1e-12)
    assert scoring.loss(out.logits[:, :-1], ids[:, 1:]) == pytest.approx(
        want, abs=1e-12
    )
    assert out[0] == out.loss and out["logits"] is out.logits is out[1]
    loss, logits = out[:2]
    assert loss == out.loss and logits is out.logits
    counted = np.where(np.arange(4) < 3, ids, -100)
    shorter = model(ids[:, :3], labels=ids[:, :3]).loss
    assert model(ids, labels=counted).loss == pytest.approx(shorter, abs=1e-12)


# Padding.


def test_left_padding_comes_back_and_changes_nothing(tokenizer, model):
    tokenizer.padding_side = "left"
    texts = ["One", "Two words, three", "And so on and on"]
    inputs = tokenizer(texts, padding=True, return_tensors="np")
    n = inputs.input_ids.shape[1]
    for how in {}, {"num_beams": 3}, {"do_sample": True, "seed": 4}:
        out = model.generate(**inputs, max_new_tokens=7, eos_token_id=9999, **how)
        assert np.array_equal(out[:, :n], inputs.input_ids)
        for text, row in zip(texts, out):
            ids = tokenizer(text, return_tensors="np").input_ids
            alone = model.generate(ids, max_new_tokens=7, eos_token_id=9999, **how)
            assert np.array_equal(row[n:], alone[0, ids.shape[1] :])
    twice = model.generate(
        **inputs, max_new_tokens=7, num_beams=2, num_return_sequences=2
    )
    assert np.array_equal(twice[::2, :n], inputs.input_ids)
    assert np.array_equal(twice[1::2, :n], inputs.input_ids)


def test_max_length_and_min_length_count_the_padding(model):
    ids, mask = [[0, 0, 0, 5, 6]], [[0, 0, 0, 1, 1]]
    out = model.generate(ids, attention_mask=mask, max_length=9, eos_token_id=9999)
    assert out.shape == (1, 9)
    first = int(out[0, 5])
    out = model.generate(ids, attention_mask=mask, max_length=9, eos_token_id=first)
    assert out.shape == (1, 6)
    out = model.generate(
        ids, attention_mask=mask, max_length=9, min_length=7, eos_token_id=first
    )
    assert out.shape[1] >= 7 and first not in out[0, 5:7]
    with pytest.raises(ValueError, match="max_length"):
        model.generate(ids, attention_mask=mask, max_length=5)


def test_padding_on_the_right_stays_between_prompt_and_text(model):
    ids, mask = [[5, 6, 0, 0], [1, 2, 3, 4]], [[1, 1, 0, 0], [1, 1, 1, 1]]
    out = model.generate(ids, attention_mask=mask, max_new_tokens=3, eos_token_id=9999)
    assert np.array_equal(out[:, :4], ids)
    alone = model.generate([[5, 6]], max_new_tokens=3, eos_token_id=9999)
    assert np.array_equal(out[0, 4:], alone[0, 2:])


def test_a_pad_token_that_is_no_eos_makes_a_mask(model):
    masked = model.generate(
        [[0, 0, 5]], attention_mask=[[0, 0, 1]], pad_token_id=0, max_new_tokens=5
    )
    assert np.array_equal(
        model.generate([[0, 0, 5]], pad_token_id=0, max_new_tokens=5), masked
    )


def test_a_mask_reaches_the_logits(model):
    """A row with padding and right positions equals the row without."""
    ids, mask = np.array([[0, 0, 5, 6, 7]]), np.array([[0, 0, 1, 1, 1]])
    positions = np.maximum(mask.cumsum(axis=1) - 1, 0)
    out = model(ids, attention_mask=mask, position_ids=positions)
    want = model(ids[:, 2:])
    np.testing.assert_allclose(out.logits[:, 2:], want.logits, rtol=0, atol=1e-12)
    more = model(
        np.array([[8]]), attention_mask=np.ones((1, 6), int) * [[0, 0, 1, 1, 1, 1]],
        past_key_values=out.past_key_values, position_ids=np.array([[3]]),
    )  # fmt: skip
    again = model(np.array([[8]]), past_key_values=want.past_key_values)
    np.testing.assert_allclose(more.logits, again.logits, rtol=0, atol=1e-12)


def test_positions_are_columns_unless_given(model):
    """As in transformers: padding counts, so a row begins at a later position. The same
    from a model whose table of positions begins there."""
    ids, mask = np.array([[0, 0, 5, 6, 7], [1, 2, 3, 4, 5]]), np.ones((2, 5), int)
    mask[0, :2] = 0
    got = model(ids, attention_mask=mask).logits
    later = GPT2.from_pretrained("gpt2", "float64")
    later.params["wpe"]["weight"] = later.params["wpe"]["weight"][2:]
    np.testing.assert_allclose(got[0, 2:], later([5, 6, 7]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(got[1], model.core(ids[1]), rtol=0, atol=1e-12)
    unmasked = model(ids).logits
    assert np.abs(unmasked[0, 2:] - got[0, 2:]).max() > 1e-6


# The tokenizer.


def test_padding_and_truncation(tokenizer):
    texts = ["a b c d", "a"]
    long, short = tokenizer.encode(texts[0]), tokenizer.encode(texts[1])
    n, eos = len(long), tokenizer.eos_token_id
    assert tokenizer(texts) == {
        "input_ids": [long, short], "attention_mask": [[1] * n, [1]]
    }  # fmt: skip
    right = tokenizer(texts, padding=True, return_tensors="np")
    assert right.input_ids.tolist() == [long, short + [eos] * (n - 1)]
    assert right.attention_mask.tolist() == [[1] * n, [1] + [0] * (n - 1)]
    tokenizer.padding_side = "left"
    assert tokenizer(texts, padding=True).input_ids == [long, [eos] * (n - 1) + short]
    fixed = tokenizer("a", padding="max_length", max_length=4)
    assert fixed.input_ids == [eos] * 3 + short
    cut = tokenizer(texts, truncation=True, max_length=2)
    assert cut.input_ids == [long[:2], short]
    tokenizer.truncation_side = "left"
    assert tokenizer(texts[0], truncation=True, max_length=2).input_ids == long[-2:]
    assert "attention_mask" not in tokenizer("a", return_attention_mask=False)


def test_each_word_for_padding_and_for_truncation(tokenizer):
    long, short = tokenizer.encode("a b c d"), tokenizer.encode("a")
    pad, n = [tokenizer.pad_token_id], len(long)
    for word in True, "longest":
        assert tokenizer(["a b c d", "a"], padding=word).input_ids[1] == (
            short + pad * (n - 1)
        )
    for word in False, None, "do_not_pad":
        assert tokenizer(["a b c d", "a"], padding=word).input_ids == [long, short]
    for word in True, "longest_first", "only_first":
        how = {"truncation": word, "max_length": 2}
        assert tokenizer(["a b c d", "a"], **how).input_ids == [long[:2], short]
    for word in False, None, "do_not_truncate":
        how = {"truncation": word, "max_length": 2}
        assert tokenizer("a b c d", **how).input_ids == long
    how = {"padding": "max_length", "max_length": 3, "truncation": True}
    left = tokenizer(["a", "a b c d"], padding_side="left", **how)
    assert left.input_ids == [pad * 2 + short, long[:3]]
    assert left.attention_mask == [[0, 0, 1], [1, 1, 1]]
    assert tokenizer("a", **how).attention_mask == [1, 0, 0]
    assert tokenizer([], padding=True).input_ids == []
    for side in "left", "right":
        tokenizer.truncation_side = side
        assert tokenizer("a b", truncation=True, max_length=0).input_ids == []
        assert tokenizer("a b c d", truncation=True, max_length=n).input_ids == long


def test_how_long_a_row_may_get():
    tokenizer = AutoTokenizer.from_pretrained("gpt2", model_max_length=1)
    assert tokenizer("a b c", truncation=True).input_ids == tokenizer.encode("a")
    assert AutoTokenizer.from_pretrained("gpt2").model_max_length == 10**30
    cut = AutoTokenizer.from_pretrained("gpt2", truncation_side="left")
    assert cut("a b", truncation=True, max_length=1).input_ids == cut.encode(" b")
    with pytest.raises(ValueError, match="padding='max_length' needs a max_length"):
        AutoTokenizer.from_pretrained("gpt2", pad_token="a")("a", padding="max_length")


def test_the_length_that_a_folder_says(tmp_path):
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    said = json.loads(file.read_text(encoding="utf-8")) | {"model_max_length": 2}
    file.write_text(json.dumps(said), encoding="utf-8")
    for how, n in ({}, 2), ({"model_max_length": 3}, 3):
        again = AutoTokenizer.from_pretrained(tmp_path, **how)
        assert again.model_max_length == n
        assert len(again("a b c d", truncation=True).input_ids) == n


def test_the_vocabulary_under_transformers_names(tokenizer):
    assert GPT2TokenizerFast is GPT2Tokenizer is AutoTokenizer
    assert len(tokenizer) == tokenizer.vocab_size == 957
    tokens = tokenizer.tokenize("Hello world")
    assert "".join(tokens) == "HelloĠworld"
    ids = tokenizer.convert_tokens_to_ids(tokens)
    assert ids == tokenizer.encode("Hello world")
    assert tokenizer.convert_ids_to_tokens(ids) == tokens
    assert tokenizer.convert_ids_to_tokens(ids[0]) == tokens[0]
    assert tokenizer.convert_tokens_to_string(tokens) == "Hello world"
    assert tokenizer.decode(ids[0]) == tokenizer.decode([ids[0]])
    assert tokenizer.batch_decode([ids, ids]) == ["Hello world"] * 2
    assert tokenizer.encode("a<|endoftext|>")[-1] == tokenizer.eos_token_id
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == 956
    assert tokenizer.all_special_ids == [tokenizer.eos_token_id]
    assert tokenizer.get_vocab()["Hello"[0]] == tokenizer.encode("H")[0]


def test_special_tokens_are_shown_unless_skipped(tokenizer):
    ids = [*tokenizer.encode("a"), tokenizer.eos_token_id]
    assert tokenizer.decode(ids) == "a<|endoftext|>"
    assert tokenizer.decode(ids, True) == "a"
    assert tokenizer.batch_decode([ids]) == ["a<|endoftext|>"]
    assert tokenizer.batch_decode(np.array([ids]), skip_special_tokens=True) == ["a"]
    assert tokenizer.batch_decode(np.array(ids)) == ["a", "<|endoftext|>"]
    assert tokenizer.decode(np.int64(ids[0])) == tokenizer.decode(ids[0]) == "a"


def test_a_template_stands_around_ids_and_not_around_tokens():
    core = Tokenizer([("a", "b")], template=([257], [257, 256]))
    tokenizer, [ab] = GPT2Tokenizer(core), core.encode("ab")[1:-2]
    assert tokenizer.encode("ab") == [257, ab, 257, 256]
    assert tokenizer("ab", add_special_tokens=False).input_ids == [ab]
    assert tokenizer.encode("ab", add_special_tokens=False) == [ab]
    assert tokenizer.tokenize("ab") == ["ab"]


def test_added_tokens_are_not_counted_in_the_vocabulary_size():
    small = Tokenizer.gpt2(3)
    vocab = small.vocab | {"<x>": 260, "yes": 261}
    eos = {"<|endoftext|>": Added(259, special=True)}
    added = eos | {"<x>": Added(260, special=True), "yes": Added(261)}
    core = Tokenizer(small.spelled_merges, vocab, "<|endoftext|>", added=added)
    tokenizer = GPT2Tokenizer(core)
    assert (len(tokenizer), tokenizer.vocab_size) == (262, 260)
    assert tokenizer.all_special_tokens == ["<|endoftext|>", "<x>"]
    assert tokenizer.all_special_ids == [259, 260]


def test_a_pad_token_can_be_set_in_three_ways():
    one = AutoTokenizer.from_pretrained("gpt2", pad_token="<|endoftext|>")
    two, three = (AutoTokenizer.from_pretrained("gpt2") for _ in range(2))
    assert two.pad_token is two.pad_token_id is None
    two.pad_token = two.eos_token
    three.pad_token_id = three.eos_token_id
    assert one.pad_token == two.pad_token == three.pad_token == "<|endoftext|>"
    assert one.pad_token_id == two.pad_token_id == three.pad_token_id == 956


def test_positions_may_be_one_row_for_all(model):
    ids = np.array([[5, 6, 7], [1, 2, 3]])
    want = model(ids).logits
    for positions in [0, 1, 2], [[0, 1, 2]], [[0, 1, 2]] * 2:
        assert np.array_equal(model(ids, position_ids=positions).logits, want)
    for positions in [0, 1], [[0, 1, 2]] * 3:
        with pytest.raises(ValueError, match=r"position_ids must be \[2, 3\], not"):
            model(ids, position_ids=positions)
    model([[1]], position_ids=[[127]])
    for wrong in 128, -1:
        with pytest.raises(ValueError, match="position_ids must be from 0 to 127"):
            model([[1]], position_ids=[[wrong]])


def test_the_last_token_that_fits(model):
    assert model([[1] * 128]).logits.shape == (1, 128, 957)
    past = model([[1] * 127]).past_key_values
    assert model([[1]], past_key_values=past).logits.shape == (1, 1, 957)
    with pytest.raises(ValueError, match="context of 128"):
        model([[1]], past_key_values=past)


@pytest.mark.parametrize(
    ("how", "dtype"),
    [({"dtype": "float64"}, "float64"), ({"torch_dtype": "float64"}, "float64"),
     ({"torch_dtype": "torch.float64"}, "float64"), ({"dtype": "auto"}, "float32"),
     ({"dtype": "float64", "torch_dtype": "float32"}, "float64"), ({}, "float32")],
)  # fmt: skip
def test_a_type_by_either_name(how, dtype):
    assert AutoModelForCausalLM.from_pretrained("gpt2", **how).dtype == dtype


def test_a_pad_token_of_the_config_makes_a_mask_too(model):
    want = model.generate([[5]], max_new_tokens=4, eos_token_id=9999)[0, 1:]
    model.config.pad_token_id = 0
    out = model.generate([[0, 0, 5]], max_new_tokens=4, eos_token_id=9999)
    assert out[0, 3:].tolist() == want.tolist()
    same = model.generate(input_ids=[[0, 0, 5]], max_new_tokens=4, eos_token_id=9999)
    assert np.array_equal(same, out)
    seen = model.generate([[0, 0, 5]], max_new_tokens=4, eos_token_id=0)
    assert model.generate([[0, 0, 5]], attention_mask=[[1, 1, 1]], max_new_tokens=4,
                          eos_token_id=0).tolist() == seen.tolist()  # fmt: skip


def test_what_was_set_is_saved(tokenizer, model, tmp_path):
    model.generation_config.max_new_tokens = 3
    model.config.pad_token_id = 5
    for one in tokenizer, model:
        one.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.generation_config.max_new_tokens == 3
    assert again.generation_config.pad_token_id == 5
    assert AutoTokenizer.from_pretrained(tmp_path).pad_token == "<|endoftext|>"
    assert tokenizer.core.pad_token is None  # the core's own is as it was
    AutoTokenizer.from_pretrained("gpt2").save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).pad_token is None


# Settings, streams, pipelines.


def test_settings_can_be_changed_and_are_checked(model):
    model.generation_config.max_new_tokens = 3
    assert model.generate([[5]], eos_token_id=9999).shape == (1, 4)
    model.generation_config.temperature = 0.5
    with pytest.raises(ValueError, match="top_p"):
        model.generation_config.top_p = 2
    with pytest.raises(ValueError, match="did you mean 'top_k'"):
        model.generation_config.topk = 2
    assert model.generate([[5]], GenerationConfig(max_new_tokens=2)).shape == (1, 3)
    assert model.config.hidden_size == model.config.n_embd == 24
    assert model.config.num_hidden_layers == 3
    with pytest.raises(ValueError, match="n_layer"):
        model.config.n_layer = 2
    assert copy.deepcopy(model.config).n_layer == 3
    assert copy.deepcopy(model.generation_config).max_new_tokens == 3


def test_a_model_says_what_it_is(model):
    core = GPT2.from_pretrained("gpt2")
    assert repr(core).startswith(f"GPT2({core.config.n_params:,} weights, float32, ")
    assert "n_layer=3" in repr(model)
    assert model.num_parameters() == core.config.n_params
    names = model.state_dict()
    assert names["transformer.h.0.attn.c_attn.weight"].shape == (24, 72)
    assert np.array_equal(names["lm_head.weight"], names["transformer.wte.weight"])
    assert model.dtype == np.float64 and model.device == "cpu"


def test_text_streams(tokenizer, model, capsys):
    inputs = tokenizer("Gänse", return_tensors="np")
    out = model.generate(**inputs, max_new_tokens=9, streamer=TextStreamer(tokenizer))
    assert capsys.readouterr().out == tokenizer.decode(out[0]) + "\n"
    streamer = TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    for _ in range(2):  # it can be used again
        model.generate(**inputs, max_new_tokens=9, streamer=streamer)
        new = out[0, inputs.input_ids.shape[1] :]
        assert capsys.readouterr().out == tokenizer.decode(new, True) + "\n"


def test_a_stream_ends_with_what_was_held_back(tokenizer, capsys):
    streamer = TextStreamer(tokenizer)
    half, letter = tokenizer.encode("é")[:1], tokenizer.encode("b")
    assert tokenizer.decode(half) == "\ufffd"
    for ids, said in (half, ""), ([tokenizer.eos_token_id], "\ufffd<|endoftext|>"):
        streamer.put(ids)
        assert capsys.readouterr().out == said
    streamer.put(half)
    streamer.end()
    assert capsys.readouterr().out == "\ufffd\n"
    streamer.put(letter)
    assert capsys.readouterr().out == "b"
    spaces = TextStreamer(tokenizer, True, True, clean_up_tokenization_spaces=True)
    spaces.put(letter)  # the prompt
    spaces.put(tokenizer.encode(" a ") + [tokenizer.eos_token_id])
    shown = capsys.readouterr().out
    spaces.end()
    assert (shown, capsys.readouterr().out) == (" a", " \n")


def test_a_stream_is_seen_at_once(tokenizer, monkeypatch):
    done = []
    out = SimpleNamespace(write=done.append, flush=lambda: done.append("shown"))
    monkeypatch.setattr(sys, "stdout", out)
    TextStreamer(tokenizer).put(tokenizer.encode("a"))
    assert done[0] == "a" and done[-1] == "shown"


def test_what_a_pipeline_asks_for(tokenizer, model):
    asked = []

    class Recorder(GPT2LMHeadModel):
        def generate(self, ids, **settings):
            asked.append((ids, settings))
            return [[*ids[0], *tokenizer.encode(" b"), tokenizer.eos_token_id]]

    pipe = pipeline("text-generation", Recorder(model.config), tokenizer)
    assert pipe("a") == [{"generated_text": "a b"}]
    assert pipe(["a"], return_full_text=False) == [[{"generated_text": " b"}]]
    pipe("", temperature=1.5, max_length=9)
    pipe("a", max_length=9, max_new_tokens=3, do_sample=False, pad_token_id=4)
    eos, a = model.config.eos_token_id, tokenizer.encode("a")
    usual = {"do_sample": True, "temperature": 0.7, "pad_token_id": eos}
    assert asked == [
        ([a], usual | {"max_new_tokens": 256}),
        ([a], usual | {"max_new_tokens": 256}),
        ([[model.config.bos_token_id]], usual | {"temperature": 1.5, "max_length": 9}),
        ([a], {"do_sample": False, "temperature": 0.7, "pad_token_id": 4,
               "max_length": 9, "max_new_tokens": 3}),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="loaded already needs tokenizer="):
        pipeline("text-generation", model)


def test_a_pipeline(tokenizer, model):
    pipe = pipeline("text-generation", model="gpt2", device=-1)
    set_seed(1)
    several = pipe("Once", max_new_tokens=5, num_return_sequences=2)
    assert len(several) == 2
    assert all(one["generated_text"].startswith("Once") for one in several)
    pipe = pipeline("text-generation", model=model, tokenizer=tokenizer)
    texts = pipe(["Once", "Twice"], max_length=8, do_sample=False)
    assert [t[0]["generated_text"][:4] for t in texts] == ["Once", "Twic"]
    [new] = pipe("Once", max_length=8, do_sample=False, return_full_text=False)
    assert "Once" + new["generated_text"] == texts[0][0]["generated_text"]


def test_a_text_may_start_from_nothing(model):
    eos = model.config.eos_token_id
    assert model.generate(max_new_tokens=2)[0, 0] == eos


# Wrong input.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, m: m([1, 2]), "input_ids must be \\[n_row, n_tok\\]"),
        (lambda t, m: m([[1, 2], [3]]), "input_ids must be a rectangle"),
        (lambda t, m: m([[1.5]]), "input_ids must be integers"),
        (lambda t, m: m([[99999]]), "99999 is outside the vocabulary"),
        (lambda t, m: m([[1] * 200]), "context of 128"),
        (lambda t, m: m([[1]], labels=[[1, 2]]), "labels must have the shape"),
        (lambda t, m: m([[1]], attention_mask=[[1, 1]]), "attention_mask must be"),
        (lambda t, m: m([[1]], position_ids=[[-1]]), "position_ids must be from 0"),
        (lambda t, m: m([[1]], position_ids=[[1, 2]]), "position_ids must be"),
        (lambda t, m: m([[1]], output_attentions=True), "output_attentions=True"),
        (lambda t, m: m([[1], [2]], past_key_values=m([[1]]).past_key_values), "rows"),
        (lambda t, m: m([[1]], past_key_values=m([[1]]).past_key_values,
                        attention_mask=[[0, 1]]), "must begin as it did"),
        (lambda t, m: m.generate(t("x")), "\\*\\*inputs"),
        (lambda t, m: m.generate([[1]], topk=3), "did you mean 'top_k'"),
        (lambda t, m: t(["a", "b c"], return_tensors="np"), "padding=True"),
        (lambda t, m: t("a", return_tensors="tf"), "return_tensors"),
        (lambda t, m: t("a", padding="max_length"), "max_length"),
        (lambda t, m: t("a", padding=True, padding_side="up"), "padding_side"),
        (lambda t, m: t.decode([[1, 2], [3, 4]]), "batch_decode"),
        (lambda t, m: t.decode([1.5]), "token_ids must be integers"),
        (lambda t, m: t.convert_tokens_to_ids("nonsense!"), "not in the vocabulary"),
        (lambda t, m: setattr(t, "pad_token", "[PAD]"), "pad_token must be"),
        (lambda t, m: pipeline("summarization"), "task must be"),
        (lambda t, m: AutoModelForCausalLM.from_pretrained("gpt2", n_layer=2),
         "n_layer"),
        (lambda t, m: AutoModelForCausalLM.from_pretrained("gpt2", dtype="bfloat16"),
         "dtype must be"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tokenizer, model, call, message):
    with pytest.raises(ValueError, match=message):
        call(tokenizer, model)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("input_ids", lambda t, m, x: m(x)),
        ("input_ids", lambda t, m, x: m.generate(x)),
        ("labels", lambda t, m, x: m([[1]], labels=x)),
        ("attention_mask", lambda t, m, x: m([[1]], attention_mask=x)),
        ("attention_mask", lambda t, m, x: m.generate([[1]], attention_mask=x)),
        ("position_ids", lambda t, m, x: m([[1]], position_ids=x)),
        ("token_ids", lambda t, m, x: t.decode(x)),
        ("ids", lambda t, m, x: t.convert_ids_to_tokens(x)),
    ],
)
def test_ids_in_a_wrong_form_are_named(tokenizer, model, name, call):
    for wrong, what in ([[1], [2, 3]], "a rectangle"), ([[0.5]], "integers"):
        with pytest.raises(ValueError, match=f"^{name} must be {what}"):
            call(tokenizer, model, wrong)


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("padding must be one of", lambda t, m: t("a", padding="up")),
        ("truncation must be one of", lambda t, m: t("a", truncation="up")),
        ("max_length must be a number of tokens", lambda t, m: t("a", max_length=-1)),
        (
            "padding_side must be 'left' or 'right'",
            lambda t, m: t("a", padding=True, padding_side="up"),
        ),
        ("sequences must be a list of rows of ids", lambda t, m: t.batch_decode(3)),
        (
            "pad_token_id must be a token id, ",
            lambda t, m: setattr(t, "pad_token_id", -1),
        ),
        ("tokenizer must be a Tokenizer, ", lambda t, m: GPT2Tokenizer(3)),
        ("tokenizer must be a tokenizer, ", lambda t, m: TextStreamer(3)),
        (
            "padding_side must be 'left' or 'right'",
            lambda t, m: GPT2Tokenizer(t.core, padding_side="up"),
        ),
        (
            "truncation_side must be 'left' or 'right'",
            lambda t, m: GPT2Tokenizer(t.core, truncation_side=1),
        ),
        (
            "model_max_length must be a positive integer",
            lambda t, m: GPT2Tokenizer(t.core, model_max_length=0),
        ),
        (
            "past_key_values must be an earlier output",
            lambda t, m: m([[1]], past_key_values=[]),
        ),
        ("core must be a GPT2, ", lambda t, m: GPT2LMHeadModel(m.config, 3)),
        (
            "config must be a numpygpt.hf.GPT2Config",
            lambda t, m: GPT2LMHeadModel(m.config.plain),
        ),
        (
            "bos_token_id must be a token id or None",
            lambda t, m: setattr(m.config, "bos_token_id", -1),
        ),
        (
            "pad_token_id must be a token id or None",
            lambda t, m: setattr(m.config, "pad_token_id", "a"),
        ),
    ],
)
def test_every_wrong_argument_is_named(tokenizer, model, words, call):
    with pytest.raises(ValueError, match=f"^{words}"):
        call(tokenizer, model)


IDLE = ["attn_implementation", "cache_dir", "device_map", "local_files_only",
        "low_cpu_mem_usage", "revision", "token", "trust_remote_code", "use_cache",
        "use_fast", "use_safetensors"]  # fmt: skip


def test_what_from_pretrained_may_be_told_in_vain():
    idle = dict.fromkeys(IDLE, "whatever")
    assert AutoModelForCausalLM.from_pretrained("gpt2", **idle).config.n_layer == 3
    assert len(AutoTokenizer.from_pretrained("gpt2", **idle)) == 957
    pipe = pipeline("text-generation", device=0, framework="pt", **idle)
    [out] = pipe("a", max_new_tokens=1, do_sample=False)
    assert out["generated_text"].startswith("a")
    with pytest.raises(ValueError, match=r"n_layer=2: numpygpt.hf does not have this$"):
        pipeline("text-generation", n_layer=2)
    with pytest.raises(TypeError, match="n_layer"):
        AutoTokenizer.from_pretrained("gpt2", n_layer=2)


def test_what_a_pass_may_be_told_in_vain(model):
    want = model([[1, 2]]).logits
    for how in (
        {"return_dict": True, "output_attentions": False, "token_type_ids": None},
        {"return_dict": None, "output_hidden_states": False},
        {"output_attentions": None, "output_hidden_states": None},
    ):
        assert np.array_equal(model([[1, 2]], **how).logits, want)
    for name in "output_attentions", "output_hidden_states":
        with pytest.raises(ValueError, match=rf"^{name}=True: .*numpygpt.look.inside"):
            model([[1, 2]], **{name: True})
    for name in "return_dict", "token_type_ids", "head_mask":
        with pytest.raises(ValueError, match=rf"^{name}=False: .*not have this$"):
            model([[1, 2]], **{name: False})


def test_sizes_have_general_names_and_tokens_can_be_set():
    config = GPT2Config(
        vocab_size=7, max_position_embeddings=9, hidden_size=12, num_hidden_layers=2,
        num_attention_heads=3, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    plain = config.plain
    assert (plain.n_positions, plain.n_embd, plain.n_layer, plain.n_head) == (
        9,
        12,
        2,
        3,
    )
    assert (config.max_position_embeddings, config.num_hidden_layers) == (9, 2)
    assert (config.hidden_size, config.num_attention_heads) == (12, 3)
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (
        1,
        2,
        None,
    )
    for name in "bos_token_id", "eos_token_id", "pad_token_id":
        setattr(config, name, 4)
        assert getattr(config, name) == 4
        setattr(config, name, 0)
        setattr(config, name, None)
        assert getattr(config, name) is None
    assert GPT2Config(pad_token_id=3).pad_token_id == 3
    assert repr(config).endswith(", pad_token_id=None")
    with pytest.raises(ValueError, match="num_hidden_layers cannot be set"):
        config.num_hidden_layers = 3


def test_padding_without_a_pad_token_names_the_remedy():
    tokenizer = AutoTokenizer.from_pretrained("gpt2")
    with pytest.raises(ValueError, match="tokenizer.pad_token = tokenizer.eos_token"):
        tokenizer(["a", "b c"], padding=True)


def test_tensors_without_torch_name_the_remedy(tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ValueError, match="'np'"):
        tokenizer("a", return_tensors="pt")


def test_a_failed_call_leaves_the_past_as_it_was(model):
    past = model([[1, 2]]).past_key_values
    for wrong in [[99999]], [[1] * 127]:
        with pytest.raises(ValueError):
            model(wrong, past_key_values=past)
    again = model([[3]], past_key_values=past).logits
    np.testing.assert_allclose(again[0, 0], model([[1, 2, 3]]).logits[0, 2], atol=1e-12)


def test_spaces_are_taken_out_where_that_is_asked_for(tokenizer, capsys):
    spaced = "do n't stop , it 's late !  ."
    want = "don't stop, it's late! ."  # transformers' answer
    ids = tokenizer.encode(spaced)
    assert tokenizer.decode(ids) == spaced
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=True) == want
    asking = AutoTokenizer.from_pretrained("gpt2", clean_up_tokenization_spaces=True)
    assert asking.decode(ids) == want == asking.batch_decode([ids])[0]
    assert asking.decode(ids, clean_up_tokenization_spaces=False) == spaced
    for streamer in (
        TextStreamer(asking), TextStreamer(tokenizer, clean_up_tokenization_spaces=True)
    ):  # fmt: skip
        for _ in range(2):
            for i in ids:
                streamer.put([i])
            streamer.end()
            assert capsys.readouterr().out == want + "\n"


def test_taking_spaces_out_is_saved(tokenizer, tmp_path):
    asking = AutoTokenizer.from_pretrained("gpt2", clean_up_tokenization_spaces=True)
    asking.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.decode(again.encode("a , b")) == "a, b"
    assert Tokenizer.from_pretrained(tmp_path).decode([257, 837]) == " a,"


def test_what_a_tokenizer_returns_has_its_entries_as_attributes():
    from numpygpt.hf.text import BatchEncoding

    batch = BatchEncoding(input_ids=[[1]])
    assert batch.input_ids == [[1]]
    assert not hasattr(batch, "nothing")
    with pytest.raises(AttributeError, match="nothing"):
        batch.nothing
