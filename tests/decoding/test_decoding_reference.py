"""Every rule and filter, alone and together, against transformers' answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GenerationConfig
from numpygpt.decoding.sampling import chain, process

ROOT = Path(__file__).parents[2]


def check(logits, context, n_prompt, settings, expected):
    config = GenerationConfig.known(**settings)
    row = process(logits, context, chain(config, n_prompt))
    assert row.dtype == np.float32
    removed = expected == -np.inf
    assert np.array_equal(row == -np.inf, removed), settings
    np.testing.assert_allclose(
        row[~removed], expected[~removed], rtol=2e-6, atol=2e-6, err_msg=str(settings)
    )
    return [step.name for step in chain(config)]


def check_file(name):
    """The number of cases, and the steps that they use."""
    golden = np.load(ROOT / "tests/reference" / name)
    cases = json.loads(str(golden["cases"]))
    used = []
    for logits, case, row in zip(
        golden["logits"], cases, golden["answers"], strict=True
    ):
        used += check(logits, *case, row)
    return len(cases), used


def test_the_golden_answers():
    n, used = check_file("decoding.npz")
    assert set(used) == {
        "sequence_bias", "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids",
        "min_length", "min_new_tokens", "forced_bos_token_id", "forced_eos_token_id",
        "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
        "watermark", "renormalize_logits", "temperature", "top_k", "top_p", "min_p",
        "typical_p", "epsilon_cutoff", "eta_cutoff",
    }  # fmt: skip
    assert n > 170


def test_where_transformers_4_is_wrong_5_agrees():
    n, used = check_file("decoding_5.23.0.npz")
    assert n == 96
    assert {
        "top_h", "exponential_decay_length_penalty", "sequence_bias", "bad_words_ids",
    } < set(used)  # fmt: skip


@pytest.mark.reference
def test_new_random_rows():
    import make_decoding_reference as reference

    n = 0
    for case in reference.answers(range(10_000, 11_500)):
        check(*case)
        n += 1
    assert n > 1300


@pytest.mark.reference
def test_allowed_tokens():
    import torch
    from transformers.generation.logits_process import PrefixConstrainedLogitsProcessor

    def allowed(batch_id, ids):
        return [batch_id, int(ids[-1]), 5]

    z = np.random.default_rng(0).standard_normal(9).astype(np.float32)
    theirs = PrefixConstrainedLogitsProcessor(allowed, 1)
    theirs = theirs(torch.tensor([[1, 7]]), torch.tensor(z)[None])[0].numpy()
    [step] = chain(GenerationConfig(prefix_allowed_tokens_fn=allowed))
    assert np.array_equal(step(z, np.array([1, 7])), theirs)


@pytest.mark.reference
def test_the_detector():
    import torch
    from transformers import GPT2Config, WatermarkDetector, WatermarkingConfig

    from numpygpt.decoding import detect_watermark

    config = GPT2Config(vocab_size=300, bos_token_id=299)
    settings = {"greenlist_ratio": 0.3, "bias": 2.0}
    detector = WatermarkDetector(config, "cpu", WatermarkingConfig(**settings))
    for seed in range(5):
        ids = np.random.default_rng(seed).integers(0, 250, 60)
        theirs = detector(torch.tensor(ids)[None], return_dict=True)
        ours = detect_watermark(ids, 300, settings)
        assert ours.n_scored == theirs.num_tokens_scored[0]
        assert ours.n_green == theirs.num_green_tokens[0]
        assert ours.z_score == pytest.approx(theirs.z_score[0])
