"""python -m numpygpt.look: what it prints, what it refuses."""

import io
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer
from numpygpt.look import __main__ as look
from numpygpt.look import inside, show, views
from numpygpt.look.__main__ import main
from numpygpt.look.show import columns

TEXT = "The king said to Mr. Tuppenwink that Mr."
WHAT = ["tokens", "attention", "lens", "steps", "beams"]


@pytest.fixture
def say(capsys):
    """Run a command that should work; what it printed."""

    def run(*argv):
        assert main([*argv]) == 0
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize(
    "text", [TEXT, "", "<|endoftext|>", "naïve 日本語 👋\n\x1b[31m"]
)
def test_every_view_of_every_text(say, what, text):
    out = say(what, text)
    assert out and max(map(columns, out.splitlines())) <= 80
    assert "\x1b" not in out
    assert json.loads(say(what, text, "--json")) is not None


def test_one_head(say):
    view = json.loads(say("attention", TEXT, "--layer", "1", "--head", "2", "--json"))
    ids = Tokenizer.from_pretrained("fairytale").encode(TEXT)
    run = inside(GPT2.from_pretrained("fairytale"), ids)
    np.testing.assert_allclose(view["pattern"], run["pattern", 1][2])
    out = say("attention", TEXT, "--layer", "1", "--head", "2").splitlines()
    assert out[0] == "layer 1 (block 1 of 4, counted from 0), head 2"
    assert len(out) == len(ids) + 2


def test_what_one_token_looks_at(say):
    view = json.loads(say("attention", TEXT, "--at", "-1", "--json"))
    ids = Tokenizer.from_pretrained("fairytale").encode(TEXT)
    run = inside(GPT2.from_pretrained("fairytale"), ids)
    assert view["at"] == len(ids) - 1 and len(view["heads"]) == 24
    weights = [head["looks"][0][1] for head in view["heads"]]
    assert weights == sorted(weights, reverse=True)
    for head in view["heads"]:
        row = run["pattern", head["layer"]][head["head"], -1]
        others = np.argsort(-row[1:-1], kind="stable")[:3] + 1
        assert [number for number, _ in head["looks"]] == others.tolist()
        np.testing.assert_allclose([w for _, w in head["looks"]], row[others])
        np.testing.assert_allclose([head["first"], head["itself"]], row[[0, -1]])
    out = say("attention", TEXT, "--at", "-1")
    assert out == say("attention", TEXT, "--at", str(len(ids) - 1))
    (number, weight), best = view["heads"][0]["looks"][0], view["heads"][0]
    line = out.splitlines()[2]
    assert line.split()[:2] == [str(best["layer"]), str(best["head"])]
    assert f'{weight:.0%} "{view["tokens"][number]}" ({number})' in line
    assert "Layer N is block N of 4" in " ".join(out.split())


def test_the_first_tokens_have_nothing_else_to_look_at(say):
    for at, n in (0, 0), (1, 0), (2, 1):
        view = json.loads(say("attention", TEXT, "--at", str(at), "--json"))
        assert [len(head["looks"]) for head in view["heads"]] == [n] * 24
        assert len(say("attention", TEXT, "--at", str(at)).splitlines()) > 25


@pytest.mark.parametrize("at", [[], ["--at", "5"]])
def test_the_heads_of_one_layer(say, at):
    heads = json.loads(say("attention", TEXT, *at, "--json"))["heads"]
    view = json.loads(say("attention", TEXT, *at, "--layer", "2", "--json"))
    assert view["heads"] == [head for head in heads if head["layer"] == 2]
    assert len(view["heads"]) == 6


def test_tokens_that_are_looked_at_have_numbers(say):
    view = json.loads(say("attention", TEXT, "--json"))
    line, best = say("attention", TEXT).splitlines()[1], view["heads"][0]
    for end in best["from"], best["to"]:
        assert f'"{view["tokens"][end]}" ({end})' in line
    head = ("attention", TEXT, "--layer", "3", "--head", "0")
    line, view = say(*head).splitlines()[-2], json.loads(say(*head, "--json"))
    best = int(np.argmax(view["pattern"][15]))
    assert line.startswith('15 "."') and f'"{view["tokens"][best]}" ({best})' in line


def test_one_step(say):
    argv = ("steps", TEXT, "-n", "4", "--seed", "3")
    every = json.loads(say(*argv, "--json"))
    assert json.loads(say(*argv, "--step", "3", "--json")) == every[2:3]
    out = say(*argv, "--step", "3")
    assert out.startswith("step 3: ") and "\nstep " not in out


def test_probabilities_behind_temperature_say_so(say):
    cold = say("steps", TEXT, "-n", "1", "--temperature", "0.5", "--top-k", "4")
    [line] = [x for x in cold.splitlines() if "likeliest removed" in x][:1]
    assert line.endswith("% after temperature")
    warm = say("steps", TEXT, "-n", "1", "--temperature", "1", "--top-k", "4")
    assert "likeliest removed" in warm and "after temperature" not in warm


def test_a_line_of_several_beams_has_both_scores():
    def node(text, score, step, place, children=(), fate="kept"):
        return {"text": text, "score": score, "step": step, "place": place,
                "fate": fate, "died": "", "alive": True,
                "children": [*children]}  # fmt: skip

    end = node(" c", -3.0, 3, 0, fate="finished")
    lines = list(
        show.beams([node("a", -1.0, 1, 2, [node(" b", -2.0, 2, 1, [end])])], 80)
    )
    assert lines[0] == '└─ step 1 #2 "a b c" -1.00 … -3.00 ✓'
    assert next(show.beams([end], 80)) == '└─ step 3 " c" -3.00 ✓'


def test_the_help_says_where_to_look(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert (
        "python -m numpygpt --help-all" in out and "--num-beams 3 (default: 4)" in out
    )
    assert "negative numbers count from the end" in out
    assert "Layer N is block N" in out


def test_the_lens_names_the_answer_and_where_it_appears(say):
    view = json.loads(say("lens", TEXT, "--json"))
    assert [layer["after"] for layer in view["layers"]][:2] == [
        "the embedding",
        "block 0",
    ]
    ranks = [layer["rank"] for layer in view["layers"]]
    assert ranks[view["settled"] :] == [1] * (len(ranks) - view["settled"])
    assert ranks[view["settled"] - 1] > 1
    assert view["layers"][-1]["top"][0][0] == view["answer"]
    out = say("lens", TEXT)
    assert f'The model\'s answer is "{view["answer"]}". It is the best from' in out
    assert "Layer N is block N of 4, counted from 0." in " ".join(out.split())
    for settled, where in (4, "block 3 on (the last of 4)."), (2, "block 1 on."):
        out = "\n".join(show.lens({**view, "settled": settled}, 80))
        assert f"It is the best from {where} Layer N" in " ".join(out.split())
    assert json.loads(say("lens", TEXT, "--at", "2", "--json"))["at"] == 2


def test_steps_show_the_border_of_a_filter(say):
    argv = ("steps", TEXT, "--top-p", "0.9", "--temperature", "1.5", "--seed", "3")
    [step, *_] = json.loads(say(*argv, "--json"))
    link = step["links"][1]
    assert link["name"] == "top_p 0.9"
    assert link["last_kept"][1] >= link["best_removed"][1] > 0
    assert link["left"] + link["removed"] == 4096
    out = say(*argv)
    assert f'the likeliest removed: "{link["best_removed"][0]}"' in out
    assert out.count("\nstep ") + out.startswith("step ") == 10


def test_the_steps_are_what_the_command_line_generates(say):
    options = ["-n", "5", "--seed", "9", "--temperature", "0.8", "--top-p", "0.95"]
    options += ["--dry-multiplier", "0"]
    view = json.loads(say("steps", TEXT, *options, "--json"))
    argv = [sys.executable, "-m", "numpygpt", TEXT, *options, "--json"]
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert [step["id"] for step in view] == json.loads(out)["ids"]


def test_drafts_in_the_steps(say):
    out = say("steps", TEXT, "--assistant-model", "fairytale", "--no-do-sample",
              "--assistant-confidence-threshold", "0")  # fmt: skip
    assert "guessed and accepted" in out


def test_colour_is_for_terminals(monkeypatch, capsys):
    for out, no_color, coloured in (True, "", 1), (True, "1", 0), (False, "", 0):
        monkeypatch.setattr(sys.stdout, "isatty", lambda out=out: out, raising=False)
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("COLUMNS", "70")
        assert main(["beams", TEXT, "-n", "4"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert any("\x1b[" in line for line in lines) == coloured


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ["attention", TEXT, "--layer", "9", "--head", "0"],
            "layer must be an integer",
        ),
        (
            ["attention", TEXT, "--layer", "0", "--head", "6"],
            "head must be from 0 to 5",
        ),
        (["attention", TEXT, "--layer", "9"], "layer must be an integer"),
        (["attention", TEXT, "--at", "-17"], "at must be from -16 to 15, not -17"),
        (["steps", TEXT, "-n", "2", "--step", "3"], "step must be from 1 to 2, not 3"),
        (["steps", TEXT, "-n", "2", "--step", "0"], "step must be from 1 to 2, not 0"),
        (["lens", TEXT, "--at", "99"], "at must be from -16 to 15, not 99"),
        (["lens", "a " * 400], "context of 256"),
        (["beams", TEXT, "--num-beams", "1"], "num_beams must be at least 2"),
        (["steps", TEXT, "--num-beams", "3"], "see beams"),
        (["steps", TEXT, "--top-p", "2"], "top_p must be a number from 0 to 1"),
        (["steps", TEXT, "--top-p", "x"], "top_p must be"),
        (["steps", TEXT, "-n", "0"], "max_new_tokens"),
        (["tokens", TEXT, "--model", "/nowhere/at/all"], "/nowhere/at/all"),
        (["tokens", os.fsdecode(b"\xff")], "not valid UTF-8: byte 0xff at position 0"),
    ],
)
def test_what_cannot_be_done(capsys, argv, words):
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert words in err and err.startswith("numpygpt.look: ") and not out


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["dream", TEXT],
        ["lens"],
        ["attention", TEXT, "--head", "1"],
        ["attention", TEXT, "--layer", "1", "--head", "1", "--at", "3"],
    ],
)
def test_wrong_usage(argv, capsys):
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_a_closed_pipe_is_no_traceback():
    argv = [sys.executable, "-m", "numpygpt.look", "steps", TEXT, "-n", "60"]
    run = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run.stdout.readline()
    run.stdout.close()
    assert run.wait() == 0
    assert run.stderr.read() == b""
    run.stderr.close()


@pytest.mark.parametrize("what", WHAT)
def test_it_is_quick(what):
    begin = time.perf_counter()
    argv = [sys.executable, "-m", "numpygpt.look", what, TEXT]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    assert time.perf_counter() - begin < 20  # 2 s on a quiet machine


# What is asked for, without running it.


TOKENIZER = Tokenizer([("h", "e")])


def config_of(*argv):
    args = look.parse([*argv])
    return look.config_of(args, TOKENIZER)


@pytest.mark.parametrize(
    ("argv", "settings"),
    [
        (["steps"], {"max_new_tokens": 10, "do_sample": True, "temperature": 0.8,
                     "top_p": 0.95}),
        (["beams"], {"max_new_tokens": 10, "num_beams": 4, "do_sample": False,
                     "temperature": 1.0, "top_p": 1.0}),
        (["beams", "--num-beams", "3", "-n", "5"],
         {"max_new_tokens": 5, "num_beams": 3}),
        (["steps", "--no-do-sample", "--top-p", "0.5"],
         {"do_sample": False, "top_p": 0.5, "temperature": 0.8}),
        (["steps", "--max-new-tokens", "3", "--top-k", "7"],
         {"max_new_tokens": 3, "top_k": 7}),
        (["steps", "--ignore-eos", "--chain", "llama.cpp"],
         {"ignore_eos": True, "chain": "llama.cpp"}),
        (["steps", "--chain", '["top_p"]', "--bad-words-ids", "[[3]]"],
         {"chain": ["top_p"], "bad_words_ids": [[3]]}),
        (["steps", "--regex", "[[" + "a"], {"regex": "[[a"}),
    ],
)  # fmt: skip
def test_the_settings_of_a_command(argv, settings):
    [what, *rest] = argv
    config = config_of(what, TEXT, *rest)
    assert {name: getattr(config, name) for name in settings} == settings
    assert config.tokenizer is TOKENIZER and config.assistant_model is None


def test_values_are_json_where_they_can_be():
    values = ["3", "0.5", "true", "null", "[1, 2]", '"x"', "text", "[1", "[" * 9999]
    assert [*map(look._value, values)] == [
        3, 0.5, True, None, [1, 2], "x", "text", "[1", "[" * 9999,
    ]  # fmt: skip


def test_what_is_asked_for_unless_it_is_said():
    args = look.parse(["lens", TEXT])
    assert (args.what, args.text, args.model) == ("lens", TEXT, "fairytale")
    assert (args.layer, args.head, args.at, args.step) == (None,) * 4
    assert (args.seed, args.draft, args.json, args.max_new_tokens) == (
        0, None, False, None,
    )  # fmt: skip
    args = look.parse(["attention", TEXT, "--layer", "0", "--head", "0", "--json"])
    assert (args.layer, args.head, args.json) == (0, 0, True)
    args = look.parse(["steps", "-", "--at", "-3", "--step", "2", "--seed", "5"])
    assert (args.at, args.step, args.seed) == (-3, 2, 5)


NO_OPTION = """--negative-prompt-ids --tokenizer --stopping-criteria --logprobs
    --prefix-allowed-tokens-fn --return-dict-in-generate --output-scores
    --output-logits --use-cache --num-return-sequences --prompt-logprobs""".split()


@pytest.mark.parametrize("name", NO_OPTION)
def test_objects_of_a_program_are_no_options(name, capsys):
    with pytest.raises(SystemExit):
        look.parse(["steps", TEXT, name, "3"])
    assert f"unrecognized arguments: {name}" in capsys.readouterr().err


def test_the_help_is_of_its_own_options_alone(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    out = capsys.readouterr().out
    assert end.value.code == 0 and "\n  --top-" not in out
    start = "usage: python -m numpygpt.look {tokens,attention,lens,steps,beams} TEXT ["
    assert out.startswith(start) and "\n    tokens      what the tokenizer" in out
    for name in ("--model NAME_OR_FOLDER", "--layer L", "--head H", "--at N",
                 "--step N", "--seed SEED", "--assistant-model NAME_OR_FOLDER",
                 "--json"):  # fmt: skip
        assert f"\n  {name} " in out or f"\n  {name}\n" in out
    assert "default: fairytale" in out and "one of the five above" in out


class Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"a\n", "a"), (b"a\n\n", "a\n"), (b"a", "a"), ("\u00e9\n".encode(), "\u00e9")],
)
def test_a_dash_reads_stdin(monkeypatch, data, text):
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    assert look.read_text("-") == text
    assert look.read_text("a\n") == "a\n"


def test_stdin_that_is_no_text(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stdin(b"ab\x0c\xff"))
    with pytest.raises(ValueError, match="not valid UTF-8: byte 0xff at position 3"):
        look.read_text("-")


def raising(error):
    def run(args):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("what"), 1, "numpygpt.look: what\n"),
        (OSError("file"), 1, "numpygpt.look: file\n"),
        (MemoryError(), 1, "numpygpt.look: MemoryError\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_is_a_sentence(monkeypatch, capsys, error, code, said):
    monkeypatch.setattr(look, "run", raising(error))
    assert main(["lens", TEXT]) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("columns", "is_terminal", "width"),
    [(40, True, 60), (70, True, 70), (200, True, 80), (70, False, 80)],
)
def test_how_wide_it_is(monkeypatch, capsys, columns, is_terminal, width):
    asked = []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(show, "tokens", lambda view, *how: asked.append(how) or ["x"])
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert main(["tokens", TEXT]) == 0
    assert asked == [(width, show.coloured if is_terminal else show.plain)]
    assert capsys.readouterr().out == "x\n"


def test_which_view_it_is(monkeypatch):
    """The layer and the token go to the view that needs them."""
    calls = []
    for name in "attention", "looks", "strongest", "lens":
        monkeypatch.setattr(
            views, name, lambda run, tokenizer, *how, name=name: (name, *how)
        )
    monkeypatch.setattr(look, "inside", lambda model, ids: calls.append(ids))
    for argv, name, *how in [
        (["attention"], "strongest", None),
        (["attention", "--layer", "0"], "strongest", 0),
        (["attention", "--at", "0"], "looks", 0, None),
        (["attention", "--at", "2", "--layer", "1"], "looks", 2, 1),
        (["attention", "--layer", "1", "--head", "0"], "attention", 1, 0),
        (["lens"], "lens", -1), (["lens", "--at", "0"], "lens", 0),
    ]:  # fmt: skip
        [what, *rest] = argv
        args = look.parse([what, TEXT, *rest])
        assert look.view_of(args, TEXT, [5], None) == (name, (name, *how))
    assert calls == [[5]] * 7


def test_one_of_the_steps():
    assert look.one_step([1, 2, 3], None) == [1, 2, 3]
    assert [look.one_step([1, 2, 3], n) for n in (1, 3)] == [[1], [3]]
    for number in 0, 4:
        with pytest.raises(ValueError, match=f"from 1 to 3, not {number}"):
            look.one_step([1, 2, 3], number)


@pytest.mark.parametrize("n", [1, 2])
def test_beams_need_two(n):
    args = look.parse(["beams", TEXT, "--num-beams", str(n), "-n", "1"])
    tokenizer = Tokenizer.from_pretrained("fairytale")
    if n == 1:
        with pytest.raises(ValueError, match="at least 2, not 1"):
            look.view_of(args, TEXT, [5], tokenizer)
    else:
        assert look.view_of(args, TEXT, [5], tokenizer)[0] == "beams"


def test_a_draft_is_loaded(folder_of_tiny):
    config = config_of("steps", TEXT, "--assistant-model", str(folder_of_tiny))
    assert isinstance(config.assistant_model, GPT2)


@pytest.fixture
def folder_of_tiny(tiny_model):
    return tiny_model(n_positions=16)


@pytest.mark.parametrize("what", ["tokens", "steps", "beams"])
def test_tokens_are_shown_as_they_are(say, monkeypatch, what):
    """Whatever the model's folder says about the spaces of a finished text."""
    text, read = "He was there . I do n't , he 'll", Tokenizer.from_pretrained
    right = say(what, text, "--json")

    def cleaning(path):
        tokenizer = read(path)
        tokenizer.clean_up_tokenization_spaces = True
        return tokenizer

    monkeypatch.setattr(look.Tokenizer, "from_pretrained", cleaning)
    assert say(what, text, "--json") == right
