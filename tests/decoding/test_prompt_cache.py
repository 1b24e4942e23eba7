"""A beginning that is read once: the same texts, from memory and from a file."""

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config
from numpygpt.decoding.plumbing.prompt_cache import PromptCache
from numpygpt.files.hub import FormatError

SHAPE = GPT2Config(50, n_positions=40, n_embd=12, n_layer=2, n_head=3)
MODEL = GPT2.random(SHAPE, dtype=np.float64)
OTHER = GPT2.random(SHAPE, seed=1, dtype=np.float64)
SHOTS = [3, 1, 4, 1, 5, 9, 2, 6]
PROMPTS = [SHOTS, [*SHOTS, 7], [*SHOTS, 5, 3, 5]]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_sample": True, "top_k": 9, "num_return_sequences": 2},
        {"num_beams": 3, "num_return_sequences": 2},
        {"penalty_alpha": 0.6, "top_k": 4},
        {"prompt_lookup_num_tokens": 3},
        {"assistant_model": OTHER, "do_sample": True},
    ],
)
def test_the_texts_are_those_without_it(settings):
    read = MODEL.read(SHOTS)
    settings = {"max_new_tokens": 8, "seed": 3, **settings}
    for _ in range(2):  # the second time, too: nothing in it has changed
        plain = MODEL.generate(PROMPTS, **settings)
        assert np.array_equal(
            MODEL.generate(PROMPTS, prompt_cache=read, **settings), plain
        )
    assert read.cache.n_tok == len(SHOTS) - 1
    [plain] = MODEL.generate(PROMPTS[1], max_new_tokens=8)
    new = [*MODEL.stream(PROMPTS[1], max_new_tokens=8, prompt_cache=read)]
    assert PROMPTS[1] + new == plain.tolist()


def test_logits_agree_to_rounding():
    how = {"max_new_tokens": 4, "return_dict_in_generate": True, "output_logits": True}
    plain = MODEL.generate(PROMPTS[2], **how)
    out = MODEL.generate(PROMPTS[2], prompt_cache=MODEL.read(SHOTS), **how)
    np.testing.assert_allclose(out.logits, plain.logits, rtol=1e-10, atol=1e-12)


def test_the_beginning_is_not_read_again(monkeypatch):
    read, n_read = MODEL.read(SHOTS), []
    hidden = GPT2.hidden

    def counting(model, sequences, caches):
        n_read.extend(map(len, sequences))
        return hidden(model, sequences, caches)

    monkeypatch.setattr(GPT2, "hidden", counting)
    MODEL.generate(PROMPTS[2], max_new_tokens=3, prompt_cache=read)
    assert n_read == [4, 1, 1]


def test_a_file_brings_it_back(tmp_path):
    path = tmp_path / "shots.npz"
    MODEL.read(SHOTS).save(path)
    read = PromptCache.load(path, MODEL)
    MODEL.generate(PROMPTS, max_new_tokens=2, prompt_cache=read)
    read.save(path)  # once it has been used, too
    read = PromptCache.load(path, MODEL)
    assert read.ids == tuple(SHOTS)
    plain = MODEL.generate(PROMPTS, max_new_tokens=5)
    assert np.array_equal(
        MODEL.generate(PROMPTS, max_new_tokens=5, prompt_cache=read), plain
    )
    again = GPT2.random(SHAPE, dtype=np.float64)  # equal weights, another object
    assert np.array_equal(
        again.generate(
            PROMPTS, max_new_tokens=5, prompt_cache=PromptCache.load(path, again)
        ),
        plain,
    )


def test_int8_and_float32(tmp_path):
    MODEL.save_pretrained(tmp_path / "model")
    for dtype in (np.float32, "int8"):
        model = GPT2.from_pretrained(tmp_path / "model", dtype)
        model.read(SHOTS).save(tmp_path / "shots.npz")
        read = PromptCache.load(tmp_path / "shots.npz", model)
        assert read.hidden.dtype == np.float32
        plain = model.generate(PROMPTS[1], max_new_tokens=5)
        out = model.generate(PROMPTS[1], max_new_tokens=5, prompt_cache=read)
        assert np.array_equal(out, plain)


def test_what_does_not_fit_is_named(tmp_path):
    read, path = MODEL.read(SHOTS), tmp_path / "shots.npz"
    with pytest.raises(
        ValueError, match="must begin with the 8 ids .* from place 2 on"
    ):
        MODEL.generate([3, 1, 7, 1, 5, 9, 2, 6, 8], prompt_cache=read)
    with pytest.raises(
        ValueError, match="must begin with the 8 ids .* from place 3 on"
    ):
        MODEL.generate(SHOTS[:3], prompt_cache=read)
    with pytest.raises(ValueError, match="read by another model"):
        OTHER.generate(PROMPTS[1], prompt_cache=read)
    with pytest.raises(ValueError, match="read by another model .*guidance_scale"):
        MODEL.generate(PROMPTS[1], prompt_cache=read, guidance_scale=2.0)
    with pytest.raises(ValueError, match="prompt_cache must be what model.read"):
        MODEL.generate(PROMPTS[1], prompt_cache=SHOTS)
    with pytest.raises(ValueError, match="at least two tokens to read"):
        MODEL.read([3])
    read.save(path)
    with pytest.raises(FormatError, match="read by another model than this one"):
        PromptCache.load(path, OTHER)
    data = path.read_bytes()
    for n in (0, 10, len(data) // 2, len(data) - 5):
        path.write_bytes(data[:n])
        with pytest.raises(
            FormatError, match="shots.npz is no prompt cache, or cut off"
        ):
            PromptCache.load(path, MODEL)
    with pytest.raises(FileNotFoundError):
        PromptCache.load(tmp_path / "none.npz", MODEL)
