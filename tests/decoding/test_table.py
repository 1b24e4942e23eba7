"""The table of steps: what a new row must have, and who notices when it is missing."""

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from by_row import VALUES, call

from numpygpt import GenerationConfig, decoding
from numpygpt.cli.options import parse
from numpygpt.decoding import filters
from numpygpt.decoding.plumbing.ranges import Range
from numpygpt.decoding.rules import mirostat, penalties, table, truncation, watermark
from numpygpt.decoding.rules.table import (
    FILTERS,
    HF,
    KINDS,
    PRESETS,
    SETTINGS,
    STEPS,
    known,
    last,
    reads,
    steps_of,
)
from numpygpt.decoding.sampling import chain, process

README = Path(decoding.__file__).with_name("README.md").read_text(encoding="utf-8")
# What takes logits and is no step: other ways to call one, and guidance, which needs
# the logits of two models.
NO_ROW = {
    "temperature", "mirostat_v1", "mirostat_v2", "guidance_scale", "best", "keep",
}  # fmt: skip
# What a Step adds to what a run knows.
GIVEN = {"context", "output", "seen", "counted", "dry_seen"}
# Settings that become something else before a step reads them.
MADE_OF = {
    "penalty_last_n": "seen", "dry_last_n": "dry_seen",
    "dry_sequence_breakers": "breakers",
}  # fmt: skip


def documented(row):
    """How the row's line in the README begins."""
    settings = "; ".join(f"`{s.name}` {s.default}" for s in row.settings)
    ranges = "; ".join(s.range.words.replace("|", "\\|") for s in row.settings)
    return f"| `{row.name}` | {settings} | {ranges} |"


def lacks(rows, readme=README, exports=decoding):
    """What is missing in a table, its exports and its documentation, in words."""
    for row in rows:
        words = row.kind.split()
        if len({"any", "truncation", "upper-set"} & {*words}) != 1:
            yield f"{row.name}: kind must have one of any, truncation, upper-set"
        for word in {*words} - KINDS.keys():
            yield f"{row.name}: unknown kind {word}"
        if not row.hf:
            yield f"{row.name}: no place in the preset hf"
        if getattr(exports, row.function.__name__, None) is not row.function:
            yield f"{row.name}: numpygpt.decoding does not export it"
        if documented(row) not in readme:
            yield f"{row.name}: decoding/README.md lacks {documented(row)}"
        yield from lacks_of_settings(row)
        names = (
            {s.name for s in row.settings} | known(GenerationConfig()).keys() | GIVEN
        )
        for name in {*reads(row)} - names:
            yield f"{row.name}: reads {name}, which nobody knows"
    functions = {row.function for row in rows}
    for module in (filters, truncation, penalties, mirostat, watermark):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == module.__name__ and name not in NO_ROW
            takes = [*inspect.signature(function).parameters][:1] == ["logits"]
            if own and takes and name[0] != "_" and function not in functions:
                yield f"{name}: a function without a row"


def lacks_of_settings(row):
    options = {f.name: f for f in fields(GenerationConfig)}
    for setting in row.settings:
        name = setting.name
        if MADE_OF.get(name, name) not in reads(row):
            yield f"{name}: no step reads this setting"
        if not setting.help:
            yield f"{name}: no help"
        if not isinstance(setting.range, Range) or setting.range.words not in VALUES:
            yield f"{name}: no range, or one without values in tests/decoding/by_row.py"
        if name not in options or options[name].default != setting.default:
            yield f"{name}: no field of GenerationConfig with the default"
        if setting.default is not None and not setting.range.test(setting.default):
            yield f"{name}: the default is out of range"
        for needed in setting.needs.split():
            if needed not in options or needed == name:
                yield f"{name}: needs {needed}, which is no other setting"
    if row.settings[0].needs:
        yield f"{row.name}: no setting switches it on"


def test_nothing_is_missing():
    assert list(lacks(STEPS.values())) == []


TOP_A = STEPS["top_a"]
[SETTING] = TOP_A.settings


def changed(**what):
    """The table with this part of top_a's row taken away or spoiled."""
    return [r._replace(**what) if r is TOP_A else r for r in STEPS.values()]


def spoiled(**what):
    return changed(settings=[SETTING._replace(**what)])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(kind="shift"), "top_a: kind must have one of"),
        (changed(kind="upper-set sharp"), "top_a: unknown kind sharp"),
        (changed(hf=0), "top_a: no place in the preset hf"),
        (changed(reads="context"), "top_a: no step reads this setting"),
        (changed(reads="top_a lgoits"), "top_a: reads lgoits, which nobody knows"),
        (changed(function=decoding.min_p), "top_a: a function without a row"),
        (changed(function=len), "top_a: numpygpt.decoding does not export it"),
        (spoiled(name="top_b"), "top_b: no field of GenerationConfig"),
        (spoiled(default=0.5), "top_a: no field of GenerationConfig with the default"),
        (spoiled(default=7.0), "top_a: the default is out of range"),
        (spoiled(range=Range("odd", lambda v: True)), "top_a: no range"),
        (spoiled(help=""), "top_a: no help"),
        (spoiled(needs="top_b"), "top_a: needs top_b, which is no"),
        (spoiled(needs="top_a"), "top_a: no setting switches it on"),
        ([r for r in STEPS.values() if r is not TOP_A], "top_a: a function without a"),
    ],
)
def test_each_part_of_a_row_is_missed(rows, message):
    assert any(line.startswith(message) for line in lacks(rows))


def test_a_missing_line_and_a_missing_export_are_missed():
    shorter = re.sub(r"(?m)^\| `top_a`.*$", "", README)
    [line] = lacks(STEPS.values(), readme=shorter)
    assert line.startswith("top_a: decoding/README.md lacks | `top_a` | `top_a` 0.0 |")
    [line, *_] = lacks([TOP_A], exports=filters)
    assert line == "top_a: numpygpt.decoding does not export it"


@pytest.mark.parametrize(("name", "row"), STEPS.items())
def test_a_function_refuses_what_its_range_does(name, row):
    """Called by itself, too; what is not checked there is caught by name elsewhere."""
    for setting in row.settings:
        numeric = setting.range.test(1) or setting.range.test(0.5)
        numeric &= "id" not in setting.range.words.split()
        for wrong in VALUES[setting.range.words][1] if numeric else ():
            if setting.name in MADE_OF:
                continue
            others = {} if setting is row.settings[0] else {setting.name: wrong}
            good = VALUES[row.settings[0].range.words][0][0] if others else wrong
            with pytest.raises(ValueError, match=f"{setting.name} must be .*"):
                call(row, np.arange(6.0), good, [0, 1, 0, 1], **others)


def test_top_a_is_nothing_but_a_function_and_a_row(capsys):
    """Field, option, range, chain and explain follow."""
    with pytest.raises(ValueError, match="top_a must be a number from 0 to 1, not 2"):
        GenerationConfig(top_a=2)
    _, settings = parse(["--top-a", "0.5"])
    assert settings["top_a"] == 0.5
    with pytest.raises(SystemExit):
        parse(["--help-all"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--top-a X " + SETTING.help in text
    assert "all (0.0): a number from 0 to 1" in text.partition("--top-a X")[2]
    with pytest.raises(SystemExit):
        parse(["--top-a", "2", "x"])
    assert "top_a must be a number from 0 to 1, not 2.0" in capsys.readouterr().err
    decoding.explain(GenerationConfig(do_sample=True, top_a=0.5))
    assert "1. top_a 0.5" in capsys.readouterr().out
    decoding.explain(GenerationConfig(top_a=0.5))
    assert "top_a 0.5: only when sampling" in capsys.readouterr().out


def test_top_a_by_hand():
    p = np.array([0.5, 0.26, 0.24])
    config = GenerationConfig(do_sample=True, top_a=1.0)
    out = decoding.distribution(np.log(p), (), config)
    np.testing.assert_allclose(out, [0.5 / 0.76, 0.26 / 0.76, 0])


def test_the_presets_hold_every_step_in_the_order_that_the_readme_says():
    hf, llama = PRESETS["hf"], PRESETS["llama.cpp"]
    assert sorted(hf) == sorted(llama) == sorted(STEPS)
    [(n, first, last)] = re.findall(
        r"\| 1 to (\d+) \| the rules from `(\w+)` to `(\w+)`, as in the table", README
    )
    n = int(n)
    in_the_table = re.findall(r"(?m)^\| `(\w+)` \| `", README)[:n]
    assert hf[:n] == llama[:n] == in_the_table
    assert (hf[0], hf[n - 1]) == (first, last)
    rows = re.findall(r"(?m)^\| (\d+) \| (\w+) \| (\w+) \|$", README)
    places = range(n + 1, len(hf) + 1)
    assert rows == [*zip(map(str, places), hf[n:], llama[n:])]


def test_every_word_of_kind_is_explained_and_used():
    used = {word for row in STEPS.values() for word in row.kind.split()}
    assert used == KINDS.keys()
    for word, meaning in KINDS.items():
        assert f"`{word}`: {meaning}" in README
    assert all(isinstance(row.function, Callable) for row in table.STEPS.values())


# A text of five tokens, three of them the prompt's; token 3 ends it, and the sixth is
# the last that it may have.
Z = np.array([1.0, -0.5, 2.0, 0.5, 1.5, 0.0])
TEXT, OUTPUT, SAMPLING = [2, 1, 2, 0, 2], [0, 2], {"do_sample": True}
EVERY = {
    "sequence_bias": (
        {"sequence_bias": {(2, 1): 2.0}}, lambda f: f({(2, 1): 2.0}, TEXT)
    ),
    "logit_bias": ({"logit_bias": {4: 1.0}}, lambda f: f({4: 1.0})),
    "ignore_eos": ({"ignore_eos": True}, lambda f: f(True, (), [3])),
    "allowed_token_ids": ({"allowed_token_ids": [1, 2]}, lambda f: f([1, 2])),
    "repetition_penalty": (
        {"repetition_penalty": 1.5, "penalty_last_n": 2}, lambda f: f(1.5, OUTPUT)
    ),
    "frequency_penalty": ({"frequency_penalty": 0.5}, lambda f: f(0.5, OUTPUT)),
    "presence_penalty": ({"presence_penalty": 0.5}, lambda f: f(0.5, OUTPUT)),
    "dry": (
        {"dry_multiplier": 0.5, "dry_base": 3.0, "dry_allowed_length": 1,
         "dry_sequence_breakers": [[2, 0]], "dry_last_n": 4},
        lambda f: f(0.5, TEXT[1:], 3.0, 1, [[2, 0]]),
    ),
    "no_repeat_ngram_size": ({"no_repeat_ngram_size": 2}, lambda f: f(2, TEXT)),
    "bad_words_ids": (
        {"bad_words_ids": [[2, 1], [3]]}, lambda f: f([[2, 1], [3]], TEXT, [3])
    ),
    "min_length": (
        {"min_length": 6, "max_new_tokens": None}, lambda f: f(6, TEXT, [3])
    ),
    "min_new_tokens": ({"min_new_tokens": 3}, lambda f: f(3, OUTPUT, [3])),
    "prefix_allowed_tokens_fn": (
        {"prefix_allowed_tokens_fn": lambda n, ids: [n, len(ids)]},
        lambda f: f(lambda n, ids: [4, 5], TEXT),
    ),
    "forced_bos_token_id": ({"forced_bos_token_id": 1}, lambda f: f(1, [2])),
    "forced_eos_token_id": (
        {"forced_eos_token_id": [3, 4]}, lambda f: f([3, 4], TEXT, 6)
    ),
    "exponential_decay_length_penalty": (
        {"exponential_decay_length_penalty": (1, 1.5)},
        lambda f: f((1, 1.5), OUTPUT, [3]),
    ),
    "suppress_tokens": ({"suppress_tokens": [2]}, lambda f: f([2])),
    "begin_suppress_tokens": (
        {"begin_suppress_tokens": [2]}, lambda f: f([2], TEXT[:3], 3)
    ),
    "watermark": (
        {"watermarking_config": {"bias": 1.5}}, lambda f: f({"bias": 1.5}, TEXT)
    ),
    "renormalize_logits": ({"renormalize_logits": True}, lambda f: f(True)),
    "temperature": (
        {"temperature": 0.5, "dynatemp_range": 0.3, "dynatemp_exponent": 2.0}
        | SAMPLING,
        lambda f: f(0.5, 0.3, 2.0),
    ),
    "top_h": ({"top_h": 0.5} | SAMPLING, lambda f: f(0.5)),
    "top_k": ({"top_k": 2} | SAMPLING, lambda f: f(2, "all")),
    "top_p": ({"top_p": 0.1, "min_keep": 3} | SAMPLING, lambda f: f(0.1, 3)),
    "min_p": ({"min_p": 0.9, "min_keep": 3} | SAMPLING, lambda f: f(0.9, 3)),
    "top_a": ({"top_a": 0.9} | SAMPLING, lambda f: f(0.9)),
    "typical_p": ({"typical_p": 0.1, "min_keep": 3} | SAMPLING, lambda f: f(0.1, 3)),
    "epsilon_cutoff": ({"epsilon_cutoff": 0.2} | SAMPLING, lambda f: f(0.2)),
    "eta_cutoff": ({"eta_cutoff": 0.2} | SAMPLING, lambda f: f(0.2)),
    "top_n_sigma": ({"top_n_sigma": 0.5} | SAMPLING, lambda f: f(0.5)),
    "xtc": (
        {"xtc_probability": 1.0, "xtc_threshold": 0.2, "min_keep": 2} | SAMPLING,
        lambda f: f(1.0, 0.2, np.random.default_rng(0), 2),
    ),
    "mirostat": (
        {"mirostat": 2, "mirostat_tau": 0.6, "mirostat_eta": 0.5} | SAMPLING,
        lambda f: f(2, TEXT, {}, 0.6, 0.5, "all"),
    ),
    "adaptive_p": (
        {"adaptive_target": 0.2, "adaptive_decay": 0.5} | SAMPLING,
        lambda f: f(0.2, TEXT, {}, 0.5),
    ),
}  # fmt: skip


def test_every_step_is_called():
    assert EVERY.keys() == STEPS.keys()


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("z", [Z, np.repeat(Z[:3], 2)], ids=["", "ties"])
def test_a_step_is_its_function_of_what_it_reads(name, z):
    """As called by hand: with the settings, and with the right part of the text."""
    settings, call_by_hand = EVERY[name]
    settings = {"eos_token_id": 3, "max_new_tokens": 3} | settings
    context, n_prompt = TEXT, 3
    if name == "forced_bos_token_id":
        context, n_prompt = [2], 1
    if name == "begin_suppress_tokens":
        context = TEXT[:3]
    steps = chain(
        GenerationConfig(**settings), n_prompt, np.random.default_rng(0), batch_id=4
    )
    assert [step.name for step in steps] == [name]
    want = call_by_hand(lambda *args: STEPS[name].function(z, *args))
    assert np.array_equal(process(z, context, steps), want)
    assert not np.array_equal(want, z)


SWITCHES = [(r.name, s) for r in STEPS.values() for s in r.settings if not s.needs]


@pytest.mark.parametrize(("name", "switch"), SWITCHES)
def test_each_switch_turns_its_step_on(name, switch):
    values = [v for v in VALUES[switch.range.words][0] if v != switch.default]
    config = GenerationConfig(do_sample=True, **{switch.name: values[0]})
    assert steps_of(config) == [name]
    config = GenerationConfig(**{switch.name: values[0]})
    assert steps_of(config) == ([] if STEPS[name] in FILTERS else [name])
    assert steps_of(GenerationConfig(do_sample=True)) == []


def test_how_many_of_the_last_tokens_a_penalty_sees():
    ids = np.array([7, 8, 9])
    for n, seen in (-1, [7, 8, 9]), (0, []), (1, [9]), (3, [7, 8, 9]), (4, [7, 8, 9]):
        assert last(ids, n).tolist() == seen
    z = np.ones(10)
    for n, seen in (-1, [7, 8, 9]), (0, []), (2, [8, 9]), (64, [7, 8, 9]):
        config = GenerationConfig(repetition_penalty=2.0, penalty_last_n=n)
        out = process(z, ids, chain(config, n_prompt=1))
        assert np.flatnonzero(out == 0.5).tolist() == seen


# By other names in the functions; what is no setting has the default of the preset hf.
DEFAULTS = {name: s.default for name, s in SETTINGS.items()} | HF


@pytest.mark.parametrize("name", STEPS)
def test_a_function_has_the_defaults_of_its_settings(name):
    parameters = [*inspect.signature(STEPS[name].function).parameters.values()]
    for read, parameter in zip(reads(STEPS[name])[1:], parameters[2:], strict=False):
        if read in DEFAULTS and parameter.default is not parameter.empty:
            assert parameter.default == DEFAULTS[read], read


def test_what_llama_cpp_does_otherwise():
    """The prompt counts, equal tokens are told apart, typical_p goes beyond its mass,
    and penalties look at the last 64 tokens."""

    def run(ids, n_prompt, chain_, z, **settings):
        config = GenerationConfig(chain=chain_, dry_sequence_breakers=[], **settings)
        return process(z, ids, chain(config, n_prompt)).tolist()

    z, often = np.zeros(3), {"frequency_penalty": 1.0}
    assert run([0, 0, 1], 2, "hf", z, **often) == [0, -1, 0]
    assert run([0, 0, 1], 2, "llama.cpp", z, **often) == [-2, -1, 0]
    repeat, long = {"repetition_penalty": 2.0}, [2] + [0] * 64
    assert run(long, 0, "hf", z + 1, **repeat) == [0.5, 1, 0.5]
    assert run(long, 0, "llama.cpp", z + 1, **repeat) == [0.5, 1, 1]
    inf, four = -np.inf, np.zeros(4)
    best, typical = {"top_k": 2} | SAMPLING, {"typical_p": 0.5} | SAMPLING
    assert run([], 0, "hf", four, **best) == [0, 0, 0, 0]
    assert run([], 0, "llama.cpp", four, **best) == [0, 0, inf, inf]
    assert run([], 0, "hf", four, **typical) == [0, 0, inf, inf]
    assert run([], 0, "llama.cpp", four, **typical) == [0, 0, 0, inf]
