"""Score a file of multiple-choice questions, or of last words, by log-probability.

    python scripts/multiple_choice.py weights/fairytale questions.jsonl

A language model answers no question; it says how likely a text is. So a question with
choices is asked like this: how likely is each choice as what follows? The likeliest is
the model's answer. That is how GPT-2 and its successors are compared, in two forms, one
JSON object a line:

    {"ctx": "The cat sat on the", "endings": ["mat.", "sea."], "label": 0}
    {"text": "... and the last word of this is the"}

The first is HellaSwag's form (Zellers et al., arXiv:1905.07830); ``query``, ``prompt``
and ``choices``, ``answer`` are understood, too. A choice that does not begin with white
space gets a space in front. Three scores of a choice: the sum of log p over its tokens,
that sum by token, and by byte; only the first is a probability, but it prefers short
choices.

The second is LAMBADA's (Paperno et al., arXiv:1606.06031): the last word is to be
guessed. It counts as right if each of its tokens is the likeliest at its place; its
perplexity is given as well.

Published figures use the data sets' own preparation, so compare with care. A context
longer than the model's is cut at the left.

Try: the same questions with their choices in capital letters.
"""

import argparse
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from numpygpt import GPT2, Tokenizer
from numpygpt.files.terminal import count, harmless, show_progress, without_traceback
from numpygpt.scoring import rank

CONTEXTS = ("ctx", "query", "prompt")
CHOICES = ("endings", "choices")
LABELS = ("label", "answer", "gold")


def read_questions(path):
    """``[(context, [choice, ...], the right one), ...]``; a last word: one choice."""
    questions = []
    for n, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            questions.append(question(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path}, line {n}: {error}") from None
    if not questions:
        raise ValueError(f"{path} holds no question")
    return questions


def question(item):
    """One question of a file: its context, its choices, the number of the right one."""
    if "text" in item:
        context, space, word = item["text"].rstrip().rpartition(" ")
        if not context.strip():
            raise ValueError("the text needs a word before the last one")
        return context, [space + word], 0
    context, choices, label = (
        next((item[name] for name in names if name in item), None)
        for names in (CONTEXTS, CHOICES, LABELS)
    )
    if not isinstance(context, str) or not isinstance(choices, list) or not choices:
        raise ValueError("a question has a ctx (a text), endings (a list) and a label")
    if not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise ValueError(f"endings must be texts, not {choices!r:.80}")
    label = int(label)
    if not 0 <= label < len(choices):
        raise ValueError(f"label must be from 0 to {len(choices) - 1}, not {label}")
    choices = [c if c[0].isspace() else " " + c for c in choices]
    return context.rstrip(), choices, label


def ids_of(tokenizer, context, choices, n_ctx):
    """The ids of the context, cut at the left, and of each choice."""
    encode = lambda text: tokenizer.encode(text, disallowed_special=())  # noqa: E731
    answers = [encode(choice) for choice in choices]
    room = n_ctx + 1 - max(map(len, answers))
    if room < 1:
        raise ValueError(f"a choice has more tokens than the context, {n_ctx}")
    context = encode(context)[-room:]
    return context or [tokenizer.eos_token_id], answers


def choose(model, tokenizer, context, choices):
    """The number of the best choice by sum, by token and by byte."""
    prompt, answers = ids_of(tokenizer, context, choices, model.config.n_ctx)
    sums = dict((i, score) for score, i in rank(model, prompt, answers))
    sizes = {
        "sum": [1] * len(choices),
        "by_token": [len(ids) for ids in answers],
        "by_byte": [len(choice.encode()) for choice in choices],
    }
    return {how: max(sums, key=lambda i: sums[i] / n[i]) for how, n in sizes.items()}


def last_word(model, tokenizer, context, word):
    """``(log p of the word, is each token the likeliest?)``."""
    prompt, [answer] = ids_of(tokenizer, context, [word], model.config.n_ctx)
    [(score, _)] = rank(model, prompt, [answer])
    rows = model([*prompt, *answer][:-1])[len(prompt) - 1 :]
    return score, rows.argmax(axis=-1).tolist() == answer


def evaluate(model, tokenizer, questions, note=lambda text: None):
    """The accuracies over a file's questions."""
    right = {"sum": 0, "by_token": 0, "by_byte": 0}
    chance, words = 0.0, []
    for n, (context, choices, label) in enumerate(questions, 1):
        if len(choices) == 1:
            words.append(last_word(model, tokenizer, context, choices[0]))
        else:
            best = choose(model, tokenizer, context, choices)
            right = {how: right[how] + (best[how] == label) for how in right}
            chance += 1 / len(choices)
        note(f"\r{n} of {len(questions)} ")
    result, n = {}, len(questions) - len(words)
    if n:
        result |= {"questions": n, "chance": chance / n}
        result |= {f"accuracy_{how}": count / n for how, count in right.items()}
    if words:
        mean = sum(score for score, _ in words) / len(words)
        result |= {"last_words": len(words), "perplexity_of_a_word": math.exp(-mean)}
        result["accuracy_of_words"] = sum(ok for _, ok in words) / len(words)
    return result


@without_traceback("multiple_choice.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description="Score questions by log-probability.")
    parser.add_argument("model", help="a name or a model folder")
    parser.add_argument("file", help="JSON lines, HellaSwag's or LAMBADA's form")
    parser.add_argument("--limit", type=count, help="the first so many questions only")
    args = harmless(parser).parse_args(argv)

    questions = read_questions(args.file)[: args.limit]
    tokenizer = Tokenizer.from_pretrained(args.model)
    model = GPT2.from_pretrained(args.model)
    result = evaluate(model, tokenizer, questions, show_progress)
    print(json.dumps({"model": args.model, "file": args.file, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
