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
    assert "Continue a text with GPT-2, in NumPy; without a" in short.stdout.decode()
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
        (["--penalty-alpha", "0.6", "--top-k", "4", "--temperature", "0.5"],
         PLAIN | {"penalty_alpha": 0.6, "top_k": 4, "temperature": 0.5}),
        (["--penalty-alpha", "0.6", "--top-k", "4", "--top-p", "0.5"],
         PLAIN | {"penalty_alpha": 0.6, "top_k": 4, "top_p": 0.5}),
        (["--penalty-alpha", "0.6", "--top-k", "4", "--do-sample"],
         PLAIN | {"penalty_alpha": 0.6, "top_k": 4}),
        (["--ignore-eos", "--stop-strings-wait"],
         STORY | {"ignore_eos": True, "stop_strings_wait": True}),
        (["--top-k", "0", "--no-ignore-eos"],
         STORY | {"top_k": 0, "ignore_eos": False}),
    ],
)  # fmt: skip
def test_the_settings_that_options_give(given, settings):
    """The default model's own where nobody asks for another way of decoding."""
    assert options.parse(["Hi", *given])[1] == settings


# What argparse is told, without a process.


def action_of(name):
    [found] = [a for a in options.build(True)._actions if name in a.option_strings]
    return found


OWN = """
-h --help
--help-all
--version
--prompt-file FILE -> prompt_file
--allow-special
--negative-prompt TEXT -> negative_prompt
--no-stream
--whole-sentences --no-whole-sentences
--colour --color
--page FILE.html -> page
--raw
--explain
--dtype float32, float64, int8 -> dtype (float32)
--assistant-model NAME_OR_FOLDER -> draft
--seed N -> seed
--model NAME_OR_FOLDER -> model (fairytale)
-i --interactive
--json
"""


def in_words(action):
    words = " ".join(action.option_strings)
    if action.nargs == 0:
        return words
    what = action.metavar or ", ".join(action.choices)
    default = "" if action.default is None else f" ({action.default})"
    return f"{words} {what} -> {action.dest}{default}"


def test_the_options_that_are_no_fields():
    names = {field.name for field in fields(GenerationConfig)}
    own = [a for a in options.build(True)._actions if a.dest not in names]
    assert [in_words(action) for action in own[1:]] == OWN.split("\n")[1:-1]
    assert (own[0].dest, own[0].nargs) == ("prompt", "?")
    bare = options.parse([])[0]
    flags = [a.dest for a in own if isinstance(a.const, bool)]
    assert len(flags) == 10 and not any(getattr(bare, flag) for flag in flags)
    assert bare.whole_sentences is False  # stdout is no terminal
    for flag in flags[3:]:
        assert getattr(options.parse([f"--{flag.replace('_', '-')}"])[0], flag) is True


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("--num-beams", "N"), ("--max-length", "N"), ("--eos-token-id", "JSON"),
        ("--bos-token-id", "N"), ("--temperature", "X"), ("--top-h", "X"),
        ("--max-time", "X"), ("--do-sample", None), ("--regex", "TEXT"),
        ("--stop-strings", "TEXT"), ("--choices", "JSON"), ("--json-schema", "FILE"),
        ("--chain", "JSON"), ("--early-stopping", "NAME"), ("--logprobs", "N"),
        ("--watermarking-config", "JSON"), ("--dola-layers", "JSON"),
        ("--num-assistant-tokens-schedule", "NAME"), ("--suppress-tokens", "JSON"),
    ],
)  # fmt: skip
def test_what_an_option_takes(name, takes):
    assert action_of(name).metavar == takes


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        (["--num-beams", "3"], "num_beams", 3),
        (["--length-penalty", "2"], "length_penalty", 2.0),
        (["--eos-token-id", "[1, 2]"], "eos_token_id", [1, 2]),
        (["--eos-token-id", "7"], "eos_token_id", 7),
        (["--early-stopping", "never", "--num-beams", "2"], "early_stopping", "never"),
        (["--early-stopping", "true", "--num-beams", "2"], "early_stopping", True),
        (["--chain", '["top_p", "temperature"]'], "chain", ["top_p", "temperature"]),
        (["--regex", "3"], "regex", "3"), (["--stop", "3"], "stop_strings", ["3"]),
        (["--logprobs"], "logprobs", 0), (["--logprobs", "1000"], "logprobs", 1000),
        (["--logprobs", "0"], "logprobs", 0),
        (["--no-ignore-eos"], "ignore_eos", False),
    ],
)  # fmt: skip
def test_what_is_made_of_what_is_typed(args, name, value):
    found = options.parse(["Hi", *args])
    found = getattr(found[0], name)
    assert found == value and type(found) is type(value)


def test_a_schema_is_read_from_a_file(tmp_path, capsys):
    (tmp_path / "a.json").write_text('{"type": "boolean"}', encoding="utf-8")
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.json").write_text("[" * 99999)
    asked = ["Hi", "--json-schema"]
    settings = options.parse([*asked, str(tmp_path / "a.json")])[1]
    assert settings["json_schema"] == {"type": "boolean"}
    for name, words in [
        ("b", "b.json is not JSON: "), ("c", "c.json is not JSON: "),
        ("d", "d.json: No such file"),
    ]:  # fmt: skip
        with pytest.raises(SystemExit):
            options.parse([*asked, str(tmp_path / f"{name}.json")])
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--logprobs", "1001"], "'1001' is no number from 0 to 1000"),
        (["--logprobs", "-1"], "is no number|no option -1"),
        (["--logprobs", "x" * 200], f"argument --logprobs: '{'x' * 79} is no number"),
        (["--chain", "[" * 9999], "this JSON is nested too deeply"),
        (["-i", "--page", "x.html"], "does not go with --interactive"),
        (["--seed", "-1"], "seed must be an integer of at least 0, not -1"),
        (["Hi", "you"], 'put it in quotes, "Hi you"'),
        (
            ["Hi", "--tempreture=1"],
            "no option --tempreture; did you mean --temperature?",
        ),
    ],
)
def test_more_mistakes(capsys, args, words):
    with pytest.raises(SystemExit) as end:
        options.parse(args)
    assert end.value.code == 2
    assert re.search(words, capsys.readouterr().err)


def test_at_most_five_names_are_suggested():
    names = [f"--t{n}" for n in range(9)]
    assert options.nearest("--t", names) == names[:5]
    assert options.nearest("--tempreture", ["--temperature", "--temperatures"]) == [
        "--temperature"
    ]
    assert options.nearest("--qqqq", names) == []


def test_a_seed_of_0_is_one_and_without_one_there_is_a_new_one():
    assert options.parse(["Hi", "--seed", "0"])[0].seed == 0
    seeds = {options.parse(["Hi"])[0].seed for _ in range(5)}
    assert len(seeds) == 5 and all(seed >= 0 for seed in seeds)


def test_whole_sentences_are_usual_on_a_terminal(monkeypatch):
    def asked(*args):
        return options.parse(["Hi", *args])[0].whole_sentences

    assert asked() is False and asked("--whole-sentences") is True
    monkeypatch.setattr(options, "on_terminal", lambda stream: stream is sys.stdout)
    assert asked() is True and asked("--json") is False
    assert asked("--no-whole-sentences") is False
    assert asked("--json", "--whole-sentences") is True


NO_OPTION = """--return-dict-in-generate --output-scores --output-logits
    --prompt-logprobs --use-cache --pad-token-id --prefix-allowed-tokens-fn --tokenizer
    --stopping-criteria --negative-prompt-ids --prompt-cache""".split()


def test_objects_of_a_program_are_no_options():
    parser = options.build(True)
    assert not {*NO_OPTION} & {*parser._option_string_actions}
    assert action_of("--logprobs").const == 0  # our own
    assert action_of("--assistant-model").dest == "draft"


def test_every_option_has_a_help_text_and_the_version_is_printed(capsys):
    assert all(len(action.help) > 3 for action in options.build(True)._actions)
    with pytest.raises(SystemExit) as end:
        options.parse(["--version", "--no-such-option"])
    assert end.value.code == 0
    assert re.fullmatch(r"[\d.]+\n", capsys.readouterr().out)


def test_the_everyday_options_in_their_order(capsys):
    with pytest.raises(SystemExit) as end:
        options.parse(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: ") and out.endswith("by kind.\n")
    assert max(map(len, out.splitlines())) <= 88
    everyday = names_in(out.partition("everyday options:")[2])
    assert everyday == [
        "--max-new-tokens", "--temperature", "--top-k", "--top-p", "--seed",
        "--stop-strings", "--num-return-sequences", "--model", "--interactive",
        "--json",
    ]  # fmt: skip
    with pytest.raises(SystemExit):
        options.parse(["--help-all"])
    out = capsys.readouterr().out
    assert "lists all the others" not in out and "\n  --raw " in out
    column = {
        line.index("write a page") for line in out.splitlines() if "--page" in line
    }
    assert column == {34}


RULES, FILTERS = options.STEPS


def test_the_groups_of_all_options():
    groups = {g.title: g._group_actions for g in options.build(True)._action_groups}
    assert [*groups][2:] == [
        "everyday options", "The prompt", "What is printed", "The model", "How long",
        "Which method", "Special tokens", "Rules that look at the text so far",
        "Filters: which tokens may come next",
    ]  # fmt: skip
    for name, title in [
        ("--repetition-penalty", RULES), ("--dry-base", RULES), ("--min-p", FILTERS),
        ("--xtc-threshold", FILTERS), ("--num-beams", "Which method"),
        ("--regex", "Which method"), ("--max-time", "How long"),
        ("--eos-token-id", "Special tokens"), ("--raw", "What is printed"),
        ("--assistant-model", "The model"), ("--negative-prompt", "The prompt"),
        ("--prompt-file", "The prompt"), ("--no-stream", "What is printed"),
        ("--dtype", "The model"), ("--max-length", "How long"),
        ("--bos-token-id", "Special tokens"),
    ]:  # fmt: skip
        assert name in {n for a in groups[title] for n in a.option_strings}, name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("--temperature", "(0.8, fairytale 0.8): a number of at least 0"),
        ("--top-p", "(0.95, fairytale 0.92): a number from 0 to 1"),
        ("--dry-multiplier", "(0.0, fairytale 0.8): a number of at least 0"),
        ("--max-new-tokens", "wins (100): a positive integer"),
        ("--typical-p", "all (1.0): a number from 0 to 1"),
        ("--eos-token-id", "ends it: a token id or a list of them"),
    ],
)
def test_the_help_of_an_option_has_its_default_and_range(name, words):
    assert action_of(name).help.endswith(words)


@pytest.mark.parametrize(
    ("command", "prog"),
    [("/bin/numpygpt", "numpygpt"), ("x/numpygpt.exe", "numpygpt"),
     ("/numpygpt/__main__.py", "python -m numpygpt"), ("pytest", "python -m numpygpt")],
)  # fmt: skip
def test_the_name_of_the_program(monkeypatch, command, prog):
    monkeypatch.setattr(sys, "argv", [command])
    parser = options.build()
    assert parser.prog == prog
    assert parser.format_usage() == f"usage: {prog} [prompt] [option ...]\n"
