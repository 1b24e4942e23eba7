"""Values as text: as Python that makes them again, and with their shape and dtype."""

import numpy as np

LARGE = 150  # numbers: more are not printed


def show(value):
    """An argument, as an expression that can be pasted."""
    if isinstance(value, np.ndarray):
        if value.size > LARGE:
            return f"...  # {kind_of(value)}"
        dtype = f", np.{value.dtype}" if value.dtype != np.float64 else ""
        return f"np.array({numbers(value)}{dtype})"
    if isinstance(value, dict) and "wte" in value:
        n_vocab, n_embd = value["wte"]["weight"].shape
        n_ctx, n_layer = len(value["wpe"]["weight"]), len(value["h"])
        return f"tiny_params({n_vocab}, {n_ctx}, {n_embd}, {n_layer})"
    if isinstance(value, dict) and "ln_1" in value:
        return f"tiny_block({value['ln_1']['weight'].size})"
    if isinstance(value, dict):
        items = (f"{show(k)}: {show(v)}" for k, v in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple)):
        text = ", ".join(map(show, value))
        one = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"[{text}]" if isinstance(value, list) else f"({text}{one})"
    if callable(value):
        return getattr(value, "shown", getattr(value, "__name__", "..."))
    return repr(value.item() if isinstance(value, np.generic) else value)


def numbers(value):
    """The numbers of an array, in brackets."""
    how = {"separator": ", ", "threshold": LARGE, "max_line_width": 70}
    text = np.array2string(value, floatmode="unique", **how)
    return text.replace("inf", "np.inf").replace("nan", "np.nan")


def result(value):
    """A result, with what it is: ``float32 [2, 3]`` and the numbers."""
    if isinstance(value, np.ndarray) and value.ndim:
        with np.printoptions(precision=5, threshold=LARGE, linewidth=76, suppress=True):
            body = str(value)
        return f"{value.dtype} {list(value.shape)}\n{body}"
    if isinstance(value, list) and any(isinstance(v, np.ndarray) for v in value):
        return "a list of\n" + "\n".join(map(result, value))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    return show(value)


def kind_of(value):
    """What sort of thing a value is, in words."""
    if isinstance(value, np.ndarray):
        return f"an array {list(value.shape)} of {value.dtype}"
    if isinstance(value, np.generic):
        return f"a {value.dtype}"
    known = {int: "an int", float: "a float", list: "a list", str: "a str"}
    return known.get(type(value), f"a {type(value).__name__}")
