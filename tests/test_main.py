"""The command line, as a process: streams, pipes, exit codes, messages."""

import json
import os
import pty
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from numpygpt import GPT2, Tokenizer, __version__


@pytest.fixture(scope="module")
def folder(tiny_model):
    """A tiny untrained model on disk."""
    return tiny_model(n_positions=64)


def run(*args, stdin=b"", **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "numpygpt", *map(str, args)],
        input=stdin, capture_output=True, timeout=60, **kwargs,
    )  # fmt: skip


def test_text_on_stdout_and_notes_on_stderr(folder):
    out = run("Once upon a time", "--model", folder, "-n", 8, "--seed", 3)
    assert out.returncode == 0
    assert out.stdout.decode().startswith("Once upon a time")
    assert b"seed 3, 8 tokens, " in out.stderr
    assert b"tokens/s" in out.stderr
    again = run("Once upon a time", "--model", folder, "-n", 8, "--seed", 3)
    assert again.stdout == out.stdout
    whole = run(
        "Once upon a time", "--model", folder, "-n", 8, "--seed", 3, "--no-stream"
    )
    assert whole.stdout == out.stdout


def test_the_reported_seed_repeats_the_text(folder):
    out = run("Hi", "--model", folder, "-n", 9)
    seed = out.stderr.split(b"seed ")[1].split(b",")[0].decode()
    assert run("Hi", "--model", folder, "-n", 9, "--seed", seed).stdout == out.stdout


def test_prompt_from_a_pipe_a_dash_and_a_file(folder, tmp_path):
    how = ["--model", folder, "-n", 5, "--seed", 1]
    want = run("Gänse", *how).stdout
    assert want.startswith("Gänse".encode())
    assert run(*how, stdin="Gänse\n".encode()).stdout == want
    assert run("-", *how, stdin="Gänse\n".encode()).stdout == want
    (tmp_path / "prompt.txt").write_text("Gänse\n", encoding="utf-8")
    assert run("--prompt-file", tmp_path / "prompt.txt", *how).stdout == want


def test_an_empty_prompt_starts_a_new_text(folder):
    out = run("--model", folder, "-n", 5, "--seed", 1)
    assert out.returncode == 0
    assert len(out.stdout) > 1
    assert b"endoftext" not in out.stdout


def test_a_special_token_in_the_prompt_is_text(folder):
    out = run("a<|endoftext|>b", "--model", folder, "-n", 1)
    assert out.stdout.startswith(b"a<|endoftext|>b")


def test_several_sequences(folder):
    out = run("Hi", "--model", folder, "-n", 5, "--num-return-sequences", 3)
    texts = out.stdout.decode().split("\n<|endoftext|>\n")
    assert len(texts) == 3
    assert all(text.startswith("Hi") for text in texts)
    assert len(set(texts)) == 3


def test_greedy_by_temperature_or_name(folder):
    how = ["Hi", "--model", folder, "-n", 5]
    cold = run(*how, "--temperature", 0).stdout
    assert cold == run(*how, "--no-do-sample").stdout
    assert cold == run(*how, "--temperature", 0, "--seed", 9).stdout


def test_contrastive_search_does_not_sample(folder):
    how = ["Hi", "--model", folder, "-n", 5, "--penalty-alpha", 0.5, "--top-k", 4]
    out = run(*how)
    assert out.returncode == 0
    assert out.stdout == run(*how, "--no-do-sample", "--seed", 9).stdout


def test_max_length_counts_the_prompt(folder):
    out = run("Hi", "--model", folder, "--max-length", 6, "--seed", 0)
    assert b", 4 tokens, " in out.stderr  # "H" and "i" are two


def test_a_full_context_is_said(folder):
    out = run("Hi", "--model", folder, "-n", 500, "--seed", 0)
    assert out.returncode == 0
    assert b"context of 64 tokens is full" in out.stderr


def test_version():
    assert run("--version").stdout.decode().strip() == __version__


@pytest.mark.parametrize(
    ("args", "stdin", "message"),
    [
        (["x", "--model", "no-such-model"], b"", "no-such-model"),
        (["--prompt-file", "missing.txt"], b"", "missing.txt"),
        ([], b"ab\xff", "byte 0xff at position 2"),
        (["word " * 80], b"", "leaves no room"),
        ([b"ab\xff"], b"", "UTF-8"),
        (["x", "--forced-eos-token-id", "999999"], b"",
         "forced_eos_token_id: token id"),
        (["x", "--watermarking-config", '{"bias": NaN}'], b"", "bias must be a finite"),
        (["x", "--regex", "((a{250}){250}){250}"], b"", "too large"),
        (["x", "--penalty-alpha", "0.5", "--top-k", "4", "--do-sample"], b"",
         "--no-do-sample"),
        (["x", "--penalty-alpha", "0.5", "--top-k", "4", "--top-p", "0.5"], b"",
         "--no-do-sample"),
    ],
)
def test_what_cannot_be_done_exits_1(folder, args, stdin, message):
    if "--model" not in args:
        args = [*args, "--model", folder]
    out = subprocess.run(
        [sys.executable, "-m", "numpygpt", *args], input=stdin, capture_output=True
    )
    assert out.returncode == 1
    assert message in out.stderr.decode()
    assert b"Traceback" not in out.stderr
    assert out.stderr.startswith(b"numpygpt: ")
    assert out.stdout == b""


@pytest.mark.parametrize(
    "args",
    [["--no-such-option"], ["a", "b"], ["-n", "many"], ["a", "--prompt-file", "b"],
     ["a", "--chain", "[" * 9999], ["x", "--temperature", "-1"],
     ["x", "--top-p", "1.5"], ["x", "--seed", "-3"], ["x", "--logprobs", "-1"],
     ["x", "--num-beams", "2", "--penalty-alpha", "0.5"]],
)
def test_wrong_usage_exits_2(args):
    out = run(*args)
    assert out.returncode == 2
    assert b"usage" in out.stderr
    assert b"Traceback" not in out.stderr


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "merges.txt"])
def test_a_damaged_model_is_no_traceback(folder, tmp_path, name):
    for file in folder.iterdir():
        data = file.read_bytes()
        cut = len(data) // 2 if file.name == name else len(data)
        (tmp_path / file.name).write_bytes(data[:cut])
    out = run("x", "--model", tmp_path)
    assert out.returncode == 1
    assert str(tmp_path).encode() in out.stderr
    assert b"Traceback" not in out.stderr


def test_a_closed_pipe_is_no_traceback(folder):
    process = subprocess.Popen(
        [sys.executable, "-m", "numpygpt", "Hi", "--model", folder, "-n", "60",
         "--ignore-eos"],  # a short text could end before the pipe is closed
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_ctrl_c_exits_130(folder):
    code = (
        # Started in the background, a process may have been told to ignore it.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import numpygpt.cli.command as m, time\n"
        "m.output.print_stream = lambda *a: "
        "(print('ready', flush=True), time.sleep(30))\n"
        "raise SystemExit(m.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "Hi", "--model", folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    error = process.stderr.read()
    assert b"Traceback" not in error and b"interrupted" in error and b"seed " in error
    process.stdout.close()
    process.stderr.close()


def test_it_streams(folder):
    """The first characters are there long before the last."""
    code = (
        "import numpygpt, time, numpygpt.cli.command as m\n"
        "slow = numpygpt.GPT2.stream\n"
        "def stream(*a, **k):\n"
        "    for token in slow(*a, **k):\n"
        "        yield token\n"
        "        time.sleep(0.2)\n"
        "numpygpt.GPT2.stream = stream\n"
        "raise SystemExit(m.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "Hi", "--model", folder, "-n", "6"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    process.stdout.read(3)
    start = time.perf_counter()
    process.stdout.read()
    assert time.perf_counter() - start > 0.5
    process.stdout.close()
    assert process.wait(60) == 0


def test_on_a_terminal_no_prompt_does_not_wait_for_one(folder):
    parent, child = pty.openpty()
    out = subprocess.run(
        [sys.executable, "-m", "numpygpt", "--model", folder, "-n", "3"],
        stdin=child, capture_output=True, timeout=60,
    )  # fmt: skip
    os.close(parent)
    os.close(child)
    assert out.returncode == 0


RECORD = "prompt text ids tokens logprobs top_logprobs prompt_ids prompt_tokens"
RECORD = [*RECORD.split(), "prompt_logprobs", "prompt_top_logprobs"]


def test_json_a_line_a_continuation(folder):
    out = run("Hi", "--model", folder, "-n", 6, "--seed", 2, "--json", "--logprobs",
              "--num-return-sequences", 2)  # fmt: skip
    records = [json.loads(line) for line in out.stdout.splitlines()]
    tokenizer, model = Tokenizer.from_pretrained(folder), GPT2.from_pretrained(folder)
    want = model.generate(
        tokenizer.encode("Hi"), seed=2, max_new_tokens=6, do_sample=True,
        temperature=0.8, top_p=0.95, num_return_sequences=2,
        return_dict_in_generate=True,
    )  # fmt: skip
    assert len(records) == 2
    for i, record in enumerate(records):
        n = want.lengths[i]
        n_prompt = n - len(record["ids"])
        assert list(record) == RECORD
        assert record["prompt"] == "Hi"
        assert record["ids"] == want.sequences[i, n_prompt:n].tolist()
        assert record["text"] == tokenizer.decode(record["ids"], True)
        assert record["tokens"] == [tokenizer.decode([t]) for t in record["ids"]]
        np.testing.assert_allclose(
            record["logprobs"], want.logprobs[i, : len(record["ids"])]
        )


def test_logprobs_go_to_stderr(folder):
    how = ["Hi", "--model", folder, "-n", 5, "--seed", 2]
    plain, out = run(*how), run(*how, "--logprobs")
    assert out.stdout == plain.stdout
    lines = [line for line in out.stderr.decode().splitlines() if line[0] == " "]
    assert len(lines) == 5
    assert all(float(line.split()[0]) <= 0 for line in lines)
    first = [line for line in out.stderr.decode().splitlines() if line[0] == "|"]
    assert len(first) == 1 and "'i'" in first[0]  # of "H", "i": nothing precedes "H"


def test_stop_is_cut_off_and_several_may_be_given(folder):
    how = ["Hi", "--model", folder, "-n", 30, "--seed", 2]
    whole = run(*how).stdout.decode()
    first, second = whole[12], whole[20]
    at = min(whole.index(s, 2) for s in (first, second))
    for extra in ([], ["--no-stream"]):
        out = run(*how, "--stop", first, "--stop", second, *extra)
        assert out.stdout.decode() == whole[:at] + "\n"


def test_stop_strings_that_wait(folder):
    """--min-new-tokens without and with --stop-strings-wait; a turn of -i, too."""
    how = ["Hi", "--model", folder, "-n", 30, "--seed", 2, "--min-new-tokens", 9]
    whole = json.loads(run(*how, "--json").stdout)
    tokenizer = Tokenizer.from_pretrained(folder)
    least = tokenizer.decode(whole["ids"][:9])
    stop = least[3]  # there it would end the text at once
    wait = ["--stop", stop, "--stop-strings-wait"]
    at = whole["text"].find(stop, len(least))
    expected = whole["text"][: at if at >= 0 else None]
    for extra in ([], ["--no-stream"]):
        out = run(*how, *wait, *extra).stdout.decode()
        assert out == "Hi" + expected + "\n"
        early = run(*how, *wait[:-1], *extra).stdout.decode()
        assert early == "Hi" + whole["text"][: whole["text"].find(stop)] + "\n"
    assert len(early) < len(out)
    stops = [word for c in range(32, 127) for word in ("--stop", chr(c))]
    turns = [run(*how, "-i", *stops, *extra).stdout for extra in ([], wait[2:])]
    assert len(turns[0]) < len(turns[1])


def test_a_healed_prompt_is_printed_once(folder):
    how = ["Hi the", "--model", folder, "-n", 4, "--seed", 2, "--token-healing"]
    for extra in ([], ["--no-stream"]):
        text = run(*how, *extra).stdout.decode()
        assert text.startswith("Hi the")
        assert not text.startswith("Hi thethe")


def test_a_draft_model_and_a_negative_prompt(folder):
    """A draft changes no law, so the best text stays; a negative prompt does."""
    greedy = run("--model", folder, "Once", "-n", "8", "--temperature", "0").stdout
    how = ("--model", folder, "Once", "-n", "8", "--temperature", "0")
    assert run(*how, "--assistant-model", folder).stdout == greedy
    guided = run(*how, "--guidance-scale", "9", "--negative-prompt", "Once upon").stdout
    model, tokenizer = GPT2.from_pretrained(folder), Tokenizer.from_pretrained(folder)
    wanted = model.generate(
        tokenizer.encode("Once"), max_new_tokens=8, guidance_scale=9.0,
        negative_prompt_ids=tokenizer.encode("Once upon"),
    )  # fmt: skip
    assert (
        guided.decode().rstrip("\n") == tokenizer.decode(wanted[0]) != greedy.decode()
    )


def test_explain_needs_no_model():
    done = run("--model", "nowhere", "--explain", "--top-k", "5")
    assert done.returncode == 0 and b"top_k 5" in done.stdout
    done = run("--explain", "--stop", "x", "--regex", "a+")
    assert b"besides" in done.stdout and b"refuses" not in done.stdout
