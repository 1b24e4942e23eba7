"""Decoders and searches that break a plain promise: each is named, with its example."""

from dataclasses import replace

import numpy as np
import pytest

from numpygpt import GenerationConfig
from numpygpt.testing import TableLM, check_beams, check_decoder, check_filter
from numpygpt.testing.beams import texts_of


def search(model, prompt, n_new, num_beams):
    return model.generate(
        prompt, max_new_tokens=n_new, num_beams=num_beams,
        num_return_sequences=num_beams, return_dict_in_generate=True,
    )  # fmt: skip


def rows(*args):
    """Lists of ids, without what fills a row up."""
    out = search(*args)
    return [r[:n].tolist() for r, n in zip(out.sequences, out.lengths)]


def append(model, prompt, n_new, num_beams):
    found = rows(model, prompt, n_new, num_beams)
    prompt.append(1)
    return found


BEAMS = {
    "input untouched": ("the prompt is now", append),
    "prompt first": (
        "it returns",
        lambda *args: [[(r[0] + 1) % 3, *r[1:]] for r in rows(*args)],
    ),
    "best texts": ("it returns none", lambda m, p, n, w: []),
    "ends": ("it returns the text", lambda m, p, n, w: rows(m, p, n + 1, w)),
    "distinct": (
        "2 times",
        lambda m, p, n, w: [*rows(m, p, n, w), rows(m, p, n, w)[-1]],
    ),
    "sorted": ("the texts and their scores are", lambda *a: rows(*a)[::-1]),
}


def message(check, f, **how):
    with pytest.raises(AssertionError) as error:
        check(f, **how)
    return str(error.value)


@pytest.mark.parametrize("name", BEAMS)
def test_a_search_that_breaks_a_promise(name):
    says, f = BEAMS[name]
    text = message(check_beams, f, n_new=2)
    assert text.startswith(f"'{name}': ") and says in text
    assert "num_beams = " in text


def test_a_text_of_probability_0():
    table = np.array([[0.0, -np.inf], [0.0, 0.0]])
    model = TableLM(table, eos_token_id=None)
    text = message(
        check_beams,
        lambda m, p, n, w: [[*p, 1]],
        models=[model],
        prompts=[[0]],
        n_new=1,
    )
    assert (
        text.startswith("'possible': ") and "it returns [1], of probability 0" in text
    )


@pytest.mark.parametrize("how", ["pairs", "two", "object", "one score"])
def test_wrong_scores(how):
    """However a search tells them."""

    def f(*args):
        out = search(*args)
        texts, scores = rows(*args), [float(s) + 0.5 for s in out.sequences_scores]
        if how == "pairs":
            return list(zip(texts, scores))
        if how == "two":
            return texts, np.array(scores)
        if how == "one score":
            return texts[:1], np.float64(scores[0])
        return replace(out, sequences_scores=np.array(scores))

    text = message(check_beams, f, n_new=2)
    assert text.startswith("'score': ") and "and not" in text


def test_what_a_search_may_return():
    """One text, several, with scores and without."""
    ids, scores = [[1, 2], [1, 0]], [-0.5, -1.5]
    assert texts_of(ids, "") == (ids, None)
    assert texts_of(np.array(ids), "") == (ids, None)
    assert texts_of([1, 2], "") == ([[1, 2]], None)
    assert texts_of((ids, np.array(scores)), "") == (ids, scores)
    assert texts_of((ids[:1], np.float64(-0.5)), "") == (ids[:1], [-0.5])
    assert texts_of(list(zip(ids, scores)), "") == (ids, scores)
    assert texts_of(tuple(ids), "") == (ids, None)  # two texts, not texts and scores
    assert texts_of([], "") == ([], None)


def decoder(model, prompt, n_new, seed):
    out = model.generate(
        prompt, max_new_tokens=n_new, do_sample=True, seed=seed,
        return_dict_in_generate=True,
    )  # fmt: skip
    return out.sequences[0, : out.lengths[0]].tolist()


def lengthened(model, prompt, n_new, seed):
    ids = decoder(model, prompt, n_new, seed)
    prompt.append(1)
    return ids


def changed(model, prompt, n_new, seed):
    ids = decoder(model, prompt, n_new, seed)
    if hasattr(model, "table"):
        model.table = model.table + 1
    return ids


count = iter(range(10**9))
DECODERS = {
    "input untouched": [("the prompt is now", lengthened),
                        ("the table is another now", changed)],
    "prompt first": [("it wrote", lambda m, p, n, s: decoder(m, p, n, s)[len(p) :])],
    "no crash": [("no ids", lambda m, p, n, s: ["x"]), ("no ids", lambda *a: [0.5])],
    "same seed": [("then", lambda m, p, n, s: decoder(m, p, n, next(count)))],
    "ends": [("which is too short", lambda m, p, n, s: decoder(m, p, n, s)[:-1])],
    "possible": [("only", lambda m, p, n, s: [*decoder(m, p, n, s)[:-1], 7])],
}  # fmt: skip
WRONG = [(name, *pair) for name, pairs in DECODERS.items() for pair in pairs]


@pytest.mark.parametrize(("name", "says", "f"), WRONG)
def test_a_decoder_that_breaks_a_promise(name, says, f):
    others = {"input untouched", "prompt first", "no crash", "same seed", "ends"}
    skip = [*(others - {name})] if name == "possible" else []
    text = message(check_decoder, f, n_draws=20, skip=skip)
    assert text.startswith(f"'{name}': ") and says in text
    assert "prompt, n_new, seed = " in text


def test_one_end_token_of_two():
    """Whoever knows the first alone writes on behind the second."""

    def first(model, prompt, n_new, seed):
        ends = model.generation_config.eos_token_ids[:1]
        return model.generate(
            prompt, max_new_tokens=n_new, do_sample=True, seed=seed,
            eos_token_id=list(ends) or None,
        )[0].tolist()  # fmt: skip

    text = message(check_decoder, first, n_draws=20)
    assert text.startswith("'several eos': ") and "and should end after" in text


def test_a_decoder_that_stops_before_the_context_is_full():
    def short(model, prompt, n_new, seed):
        room = model.config.n_ctx - len(prompt)
        return decoder(model, prompt, min(n_new, max(1, room - 1)), seed)

    text = message(check_decoder, short, n_draws=20)
    assert text.startswith("'full context': ") and "the context has room for" in text


def test_a_decoder_that_refuses_a_full_context_is_not_blamed():
    def careful(model, prompt, n_new, seed):
        if len(prompt) + n_new > model.config.n_ctx:
            raise ValueError("too long")
        return decoder(model, prompt, n_new, seed)

    assert "it refuses a full one" in str(check_decoder(careful, n_draws=20))


def test_a_decoder_that_knows_one_end_token_is_not_blamed():
    def one(model, prompt, n_new, seed):
        ends = model.generation_config.eos_token_ids
        if len(ends) > 1:
            raise TypeError("one end token, please")
        return decoder(model, prompt, n_new, seed)

    assert "it takes no list of end tokens" in str(check_decoder(one, n_draws=20))


def writes(z):
    z[0] += 1
    return z - 1


def keep_two(z):
    """Right: the two best, ties included."""
    return np.where(z >= np.sort(z)[-2:][0], z, -np.inf)


calls = iter(range(10**9))
FILTERS = {
    "input untouched": ("the row is now", writes, {}),
    "shape": ("it makes", lambda z: z[:1] if len(z) > 1 else z, {}),
    "no crash": ("ZeroDivisionError", lambda z: 1 // 0, {}),
    "precision": ("it makes float16", lambda z: z.astype(np.float16), {}),
    "finite": ("it returns", lambda z: np.where(z == z.max(), np.inf, z), {}),
    "something left": ("nothing is left", lambda z: np.full_like(z, -np.inf), {}),
    "never revived": ("has the logit 0 now", lambda z: np.maximum(z, 0), {}),
    "same again": ("and then", lambda z: z + next(calls), {}),
    "kept logits": ("it returns", lambda z: keep_two(2 * z), {"kind": "truncation"}),
    "best kept": ("removed", lambda z: np.where(z > z.min(), -np.inf, z),
                  {"kind": "upper set"}),
    "permutation": ("in the order", lambda z: z + np.arange(len(z)),
                    {"kind": "truncation"}),
    "shift": ("added", lambda z: np.where(z > 0, z, z - 1), {"kind": "truncation"}),
    "rows apart": ("of three", lambda z: z - z.max(axis=0) * (z.ndim > 1),
                   {"batch": True}),
    "dtype": ("it makes float64", lambda z: z.astype(np.float64), {"also": ["dtype"]}),
    "broken rows": ("", lambda z: z, {"also": ["broken rows"]}),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_that_breaks_a_promise(name):
    says, f, how = FILTERS[name]
    others = {"never revived", "kept logits", "best kept", "permutation", "shift"}
    skip = [*(others - {name})] if name in others else []
    text = message(check_filter, f, **how, skip=skip)
    assert text.startswith(f"'{name}': ") and says in text


def test_a_filter_that_keeps_its_promises():
    check_filter(keep_two, kind="upper set", batch=False)
    check_filter(lambda z: z.tolist())


def test_a_config_of_ones_own_for_a_search():
    config = GenerationConfig(length_penalty=0.0)
    text = message(check_beams, lambda *args: search(*args).sequences, config=config)
    assert text.startswith(("'sorted': ", "'best texts': ", "'score': "))
