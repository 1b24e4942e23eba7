"""The class, generate and stream: lengths, ends, seeds, several sequences, errors."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer, set_seed
from numpygpt.decoding import distribution

CONFIG = GPT2Config(
    23, n_positions=40, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
)
MODEL = GPT2.random(CONFIG, seed=4, dtype=np.float64)
for _name in ("c_attn", "c_proj"):
    for _block in MODEL.params["h"]:
        _block["attn"][_name]["weight"] *= 30
MODEL.params["wte"]["weight"][:] *= 15
SAMPLE = {"do_sample": True, "temperature": 1.3}
prompts = st.lists(st.integers(1, 22), min_size=1, max_size=9)


def naive_greedy(ids, n_new):
    """Greedy decoding without a cache."""
    ids = list(ids)
    for _ in range(n_new):
        ids.append(int(MODEL(ids)[-1].argmax()))
        if ids[-1] == 0:
            break
    return ids


@given(prompts, st.integers(1, 20))
def test_greedy_is_the_argmax_each_time(ids, n_new):
    got = MODEL.generate(ids, max_new_tokens=n_new)
    assert got.dtype == np.int64
    assert got.tolist() == [naive_greedy(ids, n_new)]


@given(prompts, st.integers(0, 99))
def test_39_the_same_seed_gives_the_same_output(ids, seed):
    one, two = (MODEL.generate(ids, seed=seed, **SAMPLE) for _ in range(2))
    assert one.tolist() == two.tolist()


@given(st.lists(prompts, min_size=1, max_size=4), st.booleans(), st.integers(0, 9))
def test_40_45_a_batch_equals_each_alone(batch, do_sample, seed):
    how = {
        "do_sample": do_sample, "temperature": 1.3, "max_new_tokens": 9, "seed": seed
    }  # fmt: skip
    together = MODEL.generate(batch, **how).tolist()
    for ids, row in zip(batch, together, strict=True):
        alone = MODEL.generate(ids, **how)[0].tolist()
        assert row == alone + [0] * (len(row) - len(alone))  # 0: eos, and padding


def test_41_returned_sequences_use_different_streams():
    how = {"seed": 1, "max_new_tokens": 9, **SAMPLE}
    out = MODEL.generate([1, 2], num_return_sequences=4, **how)
    assert len(set(map(tuple, out.tolist()))) == 4
    first = MODEL.generate([1, 2], **how)
    assert out[0].tolist()[: first.shape[1]] == first[0].tolist()


def test_prompts_times_returned_sequences_stand_in_order():
    out = MODEL.generate([[1, 2], [3, 4, 5]], num_return_sequences=2, seed=0, **SAMPLE)
    assert [r[:2] for r in out.tolist()] == [[1, 2]] * 2 + [[3, 4]] * 2


@given(prompts, st.integers(1, 12), st.booleans())
def test_47_n_tokens_are_a_prefix_of_n_plus_1(ids, n, do_sample):
    how = {"do_sample": do_sample, "seed": 3}
    short = MODEL.generate(ids, max_new_tokens=n, **how)[0].tolist()
    long = MODEL.generate(ids, max_new_tokens=n + 1, **how)[0].tolist()
    assert long[: len(short)] == short


@given(prompts, st.booleans(), st.integers(0, 99))
def test_48_the_stream_is_what_generate_returns(ids, do_sample, seed):
    how = {"do_sample": do_sample, "max_new_tokens": 12, "seed": seed}
    assert [*ids, *MODEL.stream(ids, **how)] == MODEL.generate(ids, **how)[0].tolist()


@given(prompts, st.integers(0, 99))
def test_51_logprobs_sum_to_the_teacher_forced_score(ids, seed):
    out = MODEL.generate(
        ids, do_sample=True, max_new_tokens=8, seed=seed,
        return_dict_in_generate=True, output_logits=True, output_scores=True,
    )  # fmt: skip
    text = out.sequences[0].tolist()
    logits = MODEL(text)
    for step, (raw, score) in enumerate(zip(out.logits, out.scores, strict=True)):
        at = len(ids) + step
        np.testing.assert_allclose(raw[0], logits[at - 1], atol=1e-10)
        assert (score == raw).all()
        p = distribution(raw[0])[text[at]]
        assert abs(out.logprobs[0, step] - np.log(p)) < 1e-10
    assert len(out.logits) == out.logprobs.shape[1] == len(text) - len(ids)


def ends_at_once(token):
    """A model config under which the first greedy token after [1] ends the text."""
    return {"eos_token_id": token, "max_new_tokens": 10}


def test_eos_ends_a_sequence_and_pads_the_rest():
    first = naive_greedy([1], 1)[-1]
    assert MODEL.generate([1], **ends_at_once(first)).tolist() == [[1, first]]
    assert MODEL.generate([1], **ends_at_once([21, first])).tolist() == [[1, first]]
    other = next(t for t in range(1, 23) if naive_greedy([t], 1)[-1] not in (first, 0))
    out = MODEL.generate([[1], [other]], pad_token_id=9, **ends_at_once(first)).tolist()
    assert out[0] == [1, first] + [9] * (len(out[1]) - 2)
    assert len(out[1]) > 2


def test_rows_that_ended_are_filled():
    """With the first eos, or token 0 where nothing ends a text, unless a pad token is
    given; and with zeros in what is noted of every step."""
    first = naive_greedy([1], 1)[-1]
    other = next(t for t in range(1, 23) if naive_greedy([t], 1)[-1] not in (first, 0))
    out = MODEL.generate(
        [[1], [other]], eos_token_id=[first, 21], max_new_tokens=10, output_scores=True,
        output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    short, long = out.lengths
    assert short == 2 < long == out.sequences.shape[1]
    assert (out.sequences[0, 2:] == first).all()
    for rows in (out.scores, out.logits):
        assert len(rows) == long - 1
        assert all((row[0] == 0).all() and row[1].any() for row in rows[1:])
    assert (out.logprobs[0, 1:] == 0).all()
    endless = GPT2(replace(CONFIG, eos_token_id=None), MODEL.params)
    assert endless.generate([[1], [1, 2]], max_new_tokens=1)[0, 2:].tolist() == [0]


def test_40_a_rule_knows_its_prompt():
    def allowed(number, ids):
        return [[4], [5, 6]][number]

    for method in ({}, {"do_sample": True}, {"num_beams": 2}):
        out = MODEL.generate(
            [[1], [2]], prefix_allowed_tokens_fn=allowed, max_new_tokens=4,
            num_return_sequences=2 if method else 1, **method,
        )  # fmt: skip
        half = len(out) // 2
        assert set(np.ravel(out[:half, 1:]).tolist()) == {4}
        assert set(np.ravel(out[half:, 1:]).tolist()) <= {5, 6}


@given(prompts, st.integers(0, 99))
def test_51_processed_log_probabilities(ids, seed):
    """Those of what was drawn from, in which the rules and filters count."""
    out = MODEL.generate(
        ids, do_sample=True, max_new_tokens=5, seed=seed, temperature=0.5, top_k=4,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    for step, row in enumerate(out.scores):
        p = distribution(row[0])[out.sequences[0, len(ids) + step]]
        assert abs(out.logprobs[0, step] - np.log(p)) < 1e-10


def test_lengths():
    endless = GPT2(replace(CONFIG, eos_token_id=None), MODEL.params)
    assert endless.generate([1, 2, 3]).shape == (1, 23)  # transformers' default: 20 new
    assert endless.generate([1, 2, 3], max_length=7).shape == (1, 7)
    assert endless.generate([1, 2], max_new_tokens=7, max_length=3).shape == (1, 9)
    assert endless.generate([1, 2], max_new_tokens=99).shape == (1, 40)


def test_input_shapes():
    want = MODEL.generate([4, 5, 6], max_new_tokens=5).tolist()
    for ids in ((4, 5, 6), np.array([4, 5, 6]), np.array([[4, 5, 6]]), [[4, 5, 6]]):
        assert MODEL.generate(ids, max_new_tokens=5).tolist() == want
    padded = np.array([[9, 9, 4, 5, 6], [4, 5, 6, 9, 9]])
    mask = np.array([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]])
    both = MODEL.generate(padded, attention_mask=mask, max_new_tokens=5)
    assert both[:, :5].tolist() == padded.tolist()  # rows come back with their padding
    assert both[:, 5:].tolist() == [want[0][3:]] * 2


def test_set_seed():
    set_seed(42)
    one, two = (MODEL.generate([1], max_new_tokens=12, **SAMPLE) for _ in range(2))
    set_seed(42)
    again = MODEL.generate([1], max_new_tokens=12, **SAMPLE)
    assert one.tolist() == again.tolist() != two.tolist()


def test_temperature_0_is_greedy():
    greedy = MODEL.generate([1, 2], max_new_tokens=9).tolist()
    cold = MODEL.generate([1, 2], do_sample=True, temperature=0, max_new_tokens=9)
    assert cold.tolist() == greedy


def test_a_streamer_sees_prompt_and_tokens():
    class Streamer:
        def __init__(self):
            self.seen, self.ended = [], False

        def put(self, ids):
            self.seen += ids.tolist()

        def end(self):
            self.ended = True

    streamer = Streamer()
    out = MODEL.generate([1, 2], streamer=streamer, max_new_tokens=6)
    assert streamer.seen == out[0].tolist()
    assert streamer.ended


def test_a_config_object_a_dict_and_keywords():
    config = GenerationConfig(do_sample=True, top_k=3, max_new_tokens=6)
    want = MODEL.generate([1], do_sample=True, top_k=3, max_new_tokens=6, seed=2)
    assert MODEL.generate([1], config, seed=2).tolist() == want.tolist()
    as_dict = {"do_sample": True, "top_k": 3, "max_new_tokens": 6}
    assert MODEL.generate([1], as_dict, seed=2).tolist() == want.tolist()
    short = MODEL.generate([1], config, max_new_tokens=2, seed=2)
    assert short.tolist() == want[:, :3].tolist()


def broken(value):
    """The model with one weight spoilt: its logits are not numbers."""
    params = copy.deepcopy(MODEL.params)
    params["ln_f"]["bias"][0] = value
    return GPT2(CONFIG, params)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MODEL.generate([]), "empty"),
        (lambda: MODEL.generate([[1], []]), "empty"),
        (lambda: MODEL.generate("text"), "encode"),
        (lambda: MODEL.generate([23]), "23.*0 to 22"),
        (lambda: MODEL.generate([1] * 40, max_new_tokens=1), "40 tokens.*at most 39"),
        (lambda: MODEL.generate([1] * 5, max_length=5), "max_length"),
        (lambda: MODEL.generate([1], temperature=-1), "temperature.*-1"),
        (lambda: MODEL.generate([1], top_p=1.5), "top_p.*1.5"),
        (lambda: MODEL.generate([1], top_k=-1), "top_k.*-1"),
        (lambda: MODEL.generate([1], top_k=2.5), "top_k.*2.5"),
        (lambda: MODEL.generate([1], max_new_tokens=0), "max_new_tokens.*0"),
        (lambda: MODEL.generate([1], num_return_sequences=0), "num_return_sequences"),
        (lambda: MODEL.generate([1], temprature=1), "'temprature'.*'temperature'"),
        (lambda: MODEL.generate([1], seed=-1), "seed.*-1"),
        (lambda: MODEL.generate([[1, 2]], attention_mask=[[1]]), "attention_mask"),
        (lambda: list(MODEL.stream([[1], [2]])), "one"),
        (lambda: broken(np.nan).generate([1]), "NaN"),
        (lambda: broken(np.inf).generate([1]), "NaN or .inf"),
        (lambda: set_seed("x"), "seed"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_saved_and_read_again(tmp_path):
    MODEL.save_pretrained(tmp_path)
    again = GPT2.from_pretrained(tmp_path, dtype=np.float64)
    assert (again([1, 2, 3]) == MODEL([1, 2, 3])).all()
    assert again.generation_config.eos_token_id == 0


def test_the_snippets_people_know(tmp_path):
    """Hugging Face's snippets with nothing changed but the import line, the model's
    name and return_tensors."""
    Tokenizer.gpt2(1000).save_pretrained(tmp_path)
    config = GPT2Config(
        1257, n_embd=16, n_layer=2, n_head=2, n_positions=128, eos_token_id=1256
    )
    GPT2.random(config).save_pretrained(tmp_path)

    tokenizer = Tokenizer.from_pretrained(tmp_path)
    model = GPT2.from_pretrained(tmp_path)
    ids = tokenizer.encode("The quick brown fox", return_tensors="np")
    out = model.generate(
        ids, max_length=50, num_return_sequences=1, temperature=0.7, top_p=0.9,
        do_sample=True,
    )  # fmt: skip
    assert out.shape[0] == 1 and ids.shape[1] < out.shape[1] <= 50
    set_seed(42)
    model.generate(ids, max_new_tokens=40, do_sample=True, top_p=0.95, top_k=0)
    output = model.generate(ids, max_new_tokens=20, do_sample=False)
    model.generate(ids, max_new_tokens=50, use_cache=True)
    inputs = tokenizer("I enjoy walking with ", return_tensors="np")
    model.generate(**inputs, max_new_tokens=40)
    text = tokenizer.decode(output[0], skip_special_tokens=True)
    assert text.startswith("The quick brown fox")


@pytest.mark.parametrize(
    "ids", [5, None, [1.5, 2.0], ["1", "2"], [[1], ["2"]], np.ones((1, 2, 3), int)]
)
def test_prompts_are_lists_of_integers(ids):
    with pytest.raises(ValueError, match="input_ids must be one or several lists"):
        MODEL.generate(ids, max_new_tokens=1)


def test_an_empty_mask_is_an_error():
    with pytest.raises(ValueError, match="shape of input_ids"):
        MODEL.generate([1, 2], attention_mask=[], max_new_tokens=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MODEL([4], labels=[4]), "labels.*numpygpt.hf.*scoring.loss"),
        (lambda: MODEL([4], past_key_values=None), "past_key_values.*numpygpt.hf"),
        (lambda: MODEL([[4, 5], [6, 7]]), "numpygpt.hf"),
        (lambda: MODEL.generate({"input_ids": [4]}), "\\*\\*inputs"),
        (lambda: MODEL.generate(np.array(4)), "input_ids must be"),
        (lambda: MODEL.generate(4), "input_ids must be"),
        (lambda: MODEL.generate([4.5]), "input_ids must be"),
        (lambda: MODEL.generate([[[4]]]), "input_ids must be"),
        (lambda: MODEL.generate([4], attention_mask=1), "attention_mask must be"),
        (lambda: MODEL.generate([4], attention_mask=np.array(1)), "attention_mask"),
        (lambda: MODEL.generate([4, 5], attention_mask=[1]), "attention_mask"),
        (lambda: MODEL.generate([4, 5], attention_mask=[0, 0]), "input_ids is empty"),
    ],
)
def test_habits_from_elsewhere_name_the_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
