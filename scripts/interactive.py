# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "marimo",
#     "numpygpt",
# ]
#
# [tool.uv.sources]
# numpygpt = { path = ".." }
# ///
"""A notebook to play with: a prompt, every control, and what happens inside.

    marimo edit --sandbox scripts/interactive.py    # installs what it needs, with uv
    marimo run scripts/interactive.py               # where marimo and numpygpt are

The views are those of ``python -m numpygpt.look``: see numpygpt/look/README.md.
"""

import sys

if __name__ == "__main__" and {"-h", "--help"} & {*sys.argv}:
    print("usage: marimo run scripts/interactive.py\n\n" + __doc__)
    raise SystemExit(0)

import marimo  # noqa: E402

app = marimo.App(width="medium", app_title="numpygpt")


@app.cell
def _():
    import marimo as mo
    import numpy as np

    from numpygpt import GPT2, GenerationConfig, Tokenizer
    from numpygpt.look import inside, page, show, views
    from numpygpt.look.merges import pieces
    from numpygpt.look.page import SLIDERS
    from numpygpt.look.steps import steps

    return (
        GPT2, GenerationConfig, SLIDERS, Tokenizer, inside, mo, np, page, pieces, show,
        steps, views,
    )  # fmt: skip


@app.cell
def _(GPT2, Tokenizer):
    model = GPT2.from_pretrained("fairytale")
    tokenizer = Tokenizer.from_pretrained("fairytale")
    return model, tokenizer


@app.cell
def _(mo):
    mo.md("# See it think\nWrite a beginning. Everything below follows it.")
    return


@app.cell
def _(mo):
    prompt = mo.ui.text_area(
        "The king said to Mr. Tuppenwink that Mr.", label="prompt", full_width=True
    )
    n_new = mo.ui.slider(1, 60, value=20, label="new tokens", show_value=True)
    seed = mo.ui.number(0, 2**32 - 1, value=0, label="seed")
    order = mo.ui.dropdown(["hf", "llama.cpp"], value="hf", label="chain")
    mo.vstack([prompt, mo.hstack([n_new, seed, order], justify="start")])
    return n_new, order, prompt, seed


@app.cell
def _(GenerationConfig, SLIDERS, mo):
    # A slider for each setting that the page has; where it starts, it changes nothing.
    def control(name):
        low, high, step, start = SLIDERS[name]
        default = getattr(GenerationConfig(), name)
        low, high = min(low, default or 0), max(high, default or 0)
        if default is None:
            return mo.ui.text(label=f"{name} (empty: off)")
        return mo.ui.slider(
            low, high, step=step, value=default, label=name, show_value=True
        )

    controls = mo.ui.dictionary({name: control(name) for name in SLIDERS})
    mo.accordion({"rules and filters": mo.vstack(list(controls.values()))})
    return (controls,)


@app.cell
def _(
    GenerationConfig, controls, mo, model, n_new, order, prompt, seed, steps, tokenizer
):
    ids = tokenizer.encode(prompt.value, disallowed_special=())
    ids = ids or [tokenizer.eos_token_id]
    try:
        settings = {
            name: float(value) if isinstance(value, str) else value
            for name, value in controls.value.items() if value != ""
        }  # fmt: skip
        config = GenerationConfig(
            do_sample=True, max_new_tokens=n_new.value, chain=order.value, **settings
        )
        found, trouble = steps(model, ids, config, seed.value), None
    except ValueError as error:
        found, trouble = [], mo.callout(str(error), kind="danger")
    text = ids + [step.token for step in found]
    trouble or mo.callout(tokenizer.decode(text), kind="neutral")
    return config, found, ids, text


@app.cell
def _(found, mo, show, steps_shown, tokenizer, views):
    def as_text(lines):
        return mo.plain_text("\n".join(lines))

    view = views.steps(found[steps_shown.value - 1 :][:1], tokenizer, 8)
    for one in view:
        one["step"] = steps_shown.value
    mo.vstack([mo.md("## How a token came about"), steps_shown,
               as_text(show.steps(view, 88))])  # fmt: skip
    return (as_text,)


@app.cell
def _(found, mo):
    steps_shown = mo.ui.slider(
        1, max(len(found), 2), value=1, label="step", show_value=True
    )
    return (steps_shown,)


@app.cell
def _(inside, model, text):
    run = inside(model, text[: model.config.n_ctx])
    return (run,)


@app.cell
def _(mo, model):
    layer = mo.ui.slider(0, model.config.n_layer - 1, label="layer", show_value=True)
    head = mo.ui.slider(0, model.config.n_head - 1, label="head", show_value=True)
    return head, layer


@app.cell
def _(as_text, head, layer, mo, run, show, tokenizer, views):
    one_head = views.attention(run, tokenizer, layer.value, head.value)
    all_heads = as_text(show.strongest(views.strongest(run, tokenizer), 88))
    mo.vstack([
        mo.md("## Attention"),
        mo.hstack([layer, head], justify="start"),
        as_text(show.attention(one_head, 100)),
        mo.accordion({"all heads": all_heads}),
    ])  # fmt: skip
    return


@app.cell
def _(mo, run):
    at = mo.ui.slider(
        0, max(len(run.ids) - 1, 1), value=len(run.ids) - 1, label="behind token",
        show_value=True,
    )  # fmt: skip
    return (at,)


@app.cell
def _(as_text, at, mo, run, show, tokenizer, views):
    place = min(at.value, len(run.ids) - 1)
    mo.vstack([mo.md("## The logit lens"), at,
               as_text(show.lens(views.lens(run, tokenizer, place), 88))])  # fmt: skip
    return


@app.cell
def _(as_text, ids, mo, model, show, tokenizer, views):
    beams = model.generate(
        ids, num_beams=4, max_new_tokens=8, return_dict_in_generate=True
    )
    tree = show.beams(views.beams(beams.notes[0], tokenizer), 88)
    mo.vstack([mo.md("## A beam search from the same prompt"), as_text(tree)])
    return (beams,)


@app.cell
def _(as_text, mo, pieces, prompt, show, tokenizer):
    mo.vstack([mo.md("## The tokenizer"),
               as_text(show.tokens(pieces(tokenizer, prompt.value), 88))])  # fmt: skip
    return


@app.cell
def _(beams, config, ids, mo, page, run, tokenizer):
    mo.download(
        page(run, tokenizer, len(ids), config, beams.notes[0]).encode(),
        filename="page.html", label="all of it as a page",
    )  # fmt: skip
    return


if __name__ == "__main__":
    app.run()
