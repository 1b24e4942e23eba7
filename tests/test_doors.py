"""Arguments of a wrong kind, at every public door: a ValueError that names the
argument, never a TypeError from somewhere inside."""

import itertools
import os
import warnings

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer, hf, scoring, set_seed

CONFIG = GPT2Config(
    300, n_positions=16, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
)
MODEL, TOKENIZER = GPT2.random(CONFIG), Tokenizer.gpt2(43)
HF_MODEL = hf.GPT2LMHeadModel(hf.GPT2Config(**CONFIG.to_dict()), MODEL)
HF = hf.GPT2Tokenizer(TOKENIZER)
LOGITS = np.zeros((1, 5))
WRONG = [
    None, 5, 5.5, "\0", b"x", [5.5], ["\0"], [None], [[1, 2], [3]], {"a": 1}, object(),
    np.array(5), np.zeros((2, 2, 2)), np.array([1.5]), float("nan"), 10**30, -1, {1},
    [10**30], [-1], int,
]  # fmt: skip


# The door: what it is called with, the name that its errors have, and which of WRONG
# are no mistakes there, or are one of the text's and not of its kind.
DOORS = {
    "Tokenizer, merges": (Tokenizer, "merges", ()),
    "Tokenizer, vocab": (
        lambda v: Tokenizer([], v),
        "vocab|the vocabulary has no id", (0,),
    ),
    "Tokenizer, eos_token": (lambda v: Tokenizer([], eos_token=v), "eos_token", (0, 3)),
    "Tokenizer, added": (lambda v: Tokenizer([], added=v), "added", (0,)),
    "Tokenizer, names": (lambda v: Tokenizer([], names=v), "names", (0,)),
    "Tokenizer, template": (
        lambda v: Tokenizer([], template=v), "template", (8,)
    ),
    "gpt2": (Tokenizer.gpt2, "n_merges", (1,)),
    "from_pretrained": (Tokenizer.from_pretrained, "name_or_folder", (3,)),
    "train": (lambda v: Tokenizer.train(v, 1), "texts", (6, 9)),
    "train, n_merges": (lambda v: Tokenizer.train(["ab"], v), "n_merges", ()),
    "train, progress": (lambda v: Tokenizer.train(["ab"], 1, v), "progress", (0, 20)),
    "encode": (TOKENIZER.encode, "text", (3,)),
    "encode, allowed": (lambda v: TOKENIZER.encode("x", v), "allowed_special", (6, 9)),
    "encode, disallowed": (
        lambda v: TOKENIZER.encode("x", (), v), "disallowed_special", (6, 9)
    ),
    "encode, return_tensors": (
        lambda v: TOKENIZER.encode("x", return_tensors=v), "return_tensors", (0,)
    ),
    "tokenizer()": (TOKENIZER, "text", (3, 6)),
    "decode": (TOKENIZER.decode, "ids|token id", (4, 17)),
    "decode_bytes": (TOKENIZER.decode_bytes, "ids|token id", (4, 17)),
    "decode_stream": (lambda v: [*TOKENIZER.decode_stream(v)], "ids|token id", (4, 17)),
    "tokenizer.save": (TOKENIZER.save_pretrained, "folder", (3,)),
    "GPT2, config": (lambda v: GPT2(v, MODEL.params), "config", ()),
    "GPT2, params": (lambda v: GPT2(CONFIG, v), "params", ()),
    "GPT2.from_pretrained": (GPT2.from_pretrained, "name_or_folder", (3,)),
    "GPT2.random": (GPT2.random, "config", ()),
    "GPT2.random, seed": (lambda v: GPT2.random(CONFIG, v), "seed", (0, 1, 15)),
    "GPT2.random, dtype": (lambda v: GPT2.random(CONFIG, 0, v), "dtype", ()),
    "GPT2.save": (MODEL.save_pretrained, "folder", (3,)),
    "GPT2.save, dtype": (lambda v: MODEL.save_pretrained("x", v), "dtype", (0,)),
    "model()": (MODEL, "token ids?", ()),
    "model(), cache": (lambda v: MODEL([1], cache=v), "cache", (0,)),
    "model.read": (MODEL.read, "ids|token id", ()),
    "model.hidden": (
        lambda v: MODEL.hidden(v, [MODEL.new_cache()]),
        "sequences|token ids?", (),
    ),
    "model.hidden, caches": (lambda v: MODEL.hidden([[1]], v), "sequences|caches", ()),
    "model.unembed": (MODEL.unembed, "hidden", ()),
    "generate": (
        lambda v: MODEL.generate(v, max_new_tokens=1),
        "input_ids|token ids?", (8,),
    ),
    "generate, streamer": (
        lambda v: MODEL.generate([1], streamer=v, max_new_tokens=1), "streamer", (0,)
    ),
    "generate, seed": (
        lambda v: MODEL.generate([1], seed=v, max_new_tokens=1), "seed", (0, 1, 15)
    ),
    "named": (GPT2Config.named, "name", ()),
    "from_dict": (GPT2Config.from_dict, "settings", (9,)),
    "set_seed": (set_seed, "seed", (0, 1, 15)),
    "loss": (
        lambda v: scoring.loss(v, [1]),
        "logits|targets must have the shape of logits", (),
    ),
    "loss, targets": (lambda v: scoring.loss(LOGITS, v), "targets", ()),
    "loss, ignore_index": (
        lambda v: scoring.loss(LOGITS, [1], v), "ignore_index", (0, 1, 15, 16)
    ),
    "nlls, model": (lambda v: scoring.nlls(v, [1, 2]), "model", ()),
    "nlls": (lambda v: scoring.nlls(MODEL, v), "ids|token id", (4, 17, 18, 19)),
    "perplexity, model": (lambda v: scoring.perplexity(v, [1, 2]), "model", ()),
    "perplexity": (lambda v: scoring.perplexity(MODEL, v), "ids|token id", ()),
    "perplexity, stride": (
        lambda v: scoring.perplexity(MODEL, [1, 2, 3], v), "stride", (0, 1)
    ),
    "rank, model": (lambda v: scoring.rank(v, [1], [[2]]), "model", (20,)),
    "rank, prompt": (
        lambda v: scoring.rank(MODEL, v, [[2]]),
        "ids|token ids?|prompt", (4, 17),
    ),
    "rank, answers": (
        lambda v: scoring.rank(MODEL, [1], v),
        "ids|token id|answers|prompt and every answer", (8,),
    ),
    "hf, Tokenizer": (hf.GPT2Tokenizer, "tokenizer", ()),
    "hf, from_pretrained": (hf.AutoTokenizer.from_pretrained, "name_or_folder", (3,)),
    "hf, side": (
        lambda v: hf.GPT2Tokenizer(TOKENIZER, truncation_side=v), "truncation_side", ()
    ),
    "hf, model_max_length": (
        lambda v: hf.GPT2Tokenizer(TOKENIZER, model_max_length=v),
        "model_max_length", (0, 1, 15),
    ),
    "hf, pad_token": (lambda v: setattr(HF, "pad_token", v), "pad_token", (0,)),
    "hf, pad_token_id": (
        lambda v: setattr(HF, "pad_token_id", v),
        "pad_token_id|token id", (1,),
    ),
    "hf, text": (HF, "text", (3, 6)),
    "hf, max_length": (lambda v: HF("x", max_length=v), "max_length", (0, 1)),
    "hf, truncation": (lambda v: HF("x", truncation=v), "truncation|The truth", (0,)),
    "hf, padding": (lambda v: HF("x", padding=v), "padding|The truth", (0,)),
    "hf, decode": (HF.decode, "token_ids|token id", (1, 11)),
    "hf, batch_decode": (HF.batch_decode, "sequences|token_ids|token id", (8, 17)),
    "hf, to ids": (HF.convert_tokens_to_ids, "tokens", (3, 6)),
    "hf, to tokens": (HF.convert_ids_to_tokens, "ids|token id", (1, 11)),
    "hf, TextStreamer": (hf.TextStreamer, "tokenizer", ()),
    "hf, model": (hf.GPT2LMHeadModel, "config", ()),
    "hf, core": (lambda v: hf.GPT2LMHeadModel(HF_MODEL.config, v), "core", (0,)),
    "hf, input_ids": (HF_MODEL, "input_ids|token id", ()),
    "hf, past": (
        lambda v: HF_MODEL([[1]], past_key_values=v), "past_key_values", (0,)
    ),
    "hf, labels": (lambda v: HF_MODEL([[1]], labels=v), "labels", (0,)),
    "hf, pipeline": (
        lambda v: hf.pipeline("text-generation", HF_MODEL, HF)(v, max_new_tokens=1),
        "text", (3, 6),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory):
    """An empty folder, in which whatever was written would lie."""
    folder, before = tmp_path_factory.mktemp("nowhere"), os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.mark.parametrize("door", DOORS)
def test_what_is_wrong_is_named(door, nowhere, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    call, name, right = DOORS[door]
    for n, value in enumerate(WRONG):
        if n in right:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match=rf"^({name})\b"):
                call(value)
                pytest.fail(f"{door} takes {value!r}")
    assert not [*nowhere.iterdir()]


def test_an_empty_cache_is_a_cache_and_an_empty_list_is_none():
    cache = MODEL.new_cache()
    MODEL([1, 2], cache)
    assert cache.n_tok == 2
    for wrong in [], {}, 0, "":
        with pytest.raises(ValueError, match="cache must be"):
            MODEL([1], cache=wrong)


def test_a_name_as_a_text_is_no_list_of_names():
    """Its letters would be taken for the tokens."""
    with pytest.raises(ValueError, match="allowed_special must be 'all' or a set"):
        TOKENIZER.encode("x", "<|endoftext|>")


def test_do_not_is_heard():
    rows = HF(["a", "b c d"], truncation="do_not_truncate", padding="do_not_pad",
              max_length=1)["input_ids"]  # fmt: skip
    assert [*map(len, rows)] == [1, 3]


def test_numpys_integers_are_integers():
    assert Tokenizer.gpt2(np.int64(3)).n_vocab == 260
    assert GPT2.random(CONFIG, np.int64(3)).dtype == np.float32
    assert TOKENIZER.decode(iter(np.array([40, 41]))) == "IJ"


def test_a_fault_of_the_source_is_not_called_one_of_the_ids():
    def broken():
        yield 40
        raise TypeError("from inside")

    with pytest.raises(TypeError, match="from inside"):
        [*TOKENIZER.decode_stream(broken())]


def test_wrong_ids_in_the_middle_of_a_stream():
    stream = TOKENIZER.decode_stream([40, 5.5])
    assert next(stream) == "I"
    with pytest.raises(ValueError, match="ids must be one list of integers, and 5.5"):
        next(stream)
    assert [*itertools.islice(TOKENIZER.decode_stream(itertools.repeat(40)), 2)]
