"""What random bugs were not noticed in: bounds at the edge, defaults, arguments lost on
the way, limits and checks removed, rare spellings."""

import json

import numpy as np
import pytest

from numpygpt import (
    GPT2,
    GenerationConfig,
    GPT2Config,
    Tokenizer,
    decoding,
    set_seed,
    weights,
)
from numpygpt.decoding.plumbing import seeds
from numpygpt.files import download, hub, known
from numpygpt.files.hub import FormatError
from numpygpt.files.known import DownloadError
from numpygpt.files.safetensors import read_safetensors, write_safetensors

CONFIG = GPT2Config(29, n_positions=20, n_embd=6, n_layer=2, n_head=3, eos_token_id=7)
MODEL = GPT2.random(CONFIG, dtype=np.float64)

# Rare spellings.

# What tiktoken's gpt2 makes of them.
SPELLINGS = {
    "a\vb": [64, 199, 65],
    "a \v b\v": [64, 220, 199, 275, 199],
    "x\r\ny\r\n\r\nz": [87, 201, 198, 88, 201, 198, 201, 198, 89],
    "  \v\f ": [220, 220, 199, 200, 220],
    "a\x1c b\x1d\x1e\x1f c": [64, 216, 275, 217, 218, 219, 269],
    "\u2028x\u2029 y\u3000z": [447, 101, 87, 447, 102, 331, 5099, 222, 89],
    "\r": [201],
    "\n\r\n ": [198, 201, 198, 220],
    " \u200b a\u180e": [20126, 257, 157, 254, 236],
    "it's'S'LL'll 've'VE": [270, 338, 6, 50, 6, 3069, 1183, 705, 303, 6, 6089],
    "\u0345\u0660\u00b9\u2167x": [137, 227, 149, 254, 126, 117, 158, 227, 100, 87],
}


@pytest.mark.parametrize("text", SPELLINGS, ids=ascii)
def test_rare_white_space_and_capitals(text):
    tokenizer = Tokenizer.gpt2()
    assert tokenizer.encode(text) == SPELLINGS[text]
    # Among other text, and where no character is beyond ASCII or one is.
    for around in ("{}", "Well{}", "{} \u4e2d", "{}" + " word" * 300):
        assert tokenizer.decode(tokenizer.encode(around.format(text))) == (
            around.format(text)
        )


# Arguments and defaults.


def test_a_stream_knows_its_attention_mask():
    padded, mask = [5, 5, 1, 2, 3], [0, 0, 1, 1, 1]
    want = MODEL.generate([1, 2, 3], max_new_tokens=5)[0, 3:].tolist()
    assert [*MODEL.stream(padded, attention_mask=mask, max_new_tokens=5)] == want


def test_the_end_of_a_text_is_known_without_a_generation_config(tmp_path):
    MODEL.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    assert GPT2.from_pretrained(tmp_path).generation_config.eos_token_id == 7


def test_seeds_differ_and_repeat():
    """A call without a seed gets a new one of many; `set_seed` starts them anew."""
    set_seed(3)
    first = [seeds.new_seed() for _ in range(100)]
    set_seed(3)
    assert [seeds.new_seed() for _ in range(100)] == first
    set_seed(4)
    assert seeds.new_seed() not in first
    assert len({*first}) == 100
    assert max(first) > 2**31
    assert np.mean(first) == pytest.approx(2**31, rel=0.2)
    streams = [seeds.stream(s, k).random() for s in (0, 1, 2**40) for k in range(5)]
    assert len({*streams}) == 15


def test_the_last_position_is_used_and_no_more():
    assert MODEL([1] * 20).shape == (20, 29)
    with pytest.raises(ValueError, match="20"):
        MODEL([1] * 21)
    cache = MODEL.new_cache()
    MODEL([1] * 19, cache)
    MODEL([1], cache)
    with pytest.raises(ValueError, match="20"):
        MODEL([1], cache)


# Limits and checks of files.


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("n_layer", [3, 27, 10**5, 10**9, 10**30])
def test_more_blocks_than_there_are_arrays(tmp_path, n_layer):
    MODEL.save_pretrained(tmp_path)
    edit(tmp_path, n_layer=n_layer)
    with pytest.raises(FormatError, match="blocks|missing"):
        GPT2.from_pretrained(tmp_path)


def test_an_array_in_two_shards_is_refused(tmp_path):
    MODEL.save_pretrained(tmp_path)
    found = {
        n: a for n, (_, a) in read_safetensors(tmp_path / "model.safetensors").items()
    }
    first = {"transformer.wte.weight": found["transformer.wte.weight"]}
    write_safetensors(tmp_path / "a.safetensors", first)
    write_safetensors(tmp_path / "b.safetensors", found)
    (tmp_path / "model.safetensors").unlink()
    index = {"weight_map": {n: "b.safetensors" for n in found} | {"x": "a.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FormatError, match="'wte.weight' is in another file, too"):
        weights.load(tmp_path)
    write_safetensors(tmp_path / "a.safetensors", {"h.0.attn.bias": np.ones(3)})
    weights.load(tmp_path)


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.bool_])
def test_arrays_of_whole_numbers_are_no_weights(tmp_path, kind):
    MODEL.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    found = {n: np.array(a) for n, (_, a) in read_safetensors(path).items()}
    found["transformer.ln_f.bias"] = found["transformer.ln_f.bias"].astype(kind)
    write_safetensors(path, found)
    with pytest.raises(FormatError, match="ln_f.bias.*config.json wants numbers"):
        weights.load(tmp_path)


@pytest.mark.parametrize("size", [hub.MAX_SETTINGS, hub.MAX_SETTINGS + 1])
def test_the_largest_config(tmp_path, size):
    MODEL.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().ljust(size))
    if size <= hub.MAX_SETTINGS:
        GPT2.from_pretrained(tmp_path)
    else:
        with pytest.raises(FormatError, match=f"larger than {hub.MAX_SETTINGS} bytes"):
            GPT2.from_pretrained(tmp_path)


def test_the_most_values_of_a_json_text():
    most = hub.MAX_VALUES
    fits = b'{"a": [' + b",".join([b"0"] * (most - 1)) + b"]}"
    assert len(hub.parse_json(fits, "x")["a"]) == most - 1
    with pytest.raises(FormatError, match=f"x: more than {most} values"):
        hub.parse_json(fits.replace(b"]", b",0]"), "x")


# Downloads.


@pytest.mark.parametrize(
    ("status", "content_range", "goes_on"),
    [
        (206, "bytes 70-99/100", True),
        (206, "bytes 70-99/*", True),
        (200, "bytes 70-99/100", False),
        (206, "bytes 0-99/100", False),
        (206, "bytes 7-99/100", False),
        (206, "bytes 700-990/1000", False),
        (206, "", False),
    ],
)
def test_only_the_bytes_that_were_asked_for_are_appended(
    status, content_range, goes_on
):
    class Answer:
        headers = {"Content-Range": content_range} if content_range else {}

    Answer.status = status
    assert download.from_byte(70, Answer) == goes_on


@pytest.mark.parametrize(
    ("home", "place", "is_refused"),
    [
        ("https://hub.invalid/x", "http://hub.invalid/x", True),
        ("https://hub.invalid/x", "file:///etc/passwd", True),
        ("http://hub.invalid/x", "ftp://hub.invalid/x", True),
        ("http://hub.invalid/x", "http://other.invalid/x", False),
        ("http://hub.invalid/x", "https://other.invalid/x", False),
        ("https://hub.invalid/x", "https://other.invalid/x", False),
    ],
)
def test_a_redirect_never_leaves_https(home, place, is_refused, monkeypatch):
    asked = []

    class Opener:
        def open(self, request, timeout):
            asked.append(request)
            raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(download.urllib.request, "build_opener", lambda _: Opener())
    monkeypatch.setenv("HF_TOKEN", "secret")
    error = DownloadError if is_refused else ConnectionRefusedError
    with pytest.raises(error):
        download.ask_once(place, "GET", 5, home, {})
    assert len(asked) == (0 if is_refused else 1)
    for request in asked:
        assert request.get_header("Range") == "bytes=5-"
        assert request.get_header("Authorization") is None
    if not is_refused:
        with pytest.raises(ConnectionRefusedError):
            download.ask_once(home, "HEAD", 0, home, {})
        assert asked[1].get_header("Authorization") == "Bearer secret"
        assert asked[1].get_header("Range") is None


def test_names_of_the_hub():
    assert known.full_name("gpt2") == "openai-community/gpt2"
    assert known.full_name("distilgpt2") == "distilbert/distilgpt2"
    for name in ("a/b", "A-1/b_2.c", "0/0"):
        assert known.full_name(name) == name
    for name in ("gpt3", "a/..", "a/b..c", "-a/b", "a/-b", "_a/b", "a/b/c", "a/b\n"):
        assert known.full_name(name) is None


@pytest.mark.parametrize("eos", [None, 3, [3, 5]])
def test_what_ends_a_text_is_saved_even_if_nothing_does(tmp_path, eos):
    """Or config.json's end would take its place."""
    settings = GenerationConfig(eos_token_id=eos)
    GPT2(CONFIG, MODEL.params, settings).save_pretrained(tmp_path)
    assert GPT2.from_pretrained(tmp_path).generation_config.eos_token_id == eos


@pytest.mark.parametrize("min_keep", [-1, 1.5, "2", None, True])
@pytest.mark.parametrize("name", ["top_p", "min_p", "typical_p"])
def test_min_keep_is_a_count(name, min_keep):
    with pytest.raises(ValueError, match="min_keep"):
        getattr(decoding, name)(np.array([1.0, 2.0, 3.0]), 0.5, min_keep=min_keep)
