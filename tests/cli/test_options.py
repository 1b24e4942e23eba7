"""What can be typed, what the help says, and what is said of a mistake."""

import re
import subprocess
import sys
from dataclasses import fields

import pytest

from numpygpt import GenerationConfig, Tokenizer
from numpygpt.cli import options


def names_in(help):
    return re.findall(r"^  (?:-\w\b(?: \w+)?, )?(?:--\w+ \w+, )?(--[\w-]+)", help, re.M)


def test_help_has_ten_options_and_help_all_has_all(run):
    short, long = run("--help"), run("--help-all")
    assert short.returncode == long.returncode == 0
    everyday = short.stdout.decode().partition("everyday options:")[2]
    assert len(names_in(everyday)) == 10
    assert "--help-all lists all the others" in everyday
    names = set(re.findall(r"--[\w-]+", long.stdout.decode()))
    for field in fields(GenerationConfig):
        name = "--" + field.name.replace("_", "-")
        if field.name not in options.NO_OPTION:
            assert name in names
    for title in ("The prompt", "How long", "Which method", *options.STEPS):
        assert f"\n{title}:\n" in long.stdout.decode()


def test_every_option_stands_in_one_group():
    parser = options.build(everything=True)
    seen = [id(a) for group in parser._action_groups for a in group._group_actions]
    assert len(seen) == len(set(seen)) == len(parser._actions)


def test_a_parser_is_made_quickly_and_knows_every_short_name():
    args, settings = options.parse(["Hi", "-n", "3", "--stop", "x", "--stop", "y"])
    assert settings["max_new_tokens"] == 3
    assert settings["stop_strings"] == ["x", "y"]
    assert args.prompt == "Hi" and args.seed >= 0


def test_choices_add_up():
    def choices(*args):
        return options.parse(["Hi", *args])[1]["choices"]

    assert choices("--choices", "yes", "--choices", "no") == ["yes", "no"]
    assert choices("--choices", '["yes", "no"]') == ["yes", "no"]
    assert choices("--choices", '["a", "b"]', "--choices", "c") == ["a", "b", "c"]
    assert choices("--choices", "3", "--choices", "b") == ["3", "b"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["Hi", "--temprature", "1"], "no option --temprature; did you mean --temper"),
        (["Hi", "--temp", "1"], "did you mean --temperature?"),
        (["Hi", "--top", "1"], "--top-k or --top-p"),
        (["Hi", "--top_k", "1"], "did you mean --top-k?"),
        (["Hi", "--topp=0.9"], "did you mean --top-p?"),
        (["Hi", "--qqqqqq"], "--help-all lists all"),
        (["-Hi"], "stands behind --"),
        (["Once", "upon", "a", "time"], 'put it in quotes, "Once upon a time"'),
        (["Hi", "-n", "0"], "max_new_tokens must be a positive integer, not 0"),
        (["Hi", "-n", "x"], "invalid int value: 'x'"),
        (["Hi", "--top-p", "2"], "top_p must be a number from 0 to 1, not 2.0"),
        (["Hi", "--temperature", "nan"], "temperature must be"),
        (["Hi", "--seed", "-1"], "seed must be an integer of at least 0"),
        (["Hi", "--choices", "[]"], "choices must be"),
        (["Hi", "--logprobs", "x"], "is no number from 0 to 1000"),
        (["Hi", "--num-beams", "2", "--penalty-alpha", "1"], "set one of them"),
        (["Hi", "--prompt-file", "x"], "a prompt or --prompt-file"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(capsys, args, message):
    with pytest.raises(SystemExit) as end:
        options.parse(args)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("usage: ") and len(said.splitlines()) == 2


def test_behind_two_dashes_a_prompt_may_begin_with_one():
    assert options.parse(["--", "-Hi"])[0].prompt == "-Hi"


def test_control_characters_in_a_mistake_are_shown(run):
    out = run("Hi", "--\x1b]52;c;eA==\x07")
    assert out.returncode == 2 and b"\x1b" not in out.stderr
    assert b"\\x1b]52" in out.stderr


def test_special_tokens_in_the_prompt_are_text_unless_allowed(run):
    how = ("a<|endoftext|>b", "-n", "1", "--json", "--logprobs")
    tokenizer = Tokenizer.gpt2(500)
    for extra, allowed in ([], ()), (["--allow-special"], "all"):
        out = run(*how, *extra)
        ids = tokenizer.encode(how[0], allowed, disallowed_special=())
        assert f'"prompt_ids": {ids}' in out.stdout.decode()


def test_the_script_of_a_wheel_is_the_same_command():
    """setup.cfg's console script names a function that is there."""
    code = (
        "import configparser, importlib, sys\n"
        "cfg = configparser.ConfigParser(); cfg.read('setup.cfg')\n"
        "script = cfg['options.entry_points']['console_scripts'].strip()\n"
        "name, where = script.replace(' ', '').split('=')\n"
        "module, function = where.split(':')\n"
        "sys.argv = [name, '--version']\n"
        "sys.exit(getattr(importlib.import_module(module), function)())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.returncode == 0 and re.fullmatch(r"[\d.]+\n", out.stdout)


def test_ids_that_only_fill_up_the_vocabulary_never_come(run, folder, tmp_path):
    """A model whose vocabulary was padded for speed has ids that are no token."""
    import numpy as np

    from numpygpt import GPT2, GPT2Config

    tokenizer = Tokenizer.from_pretrained(folder)
    padded = GPT2Config(tokenizer.n_vocab + 2000, n_positions=64, n_embd=16, n_layer=1,
                        n_head=2, bos_token_id=756, eos_token_id=756)  # fmt: skip
    tokenizer.save_pretrained(tmp_path / "padded")
    GPT2.random(padded).save_pretrained(tmp_path / "padded", np.float16)
    how = ("Hi", "-n", "40", "--seed", "1", "--temperature", "2", "--top-p", "1")
    command = [sys.executable, "-m", "numpygpt", *how, "--model", tmp_path / "padded"]
    for extra in [], ["--json"], ["--suppress-tokens", "[5]"]:
        out = subprocess.run([*command, *extra], capture_output=True)
        assert out.returncode == 0, out.stderr
        assert b", 40 tokens" in out.stderr


STORY = {"temperature": 0.8, "top_p": 0.92, "dry_multiplier": 0.8}
STORY |= {"dry_allowed_length": 1, "do_sample": True, "max_new_tokens": 100}
PLAIN = {"temperature": 0.8, "top_p": 0.95, "do_sample": True, "max_new_tokens": 100}


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        ([], STORY),
        (["--top-p", "0.5"], STORY | {"top_p": 0.5}),
        (["--model", "gpt2"], PLAIN),
        (["--num-beams", "3"], PLAIN | {"num_beams": 3}),
        (["--mirostat", "2"], PLAIN | {"mirostat": 2}),
        (["--chain", "llama.cpp"], PLAIN | {"chain": "llama.cpp"}),
        (["--no-do-sample"], PLAIN | {"do_sample": False}),
        (["--do-sample"], PLAIN),
        (["--penalty-alpha", "0.6", "--top-k", "4"],
         PLAIN | {"penalty_alpha": 0.6, "top_k": 4, "do_sample": False}),
        (["--max-length", "9"],
         {k: v for k, v in STORY.items() if k != "max_new_tokens"} | {"max_length": 9}),
        (["--max-length", "9", "-n", "3"],
         STORY | {"max_length": 9, "max_new_tokens": 3}),
        (["--choices", "a", "--choices", "b"], STORY | {"choices": ["a", "b"]}),
    ],
)  # fmt: skip
def test_the_settings_that_options_give(given, settings):
    """The default model's own where nobody asks for another way of decoding."""
    assert options.parse(["Hi", *given])[1] == settings
