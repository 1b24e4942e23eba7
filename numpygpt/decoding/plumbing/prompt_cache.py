"""A beginning that is read once: a few-shot prompt, a long document.

Reading a prompt takes a pass over all its tokens, and most of many prompts may be the
same. `read` runs the model on a beginning and keeps what attention remembers of it;
every prompt that begins so, passed with ``prompt_cache=``, starts from there. What was
read is never changed: each text gets a fork of the cache.

    shots = model.read(tokenizer.encode("sea -> ocean\\nhot -> "))
    model.generate(ids, prompt_cache=shots)         # ids begin with shots.ids
    shots.save("shots.npz"); shots = PromptCache.load("shots.npz", model)

The results are those without it, up to the rounding of a prompt read in two parts. A
file goes with the model that made it: it holds a hash of the weights, which costs about
a second for each GB.

Next: ../generate.py.
"""

import hashlib
import zipfile
from dataclasses import dataclass

import numpy as np

from ...checks import integers
from ...files.hub import FormatError, writing
from ...weights import flatten


@dataclass(frozen=True, eq=False)
class PromptCache:
    """``ids``; the final hidden rows of all but the last, ``[n_tok - 1, n_embd]``; and
    the cache that holds these. The last is read again with what follows, so that there
    is always a row to go on from."""

    ids: tuple
    hidden: np.ndarray
    cache: object
    params: dict  # of the model that read them

    def fork(self, prompt, model):
        """``(cache, rest of the prompt)`` to go on with."""
        if getattr(model, "params", None) is not self.params:
            raise ValueError(
                "prompt_cache was read by another model (or by one without the "
                "guidance_scale or dola_layers that are asked for)"
            )
        n = len(self.ids)
        if tuple(prompt[:n]) != self.ids:
            same = [a == b for a, b in zip(prompt, self.ids)] + [False]
            raise ValueError(
                f"prompt_cache: the prompt must begin with the {n} ids that were read; "
                f"it does not from place {same.index(False)} on"
            )
        return self.cache.fork(), prompt[n - 1 :]

    def save(self, path):
        """Write a file that `load` reads."""
        n_layer = len(self.params["h"])
        layers = [_joined(self.cache.rows(i)) for i in range(n_layer)]
        with writing(path) as file:
            np.savez(
                file, ids=np.array(self.ids), hidden=self.hidden,
                keys=np.stack([keys for keys, _ in layers]),
                values=np.stack([values for _, values in layers]),
                weights=np.array(fingerprint(self.params)),
            )  # fmt: skip

    @classmethod
    def load(cls, path, model):
        """What `save` wrote, for the same model; else a FormatError."""
        arrays = _arrays(path)
        if str(arrays["weights"]) != fingerprint(model.params):
            raise FormatError(f"{path} was read by another model than this one")
        ids, keys, values = (arrays[name] for name in ("ids", "keys", "values"))
        c, n = model.config, len(ids) - 1
        shape = (c.n_layer, c.n_head, n, c.d_head)
        hidden = arrays["hidden"]
        if not (keys.shape == values.shape == shape and hidden.shape == (n, c.n_embd)):
            raise FormatError(f"{path} does not hold {n} tokens of this model")
        cache = model.new_cache()
        for layer in range(c.n_layer):
            cache.update(layer, keys[layer], values[layer])
        cache.advance(n)
        return cls(tuple(ids.tolist()), hidden, cache, model.params)


def read(model, ids):
    """Run a model on the ids that several prompts begin with."""
    ids = tuple(integers(ids))
    if len(ids) < 2:
        raise ValueError(f"ids must be at least two tokens to read, not {list(ids)}")
    cache = model.new_cache()
    hidden = model.hidden([list(ids[:-1])], [cache])
    return PromptCache(ids, hidden, cache, model.params)


def fingerprint(params):
    """A hash of all weights, by their names."""
    sha = hashlib.sha256()
    for name, array in sorted(flatten(params).items()):
        array = np.asarray(array)
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _joined(parts):
    """The parts of a layer's keys and values, one after the other."""
    keys, values = zip(*parts)
    return np.concatenate(keys, axis=1), np.concatenate(values, axis=1)


def _arrays(path):
    names = ("ids", "hidden", "keys", "values", "weights")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise FormatError(
            f"{path} is no prompt cache, or cut off ({error}): read the prompt again "
            "and save it"
        ) from None
