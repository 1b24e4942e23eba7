"""Multiple-choice files: what is scored, the two forms, bad lines, transformers."""

import json
import math

import multiple_choice
import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config, Tokenizer
from numpygpt.layers import log_softmax

QUESTIONS = [
    {"ctx": "The fox sat on the", "endings": ["mat.", "very long green log.", "x"]},
    {"query": "A hen ", "choices": [" ran off.", " flew."], "answer": 1},
    {"prompt": "", "choices": ["Once", "Twice"], "gold": "0"},
    {"text": "The owl and the fox went to the house of the owl"},
    {"text": "naïve hens ran off.\n"},
]
QUESTIONS[0]["label"] = "1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mc")
    tokenizer = Tokenizer.gpt2(n_merges=40)
    config = GPT2Config(297, 24, n_embd=12, n_layer=2, n_head=3, eos_token_id=296)
    GPT2.random(config, seed=3).save_pretrained(folder / "m")
    tokenizer.save_pretrained(folder / "m")
    lines = [json.dumps(q) for q in QUESTIONS]
    (folder / "questions").write_text("\n".join(lines) + "\n\n")
    return folder


def log_p(model, prompt, answer):
    rows = model([*prompt, *answer][:-1])[len(prompt) - 1 :]
    return sum(log_softmax(row)[i] for row, i in zip(rows, answer))


def test_scores_are_the_sums_of_log_probabilities(folder):
    model = GPT2.from_pretrained(folder / "m")
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    context, choices, label = multiple_choice.question(QUESTIONS[0])
    assert (context, label) == ("The fox sat on the", 1)
    assert choices == [" mat.", " very long green log.", " x"]
    prompt = tokenizer.encode(context)[-(25 - len(tokenizer.encode(choices[1]))) :]
    sums = [log_p(model, prompt, tokenizer.encode(c)) for c in choices]
    by_byte = [s / len(c) for s, c in zip(sums, choices)]
    by_token = [s / len(tokenizer.encode(c)) for s, c in zip(sums, choices)]
    best = multiple_choice.choose(model, tokenizer, context, choices)
    assert best == {
        "sum": np.argmax(sums),
        "by_token": np.argmax(by_token),
        "by_byte": np.argmax(by_byte),
    }
    assert best["sum"] != best["by_byte"]  # the short one, and another


def test_the_command_line(folder, capsys):
    assert multiple_choice.main([str(folder / "m"), str(folder / "questions")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["questions"], result["last_words"]) == (3, 2)
    assert result["chance"] == pytest.approx((1 / 3 + 1 / 2 + 1 / 2) / 3)
    assert 100 < result["perplexity_of_a_word"] < 1e12  # an untrained model


def test_a_last_word_is_right_if_each_token_is_the_likeliest(folder):
    model = GPT2.from_pretrained(folder / "m")
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    prompt = tokenizer.encode("The owl")
    after = model.generate(prompt, max_new_tokens=1)[0].tolist()[-1:]
    word = tokenizer.decode(after)
    score, right = multiple_choice.last_word(model, tokenizer, "The owl", word)
    assert tokenizer.encode(word) == after and right
    assert score == pytest.approx(log_p(model, prompt, after), abs=1e-5)
    assert not multiple_choice.last_word(model, tokenizer, "The owl", word + "q")[1]


def test_a_long_context_is_cut_at_the_left(folder):
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    prompt, [answer] = multiple_choice.ids_of(tokenizer, "abc " * 50, [" fox"], 24)
    assert len(prompt) + len(answer) == 25
    assert prompt == tokenizer.encode("abc " * 50)[-len(prompt) :]
    with pytest.raises(ValueError, match="more tokens than the context, 24"):
        multiple_choice.ids_of(tokenizer, "a", [" fox" * 50], 24)


@pytest.mark.parametrize(
    "line, says",
    [
        ("{", "line 1: "),
        ("[1]", "line 1: "),
        ('{"ctx": "a"}', "line 1: a question has a ctx"),
        ('{"ctx": "a", "endings": ["b", " "], "label": 0}', "endings must be texts"),
        ('{"ctx": "a", "endings": ["b"], "label": 1}', "label must be from 0 to 0"),
        ('{"ctx": "a", "endings": ["b"]}', "line 1: "),
        ('{"text": "word"}', "needs a word before the last one"),
        ("", "holds no question"),
    ],
)
def test_a_bad_file_is_named_with_its_line(line, says, folder, tmp_path, capsys):
    (tmp_path / "bad").write_text(line)
    assert multiple_choice.main([str(folder / "m"), str(tmp_path / "bad")]) == 1
    said = capsys.readouterr().err
    assert says in said and "bad" in said and said.count("\n") == 1


@pytest.mark.reference
def test_transformers_log_probabilities(folder):
    import torch
    from transformers import AutoModelForCausalLM

    theirs = AutoModelForCausalLM.from_pretrained(folder / "m")
    model = GPT2.from_pretrained(folder / "m")
    tokenizer = Tokenizer.from_pretrained(folder / "m")
    context, [word], _ = multiple_choice.question(QUESTIONS[4])
    prompt, answer = tokenizer.encode(context), tokenizer.encode(word)
    ids = torch.tensor([[*prompt, *answer]])
    with torch.no_grad():
        logp = theirs(ids).logits[0].double().log_softmax(-1)
    rows = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
    total = sum(float(logp[i, t]) for i, t in zip(rows, answer))
    score, _ = multiple_choice.last_word(model, tokenizer, context, word)
    assert score == pytest.approx(total, abs=1e-4)
    assert math.isfinite(score)
