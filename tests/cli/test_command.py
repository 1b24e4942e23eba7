"""The command in this process: what is loaded, asked for, said and returned."""

import json
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from numpygpt import GPT2, Tokenizer
from numpygpt.cli import command, interrupt, page
from numpygpt.cli.options import parse
from numpygpt.files import terminal


@pytest.fixture(scope="module")
def pair(folder):
    return GPT2.from_pretrained(folder), Tokenizer.from_pretrained(folder)


def test_a_model_is_loaded_as_asked(folder):
    model, tokenizer = command.load(folder, "float64")
    assert model.params["wte"]["weight"].dtype == "float64"
    assert tokenizer.clean_up_tokenization_spaces is False
    import gc

    assert gc.isenabled()


def test_special_tokens_of_a_prompt(pair):
    model, tokenizer = pair
    eos = tokenizer.eos_token
    assert command.encoded(eos, model, tokenizer, True) == [tokenizer.eos_token_id]
    assert len(command.encoded(eos, model, tokenizer)) > 1


@pytest.mark.parametrize(
    ("generation", "config", "eos", "begin"),
    [(1, 2, 3, 1), (0, 2, 3, 0), (None, 2, 3, 2), (None, None, 3, 3)],
)
def test_a_text_that_begins_with_nothing(generation, config, eos, begin):
    model = SimpleNamespace(
        generation_config=SimpleNamespace(bos_token_id=generation),
        config=SimpleNamespace(bos_token_id=config),
    )
    tokenizer = SimpleNamespace(encode=lambda *a, **k: [], eos_token_id=eos)
    assert command.encoded("", model, tokenizer) == [begin]
    tokenizer.eos_token_id = model.config.bos_token_id = None
    if generation is None:
        with pytest.raises(ValueError, match="the prompt is empty"):
            command.encoded("", model, tokenizer)


def test_settings_get_their_objects(folder, pair):
    model, tokenizer = pair
    args, settings = parse(["Hi"])
    found = command.with_objects(args, settings, model, tokenizer)
    assert found == {**settings, "tokenizer": tokenizer}
    args, settings = parse(
        ["Hi", "--negative-prompt", "no<|endoftext|>", "--assistant-model", str(folder)]
    )
    found = command.with_objects(args, settings, model, tokenizer)
    ids = tokenizer.encode("no<|endoftext|>", disallowed_special=())
    assert found["negative_prompt_ids"] == ids and len(ids) > 3
    assert isinstance(found["assistant_model"], GPT2)


def test_ids_that_are_no_token_are_suppressed(pair):
    _, tokenizer = pair
    n = tokenizer.n_vocab
    model = SimpleNamespace(config=SimpleNamespace(n_vocab=n + 2))
    args, settings = parse(["Hi"])
    found = command.with_objects(args, settings, model, tokenizer)
    assert found["suppress_tokens"] == [n, n + 1]
    args, settings = parse(["Hi", "--suppress-tokens", "[5]"])
    found = command.with_objects(args, settings, model, tokenizer)
    assert found["suppress_tokens"] == [5, n, n + 1]


def run(capsys, folder, *args, code=0):
    assert command.main([*map(str, args), "--model", str(folder)]) == code
    return capsys.readouterr()


def test_the_text_and_a_note(folder, capsys):
    out, err = run(capsys, folder, "Hi", "-n", 5, "--seed", 0)
    assert out.startswith("Hi") and out.endswith("\n")
    assert err.startswith("[seed 0, 5 tokens, ") and err.endswith(" tokens/s]\n")
    again, _ = run(capsys, folder, "Hi", "-n", 5, "--seed", 0, "--no-stream")
    assert again == out


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--regex", "a{9}"], "regex"), (["--choices", "a very long one"], "choices"),
        (["--json-object"], "json_object"),
    ],
)  # fmt: skip
def test_a_text_that_was_cut_off_is_said_to_be(folder, capsys, options, name):
    _, err = run(capsys, folder, "Hi", "-n", 1, "--seed", 1, *options)
    words = f"cut off before it was all that {name} asks: allow more tokens"
    assert words in err


def test_a_text_that_is_whole_is_not(folder, capsys):
    _, err = run(capsys, folder, "Hi", "-n", 9, "--seed", 1, "--regex", "a{1,9}")
    assert "cut off" not in err


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], "stream"), (["--no-stream"], "all"), (["--json"], "all"),
        (["--logprobs", "0"], "all"), (["--colour"], "all"),
        (["--num-beams", "2"], "all"), (["--num-return-sequences", "2"], "all"),
        (["--num-beams", "1"], "stream"), (["--num-return-sequences", "1"], "stream"),
    ],
)  # fmt: skip
def test_what_can_be_streamed_is(folder, capsys, monkeypatch, options, shown):
    called = []
    for name in "stream", "all":
        monkeypatch.setattr(
            command.output,
            f"print_{name}",
            lambda *a, n=name: called.append(n) or [[5]],
        )
    _, err = run(capsys, folder, "Hi", *options)
    assert called == [shown] and ", 1 tokens, " in err


def raising(error):
    def run(*_):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("what\x1b"), 1, "numpygpt: what\\x1b\n"),
        (OSError("file"), 1, "numpygpt: file\n"),
        (MemoryError(), 1, "numpygpt: MemoryError\n"),
        (RuntimeError("stop"), 1, "numpygpt: stop\n"),
        (KeyboardInterrupt(), 130, "[seed 4, interrupted]\n"),
        (SystemExit(2), 2, ""),
    ],
)
def test_what_goes_wrong_is_a_sentence(capsys, monkeypatch, error, code, said):
    monkeypatch.setattr(command, "run", raising(error))
    assert command.main(["Hi", "--seed", "4"]) == code
    assert capsys.readouterr() == ("", said)


def test_an_interrupt_wipes_the_progress_away(capsys, monkeypatch):
    said = []
    monkeypatch.setattr(command, "run", raising(KeyboardInterrupt()))
    monkeypatch.setattr(command.output, "erase", lambda: said.append("erased"))
    monkeypatch.setattr(command.output, "note", said.append)
    assert command.main(["Hi", "--seed", "4"]) == 130
    assert said == ["erased", "seed 4, interrupted"]


def test_how_many_tokens_a_second(folder, capsys, monkeypatch):
    """Two tokens in half a second."""
    times = iter([10.0, 10.5])
    clock = SimpleNamespace(perf_counter=lambda: next(times))
    monkeypatch.setattr(command, "time", clock)
    monkeypatch.setattr(command.output, "print_stream", lambda *given: [[5, 6]])
    _, err = run(capsys, folder, "Hi", "--seed", 0)
    assert err == "[seed 0, 2 tokens, 4 tokens/s]\n"


def test_an_interrupt_before_there_is_a_seed(capsys, monkeypatch):
    monkeypatch.setattr(command, "parse", raising(KeyboardInterrupt()))
    assert command.main(["Hi"]) == 130
    assert capsys.readouterr().err == "[interrupted]\n"


def test_who_has_seen_enough_is_not_troubled(capsys, monkeypatch):
    silenced = []
    monkeypatch.setattr(command, "run", raising(BrokenPipeError()))
    monkeypatch.setattr(terminal, "silence", lambda: silenced.append(1))
    assert command.main(["Hi"]) == 0
    assert capsys.readouterr() == ("", "") and silenced == [1]


def test_nothing_is_run_without_a_place_to_print(monkeypatch):
    args, settings = parse(["Hi"])
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(ValueError, match="stdout is closed"):
        command.run(args, settings)


def test_explain_loads_nothing(capsys):
    assert command.main(["--model", "/nowhere", "--explain", "--top-k", "3"]) == 0
    assert "top_k 3" in capsys.readouterr().out


def test_a_page_is_refused_before_anything_is_loaded(tmp_path, capsys):
    for path, words in [
        (tmp_path, "names a file to write, but"),
        (tmp_path / "no" / "page.html", "there is no folder"),
    ]:
        assert command.main(["Hi", "--model", "/nowhere", "--page", str(path)]) == 1
        assert words in capsys.readouterr().err
    page.check(tmp_path / "page.html")


@pytest.mark.parametrize(
    ("options", "beams"), [([], (4, 10)), (["--num-beams", "2", "-n", "3"], (2, 3))]
)
def test_a_page_has_a_beam_search(
    folder, tmp_path, capsys, monkeypatch, options, beams
):
    asked, generate = [], GPT2.generate

    def noted(model, ids, **how):
        asked.append((how["num_beams"], how["max_new_tokens"], how["seed"]))
        return generate(model, ids, **how)

    path = tmp_path / "page.html"
    argv = ["Hi", "-n", 3, "--seed", 5, "--page", path, *options]
    monkeypatch.setattr(GPT2, "generate", noted)
    _, err = run(capsys, folder, *argv)
    assert asked[-1] == (*beams, 5)
    size = len(path.read_bytes()) / 1e6
    assert f"[{path}: {size:.1f} MB]\n" in err


def test_json_is_the_text_that_would_be_printed(folder, capsys):
    out, _ = run(capsys, folder, "Hi", "-n", 4, "--seed", 2)
    record, _ = run(capsys, folder, "Hi", "-n", 4, "--seed", 2, "--json")
    record = json.loads(record)
    assert record["prompt"] + record["text"] + "\n" == out


def test_sentences_end_where_they_are_asked_to(folder, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        command, "to_sentences", lambda s, t, n: asked.append(n) or {**s, "top_k": 1}
    )
    run(capsys, folder, "Hi", "-n", 2)
    run(capsys, folder, "Hi", "-n", 2, "--whole-sentences")
    assert asked == [2]  # "H" and "i"


# Ctrl-C.


@pytest.mark.parametrize(
    ("argv", "ours"),
    [
        (["python", "-m", "numpygpt", "Hi"], True),
        (["python", "-m", "numpygpt.look"], True),
        (["python", "-m", "numpygpt"], True), (["python", "/bin/numpygpt"], True),
        (["python", "/bin/numpygpt", "Hi"], True),
        (["python", "C/numpygpt.exe", "-m"], True), (["python", "my.py"], False),
        (["python", "-m", "pytest", "numpygpt"], False), (["python"], False),
        (["python", "-c", "numpygpt"], False), (["python", "-m"], False),
        (["python", "/numpygpt/mine.py"], False),
    ],
)  # fmt: skip
def test_whose_process_it_is(monkeypatch, argv, ours):
    monkeypatch.setattr(sys, "orig_argv", argv)
    assert interrupt._is_ours() == ours


@pytest.fixture
def handler():
    before = signal.getsignal(signal.SIGINT)
    yield lambda: signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_only_our_own_process_ends_quietly(monkeypatch, handler):
    usual = signal.default_int_handler
    signal.signal(signal.SIGINT, usual)
    monkeypatch.setattr(interrupt, "_is_ours", lambda: False)
    interrupt.end_quietly()
    assert handler() is usual
    monkeypatch.setattr(interrupt, "_is_ours", lambda: True)
    interrupt.end_quietly()
    assert handler() is interrupt._end
    interrupt.as_usual()
    assert handler() is usual
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupt.end_quietly()
    interrupt.as_usual()
    assert handler() is signal.SIG_IGN


def test_the_quiet_end_is_130():
    code = "from numpygpt.cli.interrupt import _end; _end(2, None)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 130


def test_what_waits_to_be_written_is_dropped(tmp_path):
    code = (
        "import sys; from numpygpt.files import terminal\n"
        "sys.stdout.write('x'); terminal.silence(); sys.stdout.flush()"
    )
    how = {"env": {**os.environ, "PYTHONUNBUFFERED": ""}, "check": True}
    with open(tmp_path / "out", "wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, **how)
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.skipif(os.name == "nt", reason="no closed streams there")
def test_closed_streams_lead_nowhere():
    """Else the model's file would get the number of stdout."""
    code = (
        "import os; from numpygpt.cli import output\n"
        "kept, null = os.dup(1), os.stat(os.devnull)\n"
        "for n in 0, 1, 2: os.close(n)\n"
        "output.prepare()\n"
        "lost = [os.path.samestat(os.fstat(n), null) for n in (0, 1, 2)]\n"
        "os.write(kept, str(lost).encode())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout == "[True, True, True]"
