"""The benchmark's competitors compute the same, and its results say what they should.

No test here looks at how large a figure is: that is the machine's matter.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import benchmark
import neighbours
import peers
import pytest
import race

from numpygpt import GPT2, GPT2Config, Tokenizer
from numpygpt.fast import blas
from numpygpt.files import hub

SCRIPT = Path(benchmark.__file__)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model whose sizes all differ."""
    path = tmp_path_factory.mktemp("tiny")
    config = GPT2Config(300, n_positions=96, n_embd=24, n_layer=2, n_head=3, n_inner=40)
    GPT2.random(config, seed=1).save_pretrained(path)
    Tokenizer.gpt2(n_merges=43).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def ours(folder):
    return peers.Numpygpt(folder)


def run(*arguments, script=SCRIPT, **environment):
    """The program as a process: its lines of output, its notes."""
    # One thread: on a busy machine several wait for each other.
    environment |= {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, script, *map(str, arguments)],
        capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    # A neighbour that slows the measuring of a bound makes figures exceed it.
    assert done.returncode == ("above their bounds" in done.stderr), done.stderr
    return done.stdout.splitlines(), done.stderr


def test_page_one_as_a_peer_computes_the_same(folder, ours):
    plain, prompt = peers.Plain(folder), [5, 80, 7, 299, 0, 31, 7]
    assert plain.prefill(prompt) == pytest.approx(ours.prefill(prompt), abs=1e-5)
    prompts = [prompt, prompt[::-1]]
    assert plain.generate(prompts, 12) == ours.generate(prompts, 12).tolist()


def test_a_draft_is_checked_again_and_again(ours):
    check = ours.checker([5, 80, 7], [1, 2])
    check()
    check()  # the cache is as it was: 200 such drafts would not fit otherwise
    for _ in range(200):
        check()


def test_json_has_the_machine_and_then_a_result_a_line(folder):
    lines, _ = run(
        "--model", folder, "--peers", "plain", "--cases", "prefill", "--rounds", 1,
        "--json",
    )  # fmt: skip
    first, *results = map(json.loads, lines)
    assert {"cores", "numpy", "blas", "numpygpt", "n_params"} <= first["machine"].keys()
    assert [r["case"] for r in results] == ["prefill 32"]
    for result in results:
        keys = {"case", "unit", "values", "ratios", "rounds", "bound", "share"}
        keys |= {"others", "busy"}
        assert result.keys() == keys
        assert result["rounds"] == 1
        assert result["values"]["numpygpt"] > 0
        assert result["share"] > 0
        assert result["values"].keys() == {"numpygpt", *result["ratios"]}
    assert results[0]["ratios"].keys() == {"plain"}


def test_who_takes_part_in_what(folder):
    found = race.Race(folder, dict.fromkeys(["numpygpt", "plain", "llama.cpp"]))
    [far] = found.long()
    assert far.name == "decode behind 32"
    assert [*far.runs] == ["numpygpt", "llama.cpp", "numpygpt behind 32"]
    cases = [*found.check()]
    assert [case.name for case in cases] == [f"check {n} drafted" for n in (2, 4, 8)]
    assert [[*case.runs] for case in cases] == [["numpygpt"]] * 3
    assert all(case.bound(1, 0) > 0 for case in cases)


def test_a_table_and_a_peer_that_is_not_installed(folder, tmp_path):
    (tmp_path / "ctranslate2.py").write_text("raise ImportError('No module here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    lines, notes = run(
        "--model", folder, "--cases", "memory", "--peers", "ctranslate2",
        "--rounds", 1, PYTHONPATH=path,
    )  # fmt: skip
    assert notes == "ctranslate2 is left out: No module here\n"
    assert lines[1].startswith("peak memory           x weights")


def test_the_tokenizer_is_timed_cold_and_warm(ours, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("Once upon a time.\n" * 20, encoding="utf-8")
    assert peers.encode(ours, path, cold=True) > 0
    cold = ours.tokenizer
    assert peers.encode(ours, path, cold=False) > 0
    assert ours.tokenizer is cold
    assert peers.encode(ours, path, cold=True) > 0
    assert ours.tokenizer is not cold


def test_whole_processes_are_measured(folder):
    maker = race.Race(folder, {"numpygpt": None})
    took, peak = maker.commands(1)["numpygpt"]()
    assert took > 0 and peak > 10**6
    with pytest.raises(race.LeftOut, match="exit code 3"):
        race.run_process(["-c", "raise SystemExit(3)"])


def test_a_worker_that_dies_says_so(folder):
    worker = race.Worker("numpygpt", folder)
    worker.read()
    with pytest.raises(race.LeftOut, match="ValueError.*vocabulary"):
        worker.ask("prefill", ids=[300])
    assert worker.ask("prefill", ids=[299]) > 0  # it goes on
    worker.process.kill()
    for _ in range(2):
        with pytest.raises(race.LeftOut, match="ended, exit code -9: no word of why"):
            worker.ask("prefill", ids=[1])
    worker.close()


def test_who_fails_is_left_out_and_the_first_ends_the_race(capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "PAUSE", 0)

    def fail():
        raise race.LeftOut("tired")

    runs = {"numpygpt": lambda: 2.0, "peer": fail, "other": lambda: 3.0}
    result = benchmark.measure(race.Case("walk", "m/s", 6, runs), None, rounds=3)
    assert result["values"] == {"numpygpt": 3, "other": 2}
    assert result["ratios"] == {"other": 1.5}
    assert "walk: peer is left out: tired" in capsys.readouterr().err
    with pytest.raises(race.LeftOut):
        benchmark.measure(race.Case("walk", "m/s", 6, {"numpygpt": fail}), None, 1)


def test_medians_of_ratios():
    case = race.Case("walk", "s", 1, dict.fromkeys("ab"))
    result = benchmark.summary(case, {"a": [1, 2, 10], "b": [2, 6, 10]})
    assert result["values"] == {"a": 2, "b": 6}
    assert result["ratios"] == {"b": 2}  # of 2, 3 and 1


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--cases", "decode,walk"], "walk"),
        (["--peers", "plain,llama"], "llama"),
        (["--rounds", "0"], "rounds"),
        (["--busy", "-1"], "busy"),
        (["--isa", "mmx"], "isa"),
        (["--text", "no/such/file"], "no/such/file"),
        (["--model", "no/such/model/folder"], "no/such/model"),
    ],
)
def test_wrong_arguments(arguments, word, capsys):
    with pytest.raises(SystemExit) as error:
        benchmark.main(arguments)
    assert error.value.code == 2
    assert word in capsys.readouterr().err


def test_only_who_has_something_to_do_is_started():
    everybody = list(peers.PEERS)
    assert list(benchmark.busy(everybody, ["growth"])) == []
    assert list(benchmark.busy(everybody, ["tokenizer"])) == ["tiktoken"]
    assert list(benchmark.busy(everybody, ["beam"])) == everybody[1:-1]


def test_the_parts_make_up_the_whole(folder):
    """One round, so that medians are the figures themselves."""
    script = SCRIPT.parent / "parts.py"
    head, *rows = run("--model", folder, "--rounds", 1, script=script)[0]
    columns = head.split()[1:]
    assert [row[:16].strip() for row in rows] == [
        "1 token", "1 behind 32", "8 texts", "prompt of 32",
    ]  # fmt: skip
    for row in rows:
        figures = dict(zip(columns, map(float, row[16:].split())))
        parts = figures["attention"] + figures["norms"] + figures["mlp"]
        others = figures["in-pass"] + figures["rest"]
        assert figures["whole"] == pytest.approx(parts + others, abs=0.3)
        assert 0 < parts < figures["whole"] and 0 < others < figures["whole"]


class Looks:
    """What a Watch would say, round after round."""

    def __init__(self, *seen):
        self.seen = [0.0, *seen]  # the first look only sets the clock

    def look(self):
        return self.seen.pop(0)


def test_a_round_in_which_others_were_busy_is_done_again():
    times = iter([9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])  # the first is not counted
    case = race.Case("walk", "s", 1, {"numpygpt": lambda: next(times)})
    result = benchmark.measure(case, None, 2, Looks(0.5, 0.01, 0.3, 0.02))
    assert result["values"] == {"numpygpt": 3.0}  # of the rounds 2.0 and 4.0
    assert result["busy"] == 0 and result["others"] == [0.01, 0.02]
    assert "busy" not in benchmark.row(result)


def test_a_machine_that_is_never_quiet_is_marked():
    case = race.Case("walk", "s", 1, {"numpygpt": lambda: 1.0})
    looks = Looks(*[0.5] * 4)
    result = benchmark.measure(case, None, 2, looks)
    assert looks.seen == []  # twice as many rounds as asked for, no more
    assert result["busy"] == 2 and result["others"] == [0.5, 0.5]
    assert benchmark.row(result).endswith("busy: 2 of 2 rounds")
    unknown = benchmark.measure(case, None, 2, Looks(None, None))
    assert unknown["busy"] == 0


class Judge:
    def ask(self, what):
        return 1.0


@pytest.mark.parametrize("took, is_wrong", [(2.0, False), (0.99, False), (0.5, True)])
def test_a_figure_above_its_bound_is_an_error(took, is_wrong):
    case = race.Case("walk", "m/s", 1, {"numpygpt": lambda: took}, lambda b, o: 1.0)
    if is_wrong:
        with pytest.raises(benchmark.AboveBound, match="walk: 200%"):
            benchmark.measure(case, Judge(), 3)
    else:
        assert benchmark.measure(case, Judge(), 3)["share"] == pytest.approx(1 / took)


@pytest.mark.skipif(neighbours.ticks() is None, reason="needs Linux's /proc")
def test_strangers_are_seen_and_our_own_are_not():
    with neighbours.spinning(1) as pids:
        assert len(pids) == 1
        ours = neighbours.Watch(pids, time.perf_counter)
        strangers = neighbours.Watch([], time.perf_counter)
        assert ours.look() is None  # too short
        time.sleep(1)
        without, with_it = ours.look(), strangers.look()
    assert with_it > without  # by what it had of a core, however little that was


def test_the_machine_says_which_blas_and_why(folder):
    lines, notes = run(
        "--model", folder, "--cases", "memory", "--peers", "tiktoken", "--rounds", 1,
        "--json", "--isa", "avx2",
    )  # fmt: skip
    facts = json.loads(lines[0])["machine"]
    assert facts["isa"] == "avx2" and facts["busy"] == 0
    assert facts["kernel_chosen"] == "OPENBLAS_CORETYPE"
    assert facts["settings"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert facts["blas_held"] == bool(blas.OPENBLAS)
    assert notes == "" == benchmark.warning(facts)
    assert "forces" in benchmark.warning(facts | {"isa": None})


@pytest.mark.reference
@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0"])
def test_llama_cpp_is_given_the_same_model(kind):
    pytest.importorskip("llama_cpp")
    folder = hub.find("fairytale")  # Q8_0 wants rows of multiples of 32
    model, prompt = GPT2.from_pretrained(folder), [5, 80, 7, 299, 10, 31, 7]
    want = model.generate(prompt, max_new_tokens=3, do_sample=False)[0].tolist()
    got = peers.LlamaCpp(folder, kind)
    assert [got.generate([prompt], n + 1) for n in range(3)] == want[len(prompt) :]
    with pytest.raises(ValueError, match="one text"):
        got.generate([prompt, prompt], 1)
