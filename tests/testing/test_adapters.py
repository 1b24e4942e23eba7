"""The adapters, with stand-ins for the libraries: test_referee.py has the real ones."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from numpygpt.testing import adapters

ROW = np.array([0.5, 2.0, -1.0], np.float32)


class Tensor(np.ndarray):
    """What the adapters use of a torch.Tensor."""

    def numpy(self):
        return np.asarray(self)

    def detach(self):
        return self


@pytest.fixture
def torch(monkeypatch):
    def tensor(values, dtype=None):
        return np.array(values, dtype).view(Tensor)

    class Generator:
        def manual_seed(self, seed):
            self.seed = seed
            return self

    module = SimpleNamespace(tensor=tensor, long=np.int64, Generator=Generator)
    monkeypatch.setitem(sys.modules, "torch", module)
    return module


@pytest.mark.parametrize("several", [False, list, tuple])
def test_processors_get_rows_of_ids_and_of_scores(torch, several):
    seen = []

    def double(ids, scores):
        seen.append((ids.tolist(), ids.dtype, scores.shape))
        return 2 * scores

    f = adapters.from_transformers(several([double, double]) if several else double)
    out = f(ROW, [3, 1])
    assert np.array_equal(out, ROW * (4 if several else 2)) and out.dtype == np.float32
    assert seen == [([[3, 1]], np.int64, (1, 3))] * (2 if several else 1)
    assert f(ROW).shape == (3,) and seen[-1][:2] == ([[]], np.int64)


def test_functions_of_tensors(torch):
    f = adapters.torch_filter(lambda z, *context: z + len(context))
    assert np.array_equal(f(ROW), ROW) and np.array_equal(f(ROW, [1]), ROW + 1)
    seeds = []

    def draw(logits, generator):
        seeds.append(generator.seed)
        return torch.tensor(2)

    sampler = adapters.torch_sampler(draw)
    rng = np.random.default_rng(0)
    tokens = [sampler(ROW, rng) for _ in range(50)]
    assert tokens == [2] * 50 and type(tokens[0]) is int
    assert len(set(seeds)) == 50 and 2**61 < max(seeds) < 2**62


def test_functions_of_lists():
    f = adapters.list_filter(lambda z, *context: [x + len(context) for x in z])
    assert f(ROW).dtype == np.float32
    assert np.array_equal(f(ROW), ROW) and np.array_equal(f(ROW, [1]), ROW + 1)
    rng = np.random.default_rng(0)
    sampler = adapters.list_sampler(lambda z, random: (type(z), random()))
    assert sampler(ROW, rng) == (list, np.random.default_rng(0).random())


class LlamaCpp:
    """Of llama_cpp what a chain needs; a sampler is a function of the array."""

    def __init__(self):
        self.freed, self.seeds = 0, []
        self.llama_token_data = Data

    def llama_sampler_chain_default_params(self):
        return "defaults"

    def llama_sampler_chain_init(self, params):
        assert params == "defaults"
        return []

    def llama_sampler_chain_add(self, chain, part):
        chain.append(part)

    def llama_sampler_init_dist(self, seed):
        self.seeds.append(seed)
        return lambda array: None

    def llama_token_data_array(self, data, n, selected, is_sorted):
        assert (n, selected, is_sorted) == (len(data), -1, False)
        return SimpleNamespace(data=data, selected=selected)

    def llama_sampler_apply(self, chain, array):
        for part in chain:
            part(array)

    def llama_sampler_free(self, chain):
        self.freed += 1


class Many(type):
    def __mul__(cls, n):
        def make(*items):
            assert len(items) == n
            return [SimpleNamespace(id=i, logit=z, p=p) for i, z, p in items]

        return make


class Data(metaclass=Many):
    pass


@pytest.mark.parametrize("seed", [True, False])
def test_a_chain_of_llama_cpp(monkeypatch, seed):
    library = LlamaCpp()
    monkeypatch.setitem(sys.modules, "llama_cpp", library)
    seen = []

    def best(array):
        seen.append([(d.id, d.logit, d.p) for d in array.data])
        array.selected = int(np.argmax([d.logit for d in array.data]))

    f = adapters.from_llama_cpp(lambda: best, seed=seed)
    rng = np.random.default_rng(0)
    row = np.array([-np.inf, 0.5, 2.0, -np.inf], np.float32)
    assert [f(row, rng) for _ in range(20)] == [2] * 20
    assert seen[0] == [(1, 0.5, 0.0), (2, 2.0, 0.0)] and library.freed == 20
    assert len(set(library.seeds)) == (20 if seed else 0)
    assert not seed or 2**30 < max(library.seeds) < 2**31


def test_a_chain_ends_with_a_draw_by_default(monkeypatch):
    library = LlamaCpp()
    monkeypatch.setitem(sys.modules, "llama_cpp", library)
    order = []

    def part(array):
        order.append("part")
        array.selected = 0

    library.llama_sampler_init_dist = lambda seed: lambda array: order.append("draw")
    f = adapters.from_llama_cpp(lambda: part, lambda: part)
    assert f(ROW, np.random.default_rng(0)) == 0
    assert order == ["part", "part", "draw"]
