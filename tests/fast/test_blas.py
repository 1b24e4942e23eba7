"""BLAS on one thread while it is asked for, and put back whatever happens."""

import linecache
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from numpygpt import GPT2, GPT2Config
from numpygpt.fast import blas, threads
from numpygpt.fast.blas import OneThread, n_blas_threads
from numpygpt.fast.threads import Team, share

CONFIG = GPT2Config(97, n_positions=31, n_embd=24, n_layer=2, n_head=2)
needs_openblas = pytest.mark.skipif(not blas.OPENBLAS, reason="another BLAS")
SMALL_TEAM = Team(2)


@pytest.fixture
def many(monkeypatch):
    """BLAS on five threads, as a user may set it; that is how it is found again."""
    before, buffer = n_blas_threads(), np.getbufsize()
    blas.OPENBLAS["set_num_threads"](5)
    monkeypatch.setattr(threads, "team", SMALL_TEAM)
    yield
    assert n_blas_threads() == 5
    blas.OPENBLAS["set_num_threads"](before)
    np.setbufsize(buffer)


@needs_openblas
def test_what_openblas_says_of_itself():
    facts = blas.describe()
    assert facts["kernel"] == blas.kernel() != ""
    assert facts["blas"].startswith("OpenBLAS ") and facts["blas_threads"] >= 1
    forced = "OPENBLAS_CORETYPE" in os.environ
    assert facts["kernel_chosen"] == ["by the processor", "OPENBLAS_CORETYPE"][forced]


@pytest.mark.parametrize(
    ("kernel", "has"),
    [("SkylakeX", True), ("Cooperlake", True), ("SapphireRapids", True),
     ("Haswell", False), ("Zen", False), ("Sandybridge", False)],
)  # fmt: skip
def test_kernels_for_small_matrices(kernel, has):
    """OpenBLAS's kernel/x86_64/KERNEL.SKYLAKEX has them (SGEMM_SMALL_...),
    ...COOPERLAKE includes it, and SAPPHIRERAPIDS that; those before have none."""
    assert (kernel in blas.SMALL_KERNELS) == has


@needs_openblas
def test_within_each_other(many):
    with OneThread():
        with OneThread():
            assert n_blas_threads() == 1
        assert n_blas_threads() == 1
    assert n_blas_threads() == 5


@needs_openblas
def test_in_several_threads(many):
    inside, go = threading.Barrier(3, timeout=20), threading.Event()

    def user():
        with OneThread():
            inside.wait()
            go.wait(20)

    users = [threading.Thread(target=user) for _ in range(2)]
    [each.start() for each in users]
    inside.wait()
    assert n_blas_threads() == 1
    go.set()
    [each.join() for each in users]


@needs_openblas
def test_a_model_computes_so_and_puts_it_back(many):
    model, seen = GPT2.random(CONFIG), []
    model.generate([1, 2], max_new_tokens=4, streamer=Spy(seen))
    assert seen and set(seen) == {5}  # the user's own code runs as ever
    with pytest.raises(ValueError):
        model([97])
    share(lambda a, b: seen.append(n_blas_threads()), 8, 1)
    assert set(seen[-8:]) == {1}


class Spy:
    def __init__(self, seen):
        self.seen = seen

    def put(self, _):
        self.seen.append(n_blas_threads())

    def end(self):
        pass


@needs_openblas
def test_an_interrupt_at_any_line_leaves_blas_as_it_was(many):
    """Ctrl-C before every single line of `share` and `OneThread`, one after another.
    (None at a ``with``, for Python does not look for signals between the end of its
    block and the lock's release, nor at a ``try``, which does nothing.)"""
    files = {blas.__file__, threads.__file__}
    when = 0
    while True:
        when += 1
        left = when

        def trace(frame, event, _):
            nonlocal left
            if frame.f_code.co_filename not in files or frame.f_code.co_name in (
                "_serve", "help_out",
            ):  # fmt: skip
                return None
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
            if event == "line" and not line.strip().startswith(("with ", "try:")):
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            share(lambda a, b: None, 4, 1)
            break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert n_blas_threads() == 5, f"after line {when}"
        assert not threads.within.a_piece
    assert when > 40  # so many lines there are


HEAD = """
import os, signal, threading, time, _thread
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
import numpy as np
import numpygpt
from numpygpt.fast.blas import n_blas_threads
from numpygpt.fast.threads import share

before = n_blas_threads()
x, w = np.ones((64, 700), np.float32), np.ones((700, 700), np.float32)

def work(start, stop):
    for _ in range(start, stop):
        x @ w
"""


def program(body, timeout=60):
    """A Python program in a process of its own: what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(body)], capture_output=True,
        text=True, timeout=timeout, env={**os.environ, "NUMPYGPT_THREADS": "2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_another_thread_computes():
    lines = program("""
        stop = False
        def user():
            while not stop:
                share(work, 20, 1)
        user = threading.Thread(target=user)
        user.start()
        for i in range(10):
            child = os.fork()
            if child == 0:
                held = n_blas_threads() != before
                share(work, 4, 1)
                os._exit(1 if held or n_blas_threads() != before else 0)
            print(os.waitpid(child, 0)[1])
        stop = True
        user.join()
        print(n_blas_threads() == before)
    """)
    assert lines == ["0"] * 10 + ["True"]


def test_ctrl_c_in_the_middle():
    lines = program("""
        for i in range(20):
            timer = threading.Timer(0.01 + 0.001 * i, _thread.interrupt_main)
            try:
                timer.start()
                while True:
                    share(work, 50, 1)
            except KeyboardInterrupt:
                pass
            timer.join()
            print(n_blas_threads() == before)
        share(work, 4, 1)  # and it goes on
    """)
    assert lines == ["True"] * 20


def test_the_program_may_end_with_workers_waiting_or_working():
    assert program("share(work, 20, 1); print('end')", 20) == ["end"]
    lines = program("""
        threading.Thread(target=share, args=(work, 10**6, 1), daemon=True).start()
        time.sleep(0.2)
        print('end')
    """, 20)  # fmt: skip
    assert lines == ["end"]


def test_two_threads_use_one_model(monkeypatch):
    model = GPT2.random(CONFIG, dtype=np.float64)
    prompts = [[1, 2, 3], [4, 5]]
    want = [model.generate(p, max_new_tokens=20).tolist() for p in prompts]
    before, got = n_blas_threads(), {}

    def user(k):
        got[k] = [model.generate(prompts[k], max_new_tokens=20).tolist()] * 3

    users = [threading.Thread(target=user, args=(k,)) for k in (0, 1)]
    [each.start() for each in users]
    [each.join() for each in users]
    assert got == {k: [want[k]] * 3 for k in (0, 1)}
    assert n_blas_threads() == before


def test_any_order_of_imports_and_no_setting_of_the_environment():
    for first in "import numpy, numpygpt", "import numpygpt, numpy":
        code = f"import os; a = dict(os.environ); {first}; print(a == dict(os.environ))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True)
        assert done.stdout == b"True\n", done.stderr


def test_what_is_no_openblas_is_left_alone(monkeypatch, tmp_path):
    broken = tmp_path / "libopenblas.so"
    broken.write_bytes(b"no library")
    assert blas.find(["", str(broken)]) == {}
    monkeypatch.setattr(blas, "OPENBLAS", {})
    with OneThread():
        assert n_blas_threads() is None
    assert blas.kernel() == ""
    assert blas.describe()["blas_held"] is False


def test_what_is_said_of_another_blas(monkeypatch):
    monkeypatch.setattr(blas, "OPENBLAS", {})
    built = {"Build Dependencies": {"blas": {"name": "mkl", "version": "2024.1"}}}
    monkeypatch.setattr(np, "show_config", lambda mode: built)
    for name in [n for n in os.environ if n.startswith("OPENBLAS_")]:
        monkeypatch.delenv(name)
    facts = {
        "blas": "mkl 2024.1", "kernel": "unknown", "kernel_chosen": "by the processor",
        "blas_threads": None, "blas_held": False, "settings": {},
    }  # fmt: skip
    assert blas.describe() == facts
    settings = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_VERBOSE": "0"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    chosen = {"kernel_chosen": "OPENBLAS_CORETYPE", "settings": settings}
    assert blas.describe() == facts | chosen


def test_one_thread_or_several_the_same_numbers():
    """To the last bit: how work is cut does not depend on who does it."""
    code = """if True:
        import hashlib, numpy as np
        from numpygpt import GPT2, GPT2Config
        config = GPT2Config(3000, n_positions=200, n_embd=384, n_layer=2, n_head=6)
        model = GPT2.random(config)
        rng, digest = np.random.default_rng(0), hashlib.sha256()
        for n in (1, 3, 7, 30, 150):
            digest.update(model(rng.integers(0, 3000, n)).tobytes())
        texts = [[1, 2], [3], [4] * 9]
        digest.update(model.generate(texts, max_new_tokens=20).tobytes())
        print(digest.hexdigest())
    """
    results = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True,
            env={**os.environ, "NUMPYGPT_THREADS": str(n)},
        ).stdout
        for n in (1, 2, 3)
    }  # fmt: skip
    assert len(results) == 1 and len(results.pop()) == 65


@needs_openblas
@pytest.mark.parametrize("n", [n_blas_threads(), 2])
def test_a_function_on_so_many_threads_gets_all_its_arguments(n):
    def call(*args, **kwargs):
        return n_blas_threads(), args, kwargs

    assert blas.call_on_threads(n, call, 1, b=2) == (n, (1,), {"b": 2})
