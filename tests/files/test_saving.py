"""A saved folder is whole or not there: whatever interrupts the writer, however many
write, and whoever reads meanwhile."""

import contextlib
import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer, weights
from numpygpt.files import hub, watch
from numpygpt.files.hub import FormatError
from numpygpt.files.safetensors import read_safetensors
from numpygpt.files.watch import reading

ROOT = Path(__file__).resolve().parents[2]
# Two models whose arrays have the same shapes: only all of the files of one make sense,
# and no check of shapes would notice a mixture.
# Interrupts come at every seventh line; at every one in CI's long run.
EVERY = 1 if os.environ.get("NUMPYGPT_LOAD") else 7
MODELS = {}
for n_head in (2, 3):
    config = GPT2Config(
        37, n_positions=11, n_embd=6, n_layer=2, n_head=n_head, eos_token_id=n_head
    )
    MODELS[n_head] = GPT2.random(config, seed=n_head)


def whose(folder):
    """Which of the two models a folder holds, all of it, or None if it is refused."""
    try:
        model = GPT2.from_pretrained(folder)
    except FormatError as error:
        assert str(folder) in str(error)
        return None
    n_head = model.config.n_head
    assert model.generation_config.eos_token_id == n_head
    assert np.array_equal(model([1, 2, 3]), MODELS[n_head]([1, 2, 3]))
    return n_head


def interrupt_at(number):
    """A trace function that raises KeyboardInterrupt before line ``number`` of the
    lines that run in hub.py, where all of the moving is done. Lines that wait for a
    lock, again and again, count once."""
    left, waiting = number, set()

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename != hub.__file__:
            return None
        if event == "line" and frame.f_lineno not in waiting:
            left -= 1
            if frame.f_code is hub.alone.__wrapped__.__code__:
                waiting.add(frame.f_lineno)
            if left == 0:
                raise KeyboardInterrupt
        return trace

    return trace


@contextlib.contextmanager
def tracing(trace):
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def test_an_interrupted_save_leaves_the_old_model_the_new_one_or_none(
    tmp_path, monkeypatch
):
    """The interrupt comes at every line in turn; where it comes as the lock is let go,
    the next writer does not wait for ever."""
    monkeypatch.setattr(hub, "PATIENCE", 0.1)
    found = []
    for number in range(1, 10_000):
        MODELS[2].save_pretrained(tmp_path)
        try:
            with tracing(interrupt_at(number)):
                MODELS[3].save_pretrained(tmp_path)
        except KeyboardInterrupt:
            found.append(whose(tmp_path))
        else:
            break
    assert whose(tmp_path) == 3
    assert {*found} == {2, 3, None}
    assert found.count(None) < 20  # the moment between two moves is short
    with contextlib.suppress(KeyboardInterrupt), tracing(interrupt_at(40)):
        MODELS[3].save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("method", ["write", "replace"])
def test_an_error_while_saving_leaves_no_file_behind(tmp_path, monkeypatch, method):
    MODELS[2].save_pretrained(tmp_path)
    before = sorted(os.listdir(tmp_path))
    real = {"write": hub.json.dumps, "replace": os.replace}[method]

    def full(*args, **kwargs):
        if not (calls := calls_left.pop()):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **kwargs) if calls else None

    for n_good in range(3):
        calls_left = [False, *[True] * n_good]
        with monkeypatch.context() as patch:
            owner, name = (hub.json, "dumps") if method == "write" else (os, "replace")
            patch.setattr(owner, name, full)
            with pytest.raises(OSError, match="No space"):
                MODELS[3].save_pretrained(tmp_path)
            with pytest.raises(OSError, match="No space"):
                calls_left = [False]
                MODELS[3].save_pretrained(tmp_path / "new")
        assert not (tmp_path / "new").exists()
        if method == "write":
            assert sorted(os.listdir(tmp_path)) == before
            assert whose(tmp_path) == 2


TINY_DISK = """
import resource, signal, sys
from numpygpt import GPT2, GPT2Config
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = GPT2.random(GPT2Config(37, n_positions=11, n_embd=6, n_layer=2, n_head=3))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    model.save_pretrained(sys.argv[1])
except OSError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.mark.parametrize("room", [0, 1000])
def test_a_disk_that_is_full(tmp_path, room):
    """The system lets no file of the process grow beyond so many bytes."""
    MODELS[2].save_pretrained(tmp_path)
    before = sorted(os.listdir(tmp_path))
    command = [sys.executable, "-c", TINY_DISK, str(tmp_path), str(room)]
    run = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ROOT}
    )
    assert run.stderr.startswith("refused"), run.stderr
    assert sorted(os.listdir(tmp_path)) == before
    assert whose(tmp_path) == 2


def test_of_several_writers_one_wins_whole(tmp_path):
    """Threads and processes that save to one folder, and a reader meanwhile."""
    children = []
    for n_head in MODELS:
        if not (child := os.fork()):
            status = 1
            with contextlib.suppress(BaseException):
                for _ in range(10):
                    MODELS[n_head].save_pretrained(tmp_path)
                status = 0
            os._exit(status)
        children.append(child)
    with ThreadPoolExecutor(4) as pool:
        saves = [
            pool.submit(MODELS[2 + i % 2].save_pretrained, tmp_path) for i in range(20)
        ]
        for save in saves:
            whose(tmp_path)
            save.result()
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert whose(tmp_path) in MODELS
    names = ["config.json", "generation_config.json", "model.safetensors"]
    assert sorted(os.listdir(tmp_path)) == names


def test_settings_of_an_older_model_do_not_stay(tmp_path):
    MODELS[2].save_pretrained(tmp_path)
    weights.save(tmp_path, MODELS[3].config, MODELS[3].params)
    assert whose(tmp_path) == 3


def test_what_else_lies_in_the_folder_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    MODELS[2].save_pretrained(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "config.json").stat().st_mode & 0o777 == (
        (tmp_path / "notes.txt").stat().st_mode & 0o777
    )


def test_a_folder_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    MODELS[2].save_pretrained(tmp_path)
    load = hub.read_json

    def slow(path, *args):
        value = load(path, *args)
        if path.name == "config.json":
            MODELS[3].save_pretrained(tmp_path)
        return value

    monkeypatch.setattr("numpygpt.weights.read_json", slow)
    with pytest.raises(FormatError, match="written to while it was read"):
        GPT2.from_pretrained(tmp_path)


# Files that change while they are mapped.


def spoil(path, how):
    if how == "cut off":
        os.truncate(path, 1000)
    elif how == "overwritten":
        with open(path, "r+b") as file:
            file.seek(-100, os.SEEK_END)
            file.write(b"x" * 8)
    else:
        with open(path, "ab") as file:
            file.write(b"more")
    os.utime(path, ns=(1, 10**18))  # whatever the clock's steps are


@pytest.mark.parametrize("how", ["cut off", "overwritten", "longer"])
def test_a_mapped_file_that_is_written_to_is_noticed(tmp_path, how):
    """Before a wrong number, and before the system ends the process."""
    MODELS[2].save_pretrained(tmp_path)
    model, copy = (
        GPT2.from_pretrained(tmp_path),
        GPT2.from_pretrained(tmp_path, "float64"),
    )
    going = model.stream([1, 2], max_new_tokens=5, eos_token_id=None)
    next(going)
    spoil(tmp_path / "model.safetensors", how)
    for use in (
        lambda: next(going),
        lambda: model([1, 2, 3]),
        lambda: model.generate([1], max_new_tokens=2),
        lambda: model.generate([1, 2], max_new_tokens=2, dola_layers=[0]),
        model.new_cache,
    ):
        with pytest.raises(FormatError, match="model.safetensors was written to"):
            use()
    copy([1, 2, 3])  # in memory of its own


def test_a_new_file_in_the_place_of_a_mapped_one_does_no_harm(tmp_path):
    MODELS[2].save_pretrained(tmp_path)
    model = GPT2.from_pretrained(tmp_path)
    MODELS[3].save_pretrained(tmp_path)
    assert np.array_equal(model([1, 2, 3]), MODELS[2]([1, 2, 3]))
    (tmp_path / "model.safetensors").unlink()
    assert np.array_equal(model([1, 2, 3]), MODELS[2]([1, 2, 3]))


# Settings of a file that would take more memory than the model.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_beams": 10**6}, "num_beams must be at most 64, not 1000000"),
        ({"num_return_sequences": 10**8, "do_sample": True}, "num_return_sequences"),
        ({"penalty_alpha": 0.6, "top_k": 10**5}, "top_k must be at most 64"),
        (
            {"penalty_alpha": 0.6, "top_k": 60, "num_return_sequences": 60},
            "top_k must be at most 64, not 3600",
        ),
    ],
)
def test_a_file_cannot_ask_for_all_memory(tmp_path, settings, message):
    MODELS[2].save_pretrained(tmp_path)
    hub.write_json(tmp_path / "generation_config.json", settings)
    with pytest.raises(FormatError, match=f"generation_config.json: .*{message}"):
        GPT2.from_pretrained(tmp_path)
    fine = {name: min(value, 64) for name, value in settings.items()}
    fine["num_return_sequences"] = 1
    hub.write_json(tmp_path / "generation_config.json", fine)
    assert GPT2.from_pretrained(tmp_path).generation_config.num_return_sequences == 1


def test_the_bound_follows_from_the_model():
    """gpt2's weights take as much memory as 210 caches of 32 tokens."""
    gpt2 = GPT2Config()
    most = gpt2.n_params // (2 * 32 * gpt2.n_layer * gpt2.n_embd)
    from numpygpt.decoding.plumbing.checks import check_width

    check_width(GenerationConfig(num_beams=most), gpt2)
    with pytest.raises(ValueError, match=f"num_beams must be at most {most}"):
        check_width(GenerationConfig(num_beams=most + 1), gpt2)


def test_a_tokenizer_in_the_place_of_another_is_whole(tmp_path, monkeypatch):
    """Files of the older one that would be read first go; interrupted at any line, the
    folder has the old one, the new one, or none."""
    monkeypatch.setattr(hub, "PATIENCE", 0.1)
    old = Tokenizer([("a", "b")])
    new = Tokenizer([("b", "c"), ("bc", "d")])
    found = set()
    for number in range(1, 10_000, EVERY):
        old.save_pretrained(tmp_path)
        (tmp_path / "added_tokens.json").write_text('{"<x>": 258}')
        try:
            with tracing(interrupt_at(number)):
                new.save_pretrained(tmp_path)
        except KeyboardInterrupt:
            with contextlib.suppress(FormatError):
                tokenizer = Tokenizer.from_pretrained(tmp_path)
                found.add(len(tokenizer.encode("abcd")))
        else:
            break
    assert Tokenizer.from_pretrained(tmp_path).encode("abcd") == new.encode("abcd")
    assert "added_tokens.json" not in os.listdir(tmp_path)
    assert found <= {3, 2}


def test_files_of_an_older_tokenizer_do_not_stay(tmp_path):
    for name in ("tokenizer.json", "special_tokens_map.json", "added_tokens.json"):
        (tmp_path / name).write_text("{}")
    new = Tokenizer([("b", "c"), ("bc", "d")])
    new.save_pretrained(tmp_path)
    assert Tokenizer.from_pretrained(tmp_path).encode("abcd") == new.encode("abcd")


def test_a_config_that_comes_and_goes_while_the_folder_is_read(tmp_path):
    """Missing before and after, there between: the other files may be another's."""
    with pytest.raises(FormatError, match="while it was read"), reading(tmp_path):
        MODELS[2].save_pretrained(tmp_path)
    with pytest.raises(FormatError, match="while it was read"), reading(tmp_path):
        (tmp_path / "config.json").unlink()
    with pytest.raises(FormatError, match="while it was read"), reading(tmp_path):
        pass


def test_what_a_watch_sees(tmp_path, monkeypatch):
    """The same file with another size or time; not a new one, nor one that is gone."""
    path = tmp_path / "x"
    path.write_bytes(bytes(8))
    assert watch.state(tmp_path / "no") is None
    same, content = watch.state(path)
    assert (same[1], content[0]) == (path.stat().st_ino, 8)
    for before, now, is_wrong in (
        ((1, 2), (1, 2), False), ((1, 2), (1, 3), True), ((1, 2), (2, 3), False),
        ((1, 2), None, False), (None, (1, 2), False), (None, None, False),
    ):  # fmt: skip
        states = iter([before, now])
        monkeypatch.setattr(watch, "state", lambda _, states=states: next(states))
        seen = watch.Watch([path])
        if is_wrong:
            with pytest.raises(
                FormatError, match=f"{path} was written to after it was"
            ):
                seen.check()
        else:
            seen.check()


def test_only_mapped_arrays_are_watched(tmp_path):
    MODELS[2].save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    mapped = next(iter(read_safetensors(path).values()))[1]
    for arrays, n in (
        ([mapped], 1),
        ([np.ones(2), mapped], 1),
        ([np.ones(2)], 0),
        ([], 0),
    ):
        assert len(watch.Watch([path]).over(arrays).seen) == n
