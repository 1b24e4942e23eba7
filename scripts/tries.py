"""The answers to the "Try:" lines of the source, measured.

    python scripts/tries.py                    # all; a few minutes
    python scripts/tries.py model.py cache.py
    python scripts/tries.py --write            # into numpygpt/exercises/README.md

Every module's docstring ends with something to try. Here is one function for each,
named after its file: it tries, and says in one paragraph what came of it. The
paragraphs stand in numpygpt/exercises/README.md; where a number comes from the default
model, the script finds it anew when the weights have changed.

Answers to what cannot be tried here (a download, an hour of training) are words.
"""

import argparse
import copy
import io
import json
import math
import os
import pickle
import re
import struct
import sys
import tempfile
import time
from contextlib import redirect_stdout
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np

from numpygpt import (
    GPT2,
    GenerationConfig,
    GPT2Config,
    Tokenizer,
    decoding,
    layers,
    look,
    plain,
    scoring,
    weights,
)
from numpygpt.files.hub import DEFAULT_MODEL, find
from numpygpt.files.terminal import harmless, without_traceback

README = ROOT / "numpygpt" / "exercises" / "README.md"
BEGIN, END = "<!-- from scripts/tries.py -->", "<!-- end of scripts/tries.py -->"
SENTENCE = "Once upon a time there was a poor woodcutter who lived with his wife."
PROMPT = "Once upon a time"


@cache
def model():
    return GPT2.from_pretrained(DEFAULT_MODEL)


@cache
def tokenizer():
    return Tokenizer.from_pretrained(DEFAULT_MODEL)


def encode(text):
    return tokenizer().encode(text)


def say(prompt, n=20, **how):
    """The beginning of what the model says, in quotes."""
    ids = encode(prompt)
    new = model().generate(ids, max_new_tokens=n, **how)[0, len(ids) :]
    return quoted(tokenizer().decode(new.tolist(), skip_special_tokens=True))


def quoted(text):
    return '"' + " ".join(text.split()) + '"'


def perplexity_of(params=None, text=SENTENCE, **changed):
    """Of a sentence behind an end token, for other parameters of the default model."""
    ids = [tokenizer().eos_token_id, *encode(text)]
    other = GPT2(model().config, params or model().params)
    return scoring.perplexity(other, ids)


# From here on: one function for each file, in the order of the reading path.


def plain_py():
    params, n_head = copy.deepcopy(model().params), model().config.n_head
    ids = encode(PROMPT)

    def go_on(params, n_head):
        text = plain.generate(ids, params, n_head, 20)[len(ids) :]
        return quoted(tokenizer().decode(text))

    whole = go_on(params, n_head)
    one = go_on(params, 1)
    params["wpe"]["weight"] = np.zeros_like(params["wpe"]["weight"])
    return (
        f"Greedy, after {quoted(PROMPT)}, as it is: {whole}. Without positions: "
        f"{go_on(params, n_head)}. With one head of all "
        f"{model().config.n_embd} numbers, "
        f"where training had {n_head}: {one}."
    )


def tokenizer_py():
    gpt2 = Tokenizer.gpt2()
    three = ", ".join(f"{t!r} {gpt2.encode(t)}" for t in (" hello", "hello", "HELLO"))
    counts = ", ".join(
        f"{n:,}: {len(Tokenizer.gpt2(n_merges=n).encode(SENTENCE))}"
        for n in (0, 10, 1000, 50_000)
    )
    return (
        f"{three}: none has an id in common with another. The sentence "
        f"{quoted(SENTENCE)} "
        f"in tokens, by the number of merges: {counts}."
    )


def learn_merges_py():
    from numpygpt.learn_merges import learn_merges

    merges = learn_merges({"a" * 8: 1}, 3)
    lengths = [len(a + b) for a, b in merges]
    return (
        f"{lengths}: {merges}. Each round joins all pairs at once, so the "
        f"length doubles; "
        "after three rounds nothing is left to join."
    )


def config_py():
    shares = []
    for name in "gpt2", "gpt2-xl":
        config = GPT2Config.named(name)
        table = config.n_vocab * config.n_embd
        shares.append(f"{name}: {table / config.n_params:.0%} ({table:,})")
    return (
        f"{'; '.join(shares)}. The table grows with the width, the blocks with its "
        "square and with their number."
    )


def layers_py():
    from numpygpt import activations

    name = model().config.activation_function
    before, words = perplexity_of(), say(PROMPT)
    kept = activations.ACTIVATION[name]
    activations.ACTIVATION[name] = lambda x: np.maximum(x, 0)
    try:
        after, relu = perplexity_of(), say(PROMPT)
    finally:
        activations.ACTIVATION[name] = kept
    return (
        f"The perplexity of one sentence goes from {before:.1f} to {after:.1f}; greedy "
        f"decoding after {quoted(PROMPT)} says {relu} where it said {words}. The two "
        "functions differ by 0.17 at most."
    )


def cache_py():
    config = GPT2Config.named("gpt2")
    a_token = 2 * config.n_layer * config.n_embd * 4
    n = config.n_params * 4 / a_token
    return (
        f"2 (a key, a value) * 12 blocks * 768 numbers * 4 bytes = {a_token:,} bytes a "
        f"token, and {config.n_params * 4:,} bytes of weights: {n:,.0f} "
        f"tokens. GPT-2's "
        "context holds 1,024. Models with a context of 100,000 tokens must save here, "
        "by sharing keys and values between heads (grouped queries)."
    )


def model_py():
    """Skip a block: as if it added nothing."""
    lines = []
    for layer in range(model().config.n_layer):
        lines.append(
            f"{layer}: {skipped(layer, 'attn', 'mlp'):,.1f}, its attention alone "
            f"{skipped(layer, 'attn'):,.1f}, its MLP alone {skipped(layer, 'mlp'):,.1f}"
        )
    return (
        f"Perplexity of one sentence, {perplexity_of():.1f} with all blocks; without "
        f"block {'; '.join(lines)}. The first block hurts most, and its MLP more than "
        "its attention: it turns the embedding into what all the others read."
    )


def skipped(layer, *parts):
    """The perplexity where parts of a block add nothing: their last matrix is 0."""
    params = copy.deepcopy(model().params)
    for part in parts:
        for array in params["h"][layer][part]["c_proj"].values():
            array[...] = 0
    return perplexity_of(params)


def weights_py():
    flat = weights.flatten(model().params)
    block = sum(a.size for name, a in flat.items() if name.startswith("h.0."))
    total = sum(a.size for a in flat.values())
    return (
        f"Block 0 has {block:,} of {total:,} numbers, {block / total:.0%}; in "
        f"the file, "
        f"two bytes each, {2 * block / 1e6:.1f} MB. The other blocks are as large."
    )


def decoding_config_py():
    try:
        GenerationConfig.known(topp=0.9)
    except ValueError as error:
        told = str(error)
    return (
        f"`{told}`. A setting that is passed over in silence would be worse: the text "
        "would come, but not as you wanted it."
    )


def filters_py():
    row = np.log(np.array([0.95, 0.03, 0.02]))
    left = int((decoding.top_p(row, 0.9) > -np.inf).sum())
    return (
        f"{left} stays. If the token that crosses the border went, a row with "
        f"one token "
        "of 95% would have none left, and no set would have the mass that was "
        "asked for. "
        "The exercise `top_p` has it."
    )


def sampling_py():
    rng = np.random.default_rng(0)
    p = np.array([0.5, 0.3, 0.2])
    draws = [decoding.sampling.sample_token(p, rng) for _ in range(1000)]
    counts = np.bincount(draws).tolist()
    return (
        f"{counts} with seed 0. The standard deviation of such a count is "
        "sqrt(1000 p (1 - p)), about 16, 14 and 13."
    )


def generate_py():
    m, ids = model(), encode(PROMPT)
    begin, own = time.perf_counter(), list(ids)
    for _ in range(100):
        own.append(int(np.argmax(m(own)[-1])))
    slow = time.perf_counter() - begin
    begin = time.perf_counter()
    fast = m.generate(ids, max_new_tokens=100, do_sample=False)[0].tolist()
    quick = time.perf_counter() - begin
    n = next((i for i, (a, b) in enumerate(zip(own, fast)) if a != b), len(fast))
    same = "the same ids" if own[: len(fast)] == fast else f"the same {n} ids first"
    return (
        f"`for _ in range(100): ids.append(int(np.argmax(model(ids)[-1])))` "
        f"gives {same} "
        f"as `generate`, in {slow / quick:.0f} times the time here (100 "
        f"tokens, a small "
        "model; the longer the text, the more)."
    )


def mirostat_py():
    parts = []
    for tau in 1.0, 3.0, 8.0:
        out = model().generate(
            encode(PROMPT), max_new_tokens=200, do_sample=True, seed=0, mirostat=2,
            mirostat_tau=tau, return_dict_in_generate=True, output_logits=True,
            eos_token_id=None,
        )  # fmt: skip
        bits = -np.mean(out.model_logprobs[0]) / math.log(2)
        text = say(PROMPT, 12, do_sample=True, seed=0, mirostat=2, mirostat_tau=tau)
        parts.append(f"tau {tau:g}: {bits:.1f} bits a token on average, {text}")
    return (
        f"{'; '.join(parts)} (200 tokens, seed 0). A target above what the model's own "
        "distribution has cannot be reached: a filter only removes."
    )


def penalties_py():
    row = np.array([-1.0, -2.0, -3.0])
    before = layers.softmax(row).round(2).tolist()
    low = layers.softmax(decoding.repetition_penalty(row, 1.2, [0])).round(2).tolist()
    high = layers.softmax(decoding.repetition_penalty(row + 100, 1.2, [0]))
    return (
        f"`[-1, -2, -3]` and the same plus 100 are one distribution, {before}. "
        f"A penalty "
        f"of 1.2 on token 0 makes {low} of the first and "
        f"{high.round(2).tolist()} of the "
        "second: 99 / 1.2 is 82.5, far behind the others. Subtracting "
        "(`presence_penalty`) "
        "does not depend on where zero is."
    )


def table_py():
    row = model()(encode(PROMPT))[-1]
    kept = []
    for chain in "hf", "llama.cpp":
        config = GenerationConfig(
            do_sample=True, temperature=2.0, top_p=0.9, chain=chain
        )
        kept.append(int((decoding.distribution(row, (), config) > 0).sum()))
    return (
        f"After {quoted(PROMPT)} the first keeps {kept[0]:,} tokens, the second "
        f"{kept[1]:,}. In transformers the temperature comes first and flattens what "
        "top_p then looks at; in llama.cpp it comes last."
    )


def truncation_py():
    row = np.log(np.array([0.3, 0.3] + [0.4 / 400] * 400))
    filters = {
        "top_k 40": decoding.top_k(row, 40, ties="lowest"),
        "top_p 0.9": decoding.top_p(row, 0.9),
        "min_p 0.05": decoding.min_p(row, 0.05),
        "typical_p 0.9": decoding.typical_p(row, 0.9),
        "epsilon_cutoff 0.002": decoding.epsilon_cutoff(row, 0.002),
        "eta_cutoff 0.002": decoding.eta_cutoff(row, 0.002),
        "top_n_sigma 1": decoding.top_n_sigma(row, 1.0),
        "top_h 0.4": decoding.top_h(row, 0.4),
    }
    kept = ", ".join(f"{n}: {int((r > -np.inf).sum())}" for n, r in filters.items())
    return (
        f"Two tokens of 30% each and 400 that share 40%: {kept}. What counts tokens or "
        "mass takes the tail in; what looks at the distance from the best "
        "leaves it out."
    )


def adaptive_py():
    parts = []
    for target in 0.1, 0.5, 0.9:
        how = {"do_sample": True, "seed": 0, "adaptive_target": target, "min_p": 0.05}
        out = model().generate(
            encode(PROMPT), max_new_tokens=200, return_dict_in_generate=True,
            output_logits=True, eos_token_id=None, **how,
        )  # fmt: skip
        mean = np.exp(out.model_logprobs[0]).mean()
        parts.append(
            f"target {target}: {mean:.2f} on average, {say(PROMPT, 12, **how)}"
        )
    return (
        f"The model's own probability of the tokens drawn (200 tokens, seed 0): "
        f"{'; '.join(parts)}. A target above what the text offers cannot be kept: "
        "where no token has so much, none can be preferred."
    )


def watermark_py():
    parts = [watermarked(bias) for bias in (1.0, 2.0, 4.0)]
    return (
        f"Median of the texts with seeds 0 to 4: {'; '.join(parts)}. Tokens that the "
        "model is sure of carry no mark."
    )


def watermarked(bias):
    """From which length on the z-score of texts is above 4 for the first time."""
    from numpygpt.decoding.rules.watermark import green_list

    ids, n_vocab, lengths = encode(PROMPT), model().config.n_vocab, []
    how = {"max_new_tokens": 200, "do_sample": True, "eos_token_id": None}
    for seed in range(5):
        marked = {"bias": bias}
        row = model().generate(ids, seed=seed, watermarking_config=marked, **how)
        row = row[0].tolist()[len(ids) :]
        green = [b in set(green_list(a, n_vocab).tolist()) for a, b in pairwise(row)]
        n = np.arange(1, len(green) + 1)
        z = (np.cumsum(green) - n / 4) / np.sqrt(n * 3 / 16)
        above = np.flatnonzero((z > 4) & (n >= 10))
        lengths.append(int(n[above[0]]) + 1 if len(above) else math.inf)
    middle = sorted(lengths)[2]
    found = f"{middle} tokens" if middle < math.inf else "more than 200 tokens"
    return f"bias {bias:g}: {found}"


def choices_py():
    how = {"regex": r"(yes|no)\.", "tokenizer": tokenizer()}
    prompt = '"Did you see the fox?" asked the king. "'
    drawn = [say(prompt, 8, do_sample=True, seed=s, **how) for s in range(20)]
    beam = say(prompt, 8, num_beams=4, **how)
    n = sum(text == '"yes."' for text in drawn)
    words = "yes.", "no."
    scores = scoring.rank(model(), encode(prompt), [encode(w) for w in words])
    logp = ", ".join(f"{words[i]} {score:.1f}" for score, i in scores)
    sizes = [len(encode(w)) for w in words]
    return (
        f"After {quoted(prompt)}, 20 seeds: {n} times yes, {20 - n} times no, and "
        f"nothing else; with 4 beams {beam} each time. (Log p without the constraint, "
        f"the sum over {sizes[0]} and {sizes[1]} tokens: {logp}. Sampling goes token "
        "by token among what may still match; a beam compares whole texts, by the mean "
        "over their tokens.)"
    )


def schema_py():
    one = {"enum": ["yes", "no"]}
    two = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "old": {"type": "boolean"}},
        "required": ["name", "old"],
    }
    prompt = '"Who is the king?" asked the fox. '
    how = {"do_sample": True, "seed": 3, "tokenizer": tokenizer()}
    texts = [say(prompt, 60, json_schema=schema, **how) for schema in (one, two)]
    return (
        f"After {quoted(prompt)}, seed 3: `{texts[0][1:-1]}`, and "
        f"`{texts[1][1:-1]}` of an object with a name (a string) and old (a boolean). "
        "The form is certain; the content is as good as the model."
    )


def stopping_py():
    from numpygpt.decoding.constraints.stopping import until_stop

    return (
        f'`{list(until_stop("abcd", ["bcx", "d"]))}`. "b" and "bc" wait, '
        f'since "bcx" '
        'might come of them; the "d" ends the text and with it the hope.'
    )


def regular_py():
    from numpygpt.decoding.constraints.regular import beginnings, derive, parse

    left = derive(beginnings(parse("(ab|ac)*")), ord("a"))
    same = left is parse("b(ab|ac)*|c(ab|ac)*")
    return (
        'What is left to match behind an "a": `b(ab|ac)*|c(ab|ac)*`. (Equal '
        f"expressions are one object, so `is` can be asked: {same}.)"
    )


def beam_py():
    parts, ids = [], encode(PROMPT)
    for width in 1, 2, 5, 20:
        row = model().generate(
            ids, max_new_tokens=30, num_beams=width, eos_token_id=None
        )
        row = row[0].tolist()
        logp = -scoring.nlls(model(), row)[len(ids) - 1 :].sum()
        text = quoted(tokenizer().decode(row[len(ids) :]))
        parts.append(f"width {width}: log p {logp:.1f}, {text}")
    return (
        f"30 tokens after {quoted(PROMPT)}. {'; '.join(parts)}. Likelier, but what is "
        "likely is what is often said: dull, and it repeats itself."
    )


def speculative_py():
    m, ids = model(), encode(PROMPT)
    how = {"max_new_tokens": 100, "do_sample": True, "seed": 0, "eos_token_id": None}
    begin = time.perf_counter()
    m.generate(ids, **how)
    alone = time.perf_counter() - begin
    begin = time.perf_counter()
    out = m.generate(
        ids, assistant_model=m, num_assistant_tokens=5,
        assistant_confidence_threshold=0.0, return_dict_in_generate=True, **how,
    )  # fmt: skip
    both = time.perf_counter() - begin
    # What was guessed beyond the text's end is not asked for any more.
    guessed, accepted = map(sum, zip(*out.notes[0][:-1]))
    return (
        f"{accepted} of {guessed} guesses were accepted: p and q are the same "
        f"distribution, so p / q is 1. It took {both / alone:.1f} times the time of no "
        "draft at all, since the guesses cost as much as the answers."
    )


def contrastive_py():
    ids = encode(PROMPT)

    def repeats(row):
        grams = [tuple(row[i : i + 4]) for i in range(len(row) - 3)]
        return 1 - len(set(grams)) / len(grams)

    how = {"max_new_tokens": 150, "eos_token_id": None}
    greedy = model().generate(ids, **how)[0].tolist()
    other = model().generate(ids, penalty_alpha=0.6, top_k=4, **how)[0].tolist()
    return (
        f"Of the runs of 4 tokens in 150 greedy tokens after {quoted(PROMPT)}, "
        f"{repeats(greedy):.0%} had stood there before; with contrastive search "
        f"{repeats(other):.0%}."
    )


def guidance_py():
    prompt = "HARK! HARK! THE DOGS DO BARK!"
    texts = [
        f"scale {s:g}: {say(prompt, 16, do_sample=True, seed=1, guidance_scale=s)}"
        for s in (1.0, 1.5, 5.0)
    ]
    return (
        f"After {quoted(prompt)}, seed 1: {'; '.join(texts)}. The larger the scale, "
        "the more capitals, as in the prompt; at 5 it is no language any more."
    )


def scoring_py():
    words = SENTENCE.split()
    there, back = perplexity_of(), perplexity_of(text=" ".join(words[::-1]))
    return (
        f"{quoted(SENTENCE)}: {there:.1f}. The same words in reverse order: "
        f"{back:,.0f}."
    )


def hf_py():
    from numpygpt.hf import GPT2LMHeadModel

    other = GPT2LMHeadModel.from_pretrained(find(DEFAULT_MODEL))
    ids = encode("The fox and the crow")
    rows = np.array([[tokenizer().eos_token_id] * 3 + ids])
    mask = np.array([[0] * 3 + [1] * len(ids)])
    places = np.maximum(mask.cumsum(axis=1) - 1, 0)
    alone = np.asarray(other(np.array([ids])).logits)[0, -1]

    def off(**how):
        return np.abs(np.asarray(other(rows, **how).logits)[0, -1] - alone).max()

    both = off(attention_mask=mask, position_ids=places)
    return (
        f"Without the mask the padding is read as text, and a logit differs by up to "
        f"{off():.1f} from those without padding. The mask alone leaves "
        f"{off(attention_mask=mask):.1f}: as in transformers, positions count the "
        "padding. With `position_ids` from the "
        f"mask as well it is {both:.0g}. `generate` does both by itself."
    )


def inside_py():
    ids = encode('Peter Rabbit and Jimmy Skunk went to the wood. "Good morning," said')
    runs = look.inside(model(), ids), look.inside(model(), ids, look.ablate([(0, 1)]))
    p, q = (layers.softmax(run.logits[-1].astype(np.float64)) for run in runs)
    best = [quoted(tokenizer().decode([int(i)])) for i in np.argsort(-p)[:3]]
    far = np.abs(p - q).sum() / 2
    return (
        f"The distribution of the next token moves by {far:.1%} (total variation); the "
        f"three likeliest were {', '.join(best)}. One head of "
        f"{model().config.n_layer * model().config.n_head} is seldom missed much; the "
        "exercise `ablate_head` does it by hand."
    )


def steps_py():
    from numpygpt.look.steps import steps as look_steps

    config = GenerationConfig(do_sample=True, top_p=0.5, max_new_tokens=60)
    steps = look_steps(model(), encode(PROMPT), config, seed=0)
    ones = [s for s in steps if (s.drawn_from > 0).sum() == 1]
    ends = {tokenizer().decode([s.context[-1]]) + "|" + tokenizer().decode([s.token])
            for s in ones}  # fmt: skip
    shown = ", ".join(f"`{e}`" for e in sorted(ends, key=len, reverse=True)[:6])
    return (
        f"At {len(ones)} of {len(steps)} steps (seed 0), for example behind the bar in "
        f"{shown}. Behind them one token has more than half: the rest of a word, or "
        "the next word of a phrase that the stories are full of."
    )


def table_lm_py():
    from numpygpt.exercises.tasks.beam_search import answer, trap

    greedy, best = (answer(trap(), [0], width, 2)[0] for width in (1, 3))
    return (
        f"It takes a first step that looks good and leads nowhere: from token "
        f"0 to 1 with "
        f"0.5, where all that follows has about 0.33, or to 2 with 0.4, where 0.95 "
        f"follows. Greedy decoding finds {greedy[1]} (p = "
        f"{math.exp(greedy[0]):.3f}), the "
        f"likeliest text is {best[1]} ({math.exp(best[0]):.3f}): `trap()` of "
        f"the exercise "
        "`beam_search`."
    )


def int8_py():
    def rounded(w, steps, whole):
        top = np.abs(w).max() if whole else np.abs(w).max(axis=0, keepdims=True)
        scale = np.maximum(top, 1e-12) / steps
        return np.rint(w / scale) * scale

    def changed(steps, whole):
        params, errors = copy.deepcopy(model().params), []
        for block in params["h"]:
            for part in (block["attn"], block["mlp"]):
                for layer in part.values():
                    new = rounded(layer["weight"], steps, whole).astype(np.float32)
                    errors.append(np.std(new - layer["weight"]) / np.std(new))
                    layer["weight"] = new
        return np.mean(errors), perplexity_of(params)

    parts = []
    for what, steps, whole in [
        ("127, a scale for each column", 127, False),
        ("127, one for a matrix", 127, True),
        ("7, a scale for each column", 7, False), ("7, one for a matrix", 7, True),
    ]:  # fmt: skip
        error, found = changed(steps, whole)
        parts.append(f"{what}: error {error:.1%}, perplexity {found:.1f}")
    return (
        f"The blocks' matrices rounded, their mean error and the perplexity of one "
        f"sentence ({perplexity_of():.1f} before). {'; '.join(parts)}."
    )


def matmul_py():
    from numpygpt.fast.matmul import matmul

    rng = np.random.default_rng(0)
    w = rng.standard_normal((768, 3072)).astype(np.float32)
    parts = []
    for n in 1, 2, 4, 8, 32:
        x = rng.standard_normal((n, 768)).astype(np.float32)
        times = []
        for f in (lambda x, w: x @ w), matmul:
            for _ in range(3):
                f(x, w)
            best = math.inf
            for _ in range(30):
                begin = time.perf_counter()
                f(x, w)
                best = min(best, time.perf_counter() - begin)
            times.append(best * 1e3)
        parts.append(f"{n}: {times[0]:.2f} and {times[1]:.2f}")
    return (
        "Milliseconds for `x @ w` and `matmul(x, w)`, the best of 30, one thread, by "
        f"rows: {'; '.join(parts)}. For a few rows BLAS copies the matrix into "
        "another order first; `matmul` cuts it so small that it does not. See "
        "numpygpt/fast/README.md."
    )


def threads_py():
    return (
        "It shows what the threads are worth on your machine; numpygpt/fast/README.md "
        "has the figures of ours. The default model is too small to gain much: where "
        "this was written one thread and two took the same time."
    )


def download_py():
    return (
        "It goes on where it stopped: the part that is there is kept beside "
        "the place of "
        "the file, and only the rest is asked for. In the end the whole file's hash is "
        "compared. tests/files/test_hub.py does it with a server that hangs up "
        "half way."
    )


def safetensors_py():
    path = find(DEFAULT_MODEL) / "model.safetensors"
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    name = sorted(header)[0]
    return (
        '`file = open(path, "rb"); size, = struct.unpack("<Q", file.read(8)); '
        f"json.loads(file.read(size))`: {len(header)} tensors in {size:,} bytes of "
        f"header, the first by name `{name}: {json.dumps(header[name])}`."
    )


def convert_gguf_py():
    import convert_gguf

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        folder, sizes, back = Path(folder), {}, {}
        for kind in "F32", "Q8_0":
            path = folder / f"{kind}.gguf"
            convert_gguf.write(find(DEFAULT_MODEL), path, kind)
            sizes[kind] = path.stat().st_size
            convert_gguf.read(path, folder / kind)
            back[kind] = weights.flatten(weights.load(folder / kind)[1])
    far = max(
        float(np.abs(a - back["Q8_0"][n]).max() / np.abs(a).max())
        for n, a in back["F32"].items()
    )
    return (
        f"{sizes['F32'] / 1e6:.1f} and {sizes['Q8_0'] / 1e6:.1f} MB; a weight "
        f"is off by at "
        f"most {far:.1%} of the largest of its matrix, since 32 neighbours "
        f"share a scale "
        "and 254 steps."
    )


def convert_llmc_py():
    config = GPT2Config.named("gpt2")
    more = (50304 - config.n_vocab) * config.n_embd * 4
    return (
        f"llm.c pads 50,257 tokens to 50,304, the next multiple of 128: 47 rows of 768 "
        f"numbers, {more:,} bytes of {config.n_params * 4:,}, "
        f"{more / config.n_params / 4:.2%}. "
        "A matrix whose side divides by 128 is what GPUs multiply fastest."
    )


def convert_pytorch_py():
    import convert_pytorch

    class Evil:
        def __reduce__(self):

            return os.system, ("echo this could be anything",)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.pkl"
        path.write_bytes(pickle.dumps({"weight": Evil()}, protocol=2))
        try:
            with open(path, "rb") as file:
                convert_pytorch.run_pickle(file, "data.pkl", {})
        except ValueError as error:
            told = str(error)
    return f"`pickle.load` would run the command. The script says: `{told}`."


def convert_tensorflow_py():
    import convert_tensorflow

    path = ROOT / "tests/reference/formats/tensorflow/model.ckpt.index"
    keys = list(convert_tensorflow.read_table(path))
    shared = sum(
        next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        for a, b in zip(keys, keys[1:])
    )
    total = sum(map(len, keys))
    return (
        f"In the tests' small checkpoint {len(keys)} keys have {total} bytes, "
        f"and {shared} "
        "of them repeat the beginning of the key before: they are not stored."
    )


def multiple_choice_py():
    import multiple_choice
    import prompting

    scores = []
    for change in str, str.upper:
        right = sum(
            multiple_choice.choose(
                model(), tokenizer(), context, [" " + change(w) for w in words]
            )["sum"] == 0
            for context, words in prompting.STORIES
        )  # fmt: skip
        scores.append(f"{right} of {len(prompting.STORIES)}")
    return (
        f"On the stories of scripts/prompting.py the default model is right "
        f"{scores[0]} "
        f"times, and {scores[1]} times in capitals: other tokens, which it has seldom "
        "met, and longer ones lose by the sum."
    )


def train_py():
    import scaling

    alpha, height, _ = scaling.foretold(scaling.OURS, scaling.N_FIT["tokens"])
    n, found = scaling.OURS[4]
    law = height * n**-alpha
    return (
        "What the fall is worth can be read off the log of the first run "
        f"(prompting.md): at the constant rate a power law foretells {law:.3f} bits "
        f"per byte at {n} million tokens; with the falling rate {found:.3f} was found. "
        "AdamW was not tried for this page: a fair run takes an hour."
    )


def train_tokenizer_py():
    english = " ".join(
        (ROOT / n).read_text(encoding="utf-8") for n in ("README.md", "LICENSE")
    )
    source = " ".join(
        p.read_text(encoding="utf-8") for p in sorted((ROOT / "numpygpt").rglob("*.py"))
    ).replace("<|endoftext|>", "")
    source = source[: 3 * len(english)]
    texts = {"English (README.md, LICENSE)": english, "source": source}
    parts = []
    for learned, text in texts.items():
        trained = Tokenizer.train([text], 1000)
        sizes = [
            len(t.encode()) / len(trained.encode(t, disallowed_special=()))
            for t in texts.values()
        ]
        parts.append(f"learned from {learned}: {sizes[0]:.2f} and {sizes[1]:.2f}")
    return (
        f"Bytes a token of the English and of the source, {'; '.join(parts)}. "
        f"A tokenizer "
        "compresses what it was learned from; indentation is a token of its own only "
        "where there was some."
    )


TRIES = {
    "plain.py": plain_py, "tokenizer.py": tokenizer_py,
    "learn_merges.py": learn_merges_py, "config.py": config_py, "layers.py": layers_py,
    "cache.py": cache_py, "model.py": model_py, "weights.py": weights_py,
    "decoding/filters.py": filters_py, "decoding/rules/table.py": table_py,
    "decoding/rules/penalties.py": penalties_py,
    "decoding/rules/truncation.py": truncation_py,
    "decoding/rules/mirostat.py": mirostat_py,
    "decoding/rules/adaptive.py": adaptive_py,
    "decoding/rules/watermark.py": watermark_py,
    "decoding/config.py": decoding_config_py, "decoding/sampling.py": sampling_py,
    "decoding/constraints/choices.py": choices_py,
    "decoding/constraints/regular.py": regular_py,
    "decoding/constraints/schema.py": schema_py,
    "decoding/constraints/stopping.py": stopping_py,
    "decoding/generate.py": generate_py, "decoding/search/beam.py": beam_py,
    "decoding/search/speculative.py": speculative_py,
    "decoding/search/contrastive.py": contrastive_py,
    "decoding/search/guidance.py": guidance_py, "scoring.py": scoring_py,
    "hf/__init__.py": hf_py, "look/inside.py": inside_py, "look/steps.py": steps_py,
    "testing/table_lm.py": table_lm_py,
    "fast/matmul.py": matmul_py, "fast/threads.py": threads_py, "fast/int8.py": int8_py,
    "files/safetensors.py": safetensors_py, "files/download.py": download_py,
    "scripts/train_tokenizer.py": train_tokenizer_py,
    "scripts/multiple_choice.py": multiple_choice_py,
    "scripts/convert_pytorch.py": convert_pytorch_py,
    "scripts/convert_tensorflow.py": convert_tensorflow_py,
    "scripts/convert_gguf.py": convert_gguf_py,
    "scripts/convert_llmc.py": convert_llmc_py, "scripts/train.py": train_py,
}  # fmt: skip


def write(found):
    """Put answers into README.md; those of other files stay."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    body, _, after = rest.partition(END)
    known = dict(re.findall(r"^- \*\*([\w/.]+)\*\*: (.+)$", body, re.MULTILINE)) | found
    lines = [f"- **{name}**: {known[name]}" for name in TRIES if name in known]
    body = "\n".join([BEGIN, *lines, END])
    README.write_text(before + body + after, encoding="utf-8")


@without_traceback("tries.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="*", help="as in README.md; default: all")
    parser.add_argument("--write", action="store_true", help="into README.md")
    args = harmless(parser).parse_args(argv)
    if unknown := set(args.file) - TRIES.keys():
        parser.error(f"no answers for {', '.join(sorted(unknown))}")
    found = {}
    for name in args.file or TRIES:
        found[name] = TRIES[name]()
        print(f"- **{name}**: {found[name]}", flush=True)
    if args.write:
        write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
