"""Plant small bugs in the decoding modules and see whether the tests notice.

    pip install -e .[test]
    python scripts/mutate.py [WORD ...]    # only bugs whose file or text has one

Each bug is a line of `MUTANTS`: a file, what stands there, what to put in its place. It
is planted in a copy of the package, and the tests of that file run until one fails. The
score is the share of bugs that some test caught; the exit code is 1 below 95%. Takes a
few minutes. A test that catches none of them may be checking nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "filters": ["test_by_hand", "test_decoding_reference", "test_filters"],
    "truncation": ["test_by_hand", "test_decoding_reference", "test_filters"],
    "penalties": ["test_decoding_reference", "test_penalties"],
    "mirostat": ["test_by_hand", "test_filters"],
    "watermark": ["test_watermark"],
    "table": ["test_table", "test_sampling", "test_decoding_reference"],
    "exact": ["test_sampling"],
    "ranges": ["test_generation_config"],
    "nucleus": ["../fast/test_nucleus"],
    "sampling": ["test_sampling", "test_by_hand"],
    "checks": ["test_generation_config", "test_filters"],
    "config": ["test_generation_config"],
    "explain": ["test_explain"],
    "beam": ["test_search_reference", "test_searches_on_tables", "test_beam"],
    "speculative": ["test_speculative", "test_searches_on_tables"],
    "contrastive": ["test_search_reference", "test_contrastive"],
    "guidance": ["test_search_reference", "test_guidance"],
    "choices": ["test_constraints"],
    "regular": ["test_regular", "test_constraints"],
    "stopping": ["test_stopping", "../test_gpt2"],
    "packing": ["../test_gpt2"],
    "generate": ["../test_gpt2", "test_constraints"],
    "methods": ["test_contrastive", "test_guidance"],
}
# Few random examples: the bugs are many.
ENVIRONMENT = {"NUMPYGPT_EXAMPLES": "12", "PYTHONDONTWRITEBYTECODE": "1"}
MUTANTS = [
    ("filters", "scaled = logits / value", "scaled = logits * value"),
    ("filters", "max(value, float(limits.tiny))", "value"),
    (
        "filters",
        "        if not np.isfinite(scaled.max(axis=-1)).all():",
        "        if False:",
    ),
    ("filters", "keep(logits, logits >= border)", "keep(logits, logits > border)"),
    ("filters", "[..., n - value, None]", "[..., n - value - 1, None]"),
    ("filters", "value == 0 or value >= n", "value == 0 or value > n"),
    ("nucleus", "bins < at", "bins <= at"),
    (
        "nucleus",
        "target, side) + crossing",
        "target, side)",
    ),
    ("filters", "value * weights.sum()", "value"),
    ("filters", "smallest_set(-exact", "smallest_set(exact"),
    ("filters", "    kept = logits > smallest", "    kept = logits >= smallest"),
    ("filters", "equals[: count - np.count_nonzero(kept)]", "equals[: count]"),
    (
        "checks",
        "logits.max(axis=-1)).all():\n        raise",
        "logits.max(axis=-1)).any():\n        raise",
    ),
    ("truncation", ">= math.log(value))", "> math.log(value))"),
    (
        "truncation",
        "keep(logits, logits - _top(logits) >=",
        "keep(logits, logits - logits.max() >=",
    ),
    (
        "truncation",
        "(_softmax64(logits) >= value) | (logits == _top(logits))",
        "_softmax64(logits) >= value",
    ),
    (
        "truncation",
        "math.sqrt(value) * np.exp(-entropy(p))",
        "math.sqrt(value) * np.exp(entropy(p))",
    ),
    (
        "truncation",
        "np.minimum(value, math.sqrt(value)",
        "np.maximum(value, math.sqrt(value)",
    ),
    (
        "truncation",
        ", keepdims=True, where=left)",
        ", keepdims=True, where=left, ddof=1)",
    ),
    ("truncation", "behind >= -value * sigma", "behind > -value * sigma"),
    (
        "truncation",
        "np.std(behind, axis=-1, keepdims=True, where=left)",
        "np.std(np.maximum(behind, -99), axis=-1, keepdims=True)",
    ),
    (
        "truncation",
        "np.abs(surprise - entropy(weights / total))",
        "surprise - entropy(weights / total)",
    ),
    ("nucleus", "target -= total[at] - mass[at]", "target -= total[at]"),
    ("truncation", "crossing=False", "crossing=True"),
    ("truncation", "value * parts.sum()", "value"),
    ("truncation", "    kept[np.argmax(logits)] = True\n", ""),
    ("truncation", "min(initial=np.inf)][-1:]", "min(initial=np.inf)][:1]"),
    ("truncation", "rng.random() >= probability", "rng.random() < probability"),
    ("truncation", "(logits > -np.inf) & (_soft", "(_soft"),
    ("truncation", "/ math.log(n))", "/ math.log(len(logits)))"),
    ("truncation", "doubt**exponent", "doubt"),
    ("truncation", "max(0.0, value - spread), value + spread", "value - spread, value"),
    ("penalties", "np.where(seen < 0, seen * value, seen / value)", "seen / value"),
    ("penalties", "np.where(seen < 0,", "np.where(seen > 0,"),
    ("penalties", "logits = logits.copy()", "logits = np.asarray(logits)"),
    ("penalties", "(value * counts).astype", "(value * (counts > 0)).astype"),
    (
        "penalties",
        "logits[np.unique(output)] -= value",
        "np.subtract.at(logits, output, value)",
    ),
    (
        "penalties",
        "longest >= allowed_length",
        "longest > allowed_length",
    ),
    (
        "penalties",
        "(longest[tokens] - allowed_length) * np.log(base)",
        "longest[tokens] * np.log(base)",
    ),
    ("penalties", "    longest[breakers] = 0\n", ""),
    (
        "penalties",
        "== context[-1 - length]) & ~breaks[back]",
        "== context[-1 - length])",
    ),
    ("penalties", "agree = (back >= 0) & ", "agree = "),
    ("penalties", "np.minimum(power, 80.0)", "power"),
    ("penalties", "    n_first = value - 1", "    n_first = value"),
    ("penalties", "value == 0 or n_runs <= 0", "value == 0 or n_runs <= 1"),
    ("penalties", "context[n_first:][same]", "context[-1:]"),
    ("penalties", "lone_eos = not first and last in eos_token_ids", "lone_eos = False"),
    ("penalties", "context[max(0, len(context) - len(ids)) :]", "context[: len(ids)]"),
    ("penalties", "logits[last] += bias", "logits[last] = bias"),
    ("penalties", "if len(context) < value:", "if len(context) <= value:"),
    ("penalties", "if len(output) < value:", "if len(output) <= value:"),
    ("penalties", "len(context) == limit - 1", "len(context) == limit"),
    ("penalties", "    if len(context) == 1:", "    if len(context) <= 1:"),
    ("penalties", "    logits[ids] = 0\n", "    logits[ids] = 1\n"),
    ("penalties", "beyond), most) - 1", "beyond), most)"),
    ("penalties", "        eos = eos[logits[eos] > -np.inf]\n", ""),
    ("penalties", "    if beyond > 0:", "    if beyond >= 0:"),
    ("penalties", "guided = u + value * (c - u)", "guided = c + value * (c - u)"),
    ("penalties", "if len(context) == begin:", "if len(context) <= begin:"),
    ("mirostat", "p >= 2.0 ** -max(mu, 0.0)", "p > 2.0 ** -max(mu, 0.0)"),
    ("mirostat", "max(mu, 0.0)) | best)", "max(mu, 0.0)))"),
    ("mirostat", "mu -= eta * (surprise - tau)", "mu += eta * (surprise - tau)"),
    ("mirostat", "-math.log2(", "-math.log("),
    ("mirostat", '"mu", 2.0 * tau', '"mu", tau'),
    ("mirostat", "len(context) == state.get", "len(context) >= state.get"),
    ("mirostat", "[::-1][:m]", "[::-1]"),
    ("mirostat", "(s - 1) / (1 - n ** (1 - s))\n", "(s - 1) / (1 - n ** (s - 1))\n"),
    ("mirostat", "max(1, k)", "k"),
    ("watermark", "other = i + draw % (n_vocab - i)", "other = draw % n_vocab"),
    ("watermark", "logits[green] += bias", "logits[green] = bias"),
    ("watermark", "int(context[-1])", "int(context[0])"),
    ("watermark", "math.sqrt(n * ratio * (1 - ratio))", "math.sqrt(n * ratio)"),
    ("watermark", "math.erfc(z / math.sqrt(2))", "math.erfc(z)"),
    ("table", "if STEPS[entry] in FILTERS and not config.do_sample", "if False"),
    ("table", 'context[self.known["n_prompt"] :]', "context"),
    ("table", "n_prompt + new", "new"),
    ("table", "n_prompt == 1 and config", "config"),
    ("table", '"frequency_penalty output"', '"frequency_penalty context"'),
    ("table", "hf=300, llama_cpp=500", "hf=300, llama_cpp=385"),
    ("sampling", "rng.random() * total[-1]", "rng.random()"),
    ("sampling", 'side="right")\n    return int', 'side="left")\n    return int'),
    ("sampling", "at if at < len(p) else np.flatnonzero(p)[-1]", "at"),
    ("sampling", "np.flatnonzero(p)[-1]", "len(p) - 1"),
    ("sampling", "if len(left) == len(row):", "if True:"),
    (
        "exact",
        "1 - share if coin else share",
        "share if coin else 1 - share",
    ),
    (
        "sampling",
        "np.random.default_rng([seed, k])",
        "np.random.default_rng([seed, 0])",
    ),
    ("sampling", "int(np.argmax(row)), len(row)", "int(np.argmin(row)), len(row)"),
    (
        "ranges",
        "least <= value <= most\n\n\ndef is_number",
        "least < value <= most\n\n\ndef is_number",
    ),
    ("ranges", "abs(value) <= limit", "value == value"),
    ("checks", "settings[name] not in (None, OFF[name])", "False"),
    ("checks", "if least > most:", "if least >= most:"),
    ("checks", "if config.max_new_tokens is not None:", "if False:"),
    ("explain", "c.top_k == 1", "c.top_k == 0"),
    ("explain", "if not test(config) and name not in said", "if not test(config)"),
    ("beam", "Group([r], config.num_beams // n)", "Group([r], config.num_beams)"),
    ("beam", "            logits = logits[n_rows:]\n", ""),
    (
        "beam",
        "key=lambda text: -text.score) for f in",
        "key=lambda text: text.score) for f in",
    ),
    ("beam", "not _finished(family):", "False:"),
    ("beam", "num_return_sequences > width", "num_return_sequences >= width"),
    ("beam", "if width % n:", "if False:"),
    (
        "beam",
        "for group in family if not group.done for beam",
        "for group in family for beam",
    ),
    (
        "beam",
        "config.diversity_penalty * chosen",
        "config.diversity_penalty * (chosen > 0)",
    ),
    ("beam", "going_on[: group.width]", "going_on"),
    ("beam", "[t for t in tokens if t not in config.eos_token_ids]", "tokens"),
    ("beam", "np.array([[sum(beam.logprobs)]", "np.array([[beam.score]"),
    ("beam", "wanted - np.maximum(v, 0)", "wanted + np.maximum(v, 0)"),
    ("beam", "texts = sorted(children + group.finished", "texts = sorted(children"),
    ("beam", "    totals[np.isnan(totals)] = -np.inf\n", ""),
    ("beam", "zip(group.live, logprobs - cost)", "zip(group.live, logprobs + cost)"),
    ("beam", "return np.full_like(row, -np.inf)", "return row"),
    ("beam", "max(2, 1 + len(config.eos_token_ids)) * group.width", "2 * group.width"),
    ("beam", "children[: group.width] if c.done", "children if c.done"),
    ("beam", "(len(text.ids) - text.n_prompt) ** config", "len(text.ids) ** config"),
    ("beam", "finished[: _n_wanted(group, config)]", "finished"),
    ("beam", "_go_on(group, live[: group.width], found", "_go_on(group, live, found"),
    ("beam", "min(group.width * config.patience, 1e9)", "group.width"),
    ("beam", "if config.early_stopping is True:", "if config.early_stopping:"),
    ("beam", '"never" and config.length_penalty > 0:', '"never":'),
    ("beam", "-totals[top]))]", "totals[top]))]"),
    ("beam", "return top[totals[top] > -np.inf]", "return top"),
    ("beam", "rng.gumbel(size=totals.shape), n)", "rng.normal(size=totals.shape), n)"),
    (
        "beam",
        "float(rows.scores[parent, token])]",
        "float(rows.logprobs[parent, token])]",
    ),
    (
        "beam",
        "float(rows.logprobs[parent, token])]",
        "float(rows.scores[parent, token])]",
    ),
    (
        "beam",
        "[*beam.scores, rows.scores[parent]]",
        "[*beam.scores, rows.logits[parent]]",
    ),
    ("beam", "if id(beam.cache) in inherited:", "if False:"),
    ("speculative", "* q[token] < p[token]", "* q[token] <= p[token]"),
    ("speculative", "rest = np.maximum(p - q, 0)", "rest = p"),
    ("speculative", "crop(len(sequence.ids) - 1)", "crop(len(sequence.ids))"),
    ("speculative", " or token != tokens[i]:", ":"),
    ("speculative", "if sequence.done or i ==", "if i =="),
    ("speculative", "batch_id=i // n)", "batch_id=i)"),
    ("speculative", "chain(config, sequence.n_prompt,", "chain(config, 0,"),
    ("speculative", "cache.crop(min(cache.n_tok, len(ids) - 1))", "pass"),
    ("speculative", "if sure < self.config", "if sure > self.config"),
    ("speculative", "if guessed == accepted else", "if guessed != accepted else"),
    (
        "speculative",
        "range(min(longest, len(ids) - 1), 0, -1)",
        "range(1, min(longest + 1, len(ids)))",
    ),
    ("speculative", "range(len(ids) - n - 1, -1, -1)", "range(len(ids) - n)"),
    ("speculative", "if token in stop_ids:", "if False:"),
    ("speculative", "room = min(room, self.model.config.n_ctx - len(ids) + 1)", "pass"),
    (
        "speculative",
        "config, model.config.n_ctx) - len(sequence.ids)",
        "config, model.config.n_ctx)",
    ),
    ("contrastive", "p - alpha * similarity", "p + alpha * similarity"),
    ("contrastive", "past.T).max(axis=1)", "past.T).mean(axis=1)"),
    (
        "contrastive",
        "past[id(sequence)] = np.concatenate(seen)",
        "past[id(sequence)] = seen[0]",
    ),
    (
        "contrastive",
        "plan.caches[i], ahead[i : i + 1]",
        "plan.caches[0], ahead[i : i + 1]",
    ),
    (
        "contrastive",
        "hidden / np.linalg.norm(hidden, axis=-1, keepdims=True)",
        "hidden",
    ),
    ("contrastive", "best(scores, config.top_k)", "best(scores, config.top_k + 1)"),
    ("contrastive", "*(sequence.cache.fork() for _", "*(sequence.cache for _"),
    ("guidance", "self.without or ids[-1:] if", "self.without or ids if"),
    ("guidance", "self.other.n_tok - (self.text.n_tok - n_tok)", "n_tok"),
    ("guidance", "self.text.fork(), self.other.fork()", "self.text.fork(), self.other"),
    (
        "guidance",
        "divergence(last, early).argmax(axis=0)",
        "divergence(last, early).argmin(axis=0)",
    ),
    ("guidance", "math.log(0.1)", "math.log(0.2)"),
    ("guidance", "np.logaddexp(p, q) - math.log(2)", "np.logaddexp(p, q)"),
    ("guidance", "(middle - (p + q) / 2)", "(middle - p)"),
    ("guidance", "first = min(2, n - 1) if", "first = 2 if"),
    ("guidance", "is_int(i, 0, n - 1)", "is_int(i, 0, n)"),
    ("choices", "        if may_end:", "        if False:"),
    ("choices", "kept[allowed[allowed < len(kept)]]", "kept[allowed]"),
    ("choices", "if len(context) > n:", "if len(context) >= n:"),
    ("choices", "data.startswith(begin)", "begin.startswith(data)"),
    ("choices", "or len(prompt) == 1:", "or False:"),
    ("choices", "- (prompt[-1] not in special)", "- 1"),
    ("choices", "new in going, not following", "new in going, new in going"),
    ("choices", "min(beginning[-1] + 1, 255)", "beginning[-1] + 1"),
    ("choices", "tokens[i][: n + 1])", "tokens[i][:1])"),
    ("regular", 'if e.kind == "then" and first.may_be_empty', "if False"),
    ("regular", "a <= code <= b", "a <= code < b"),
    ("regular", "(r, then(left, rest))", "(r, left)"),
    ("regular", 'if option.kind == "either" else {option}', "if False else {option}"),
    ("regular", "if self.n_kept > MOST_KEPT", "if False"),
    ("regular", "2 if lead < 0xE0 else", "2 if lead < 0xD0 else"),
    ("regular", "max(low, {2: 0x80, 3: 0x800, 4: 0x10000}[n])", "low"),
    ("regular", "if comma else low", "if comma else None"),
    ("regular", "range((high or low) - low)", "range(high or low)"),
    ("regular", "one_of(_all_but([(10, 10)]))", "one_of(ALL)"),
    ("regular", '(pattern[at] != "]" or at == first)', 'pattern[at] != "]"'),
    ("stopping", "lambda ids: len(ids) >= limit", "lambda ids: len(ids) > limit"),
    ("stopping", "text[-(n_last + len(s) - 1) :]", "text[-len(s) :]"),
    ("stopping", "n_tail = max(map(", "n_tail = min(map("),
    ("stopping", "if n_prompt >= n_ctx:", "if n_prompt > n_ctx:"),
    (
        "stopping",
        "min(n_prompt + config.max_new_tokens, n_ctx)",
        "n_prompt + config.max_new_tokens",
    ),
    ("stopping", "max(0, n_prompt - len(s) + 1)", "n_prompt"),
    ("stopping", "[max(at, n_prompt) for at", "[at for at"),
    ("stopping", "range(1, len(s)))", "range(1, len(s) - 1))"),
    ("packing", "zip(r, mask) if m]", "zip(r, mask) if not m]"),
    ("packing", "config.eos_token_ids[0] if config", "0 if config"),
    ("packing", "row[: len(sequence.ids)] =", "row[-len(sequence.ids) :] ="),
    ("packing", "r[i] if i < len(r) else blank", "r[min(i, len(r) - 1)]"),
    ("packing", "np.array([len(s.ids) for", "np.array([n_total for"),
    ("generate", "log_softmax(scores)[token]", "log_softmax(row)[token]"),
    ("generate", "len(prompts[i]), rng, i)", "len(prompts[i]), rng, 0)"),
    ("generate", "cache.fork() if k else cache", "cache"),
    ("generate", "stream(seed, k)", "stream(seed, 0)"),
    (
        "generate",
        "masks + chain(config, len(prompts[i]), rng, i)",
        "chain(config, len(prompts[i]), rng, i) + masks",
    ),
    ("methods", "if len(asked) > 1:", "if len(asked) > 2:"),
    ("methods", "kind is not None and search is not beam_search", "False"),
    (
        "methods",
        "config.guidance_scale, config.negative_prompt_ids",
        "config.guidance_scale",
    ),
]
# Bugs that no test can catch, since nothing observable changes.
SAME = {
    "    if beyond >= 0:": "to the power of 0: nothing is added",
    "value == 0 or value > n": "all n tokens reach the n-th largest",
    "if True:": "softmax gives a removed token its 0 too, and takes longer",
}


def caught(mutant):
    """Whether a test notices; the line of the first that does."""
    name, old, new = mutant
    with tempfile.TemporaryDirectory() as folder:
        for part in ("numpygpt", "tests", "scripts", "setup.cfg"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, Path(folder) / part)
        [path] = [
            path
            for room in ("decoding", "fast")
            for path in (Path(folder) / "numpygpt" / room).rglob(f"{name}.py")
        ]
        text = path.read_text()
        if text.count(old) == 0:
            raise SystemExit(f"{name}.py no longer has {old!r}")
        path.write_text(text.replace(old, new, 1))
        files = [path, *(f"tests/decoding/{test}.py" for test in TESTS[name])]
        result = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", *files],
            cwd=folder, text=True, capture_output=True, check=False,
            env=os.environ | ENVIRONMENT | {"PYTHONPATH": folder},
        )  # fmt: skip
    failed = [line for line in result.stdout.splitlines() if line.startswith("FAILED")]
    return result.returncode == 1, (failed or [result.stdout[-200:]])[0][:100]


def main(*words):
    mutants = [
        m for m in MUTANTS if not words or any(w in part for w in words for part in m)
    ]
    survivors = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, (dead, line) in zip(mutants, pool.map(caught, mutants)):
            if not dead:
                survivors.append(mutant)
            name, old, new = mutant
            print("caught  " if dead else "SURVIVED", name, repr(old), "->", repr(new))
            print("   ", line if dead else SAME.get(new, "unexplained"), flush=True)
    share = 1 - len(survivors) / len(mutants)
    print(f"{len(mutants)} bugs, {len(survivors)} survived: {share:.0%} caught")
    return int(share < 0.95)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
