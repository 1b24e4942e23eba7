"""python -m numpygpt.look: what it prints, what it refuses."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer
from numpygpt.look import inside, show
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
