"""What can a prompt do? The experiments of numpygpt/exercises/prompting.md.

    python scripts/prompting.py weights/fairytale
    python scripts/prompting.py gpt2              # where a real GPT-2 is at hand

Four experiments, each small enough to be read here whole:

- repeated: a paragraph twice. Is the second reading easier? (The smallest kind of
  learning from the context.)
- stories: which of four words goes on with a story? By ranking; what the default model
  was trained for.
- opposites: "hot: cold, big:" and so on, with 0, 1, 2, 4 and 8 examples in the prompt;
  four answers are ranked.
- sums: "Tom has 3 apples and gets 2 more", asked directly, with worked examples, and
  with worked examples that think step by step; greedy decoding up to a stop string.

Prints Markdown.
"""

import argparse
import math
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from multiple_choice import choose

from numpygpt import GPT2, Tokenizer
from numpygpt.files.terminal import harmless, without_traceback
from numpygpt.scoring import nll

PARAGRAPHS = [
    "The miller had a grey cat with one white ear, and it slept in a blue basket under "
    "the window, where the sun came in at noon.",
    "Seven geese walked along the wall to the baker's door, and the last of "
    "them, whose "
    "name was Adelbert, carried a silver spoon.",
    "Mrs. Pennyworth kept eleven yellow buttons in a tin, and on Thursdays she counted "
    "them twice before she lit the lamp.",
    "On the hill stood a crooked tower, and in it lived a tailor who sewed "
    "coats for the "
    "owls out of thistle and rain.",
]
STORIES = [  # the first is right
    ("Once upon a time there was a king who had a beautiful",
     ["daughter", "Thursday", "of", "quickly"]),
    ("The wolf opened his great mouth and showed his sharp",
     ["teeth", "window", "morning", "sister"]),
    ("The little girl was so tired that she lay down and fell",
     ["asleep", "butter", "seven", "golden"]),
    ("They were married, and lived happily ever",
     ["after", "under", "kitchen", "cold"]),
    ("The old woman lit a fire, for the night was dark and",
     ["cold", "apple", "sang", "beard"]),
    ("The prince mounted his horse and rode", ["away", "soup", "clever", "spoon"]),
    ("\"Good morning,\" said the fox to the",
     ["crow", "loudly", "because", "sleeping"]),
    ("The bird spread its wings and flew", ["away", "bread", "king", "slowly wooden"]),
    ("She went to the well to fetch some", ["water", "moon", "angry", "forever"]),
    ("The farmer got up early in the", ["morning", "nose", "princess", "singing"]),
    ("The rabbit ran as fast as his legs could carry",
     ["him", "blue", "castle", "eat"]),
    ("He knocked at the door, and a voice cried, \"Come",
     ["in", "cheese", "green", "wooden"]),
]  # fmt: skip
OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("day", "night"), ("good", "bad"),
    ("old", "young"), ("up", "down"), ("black", "white"), ("rich", "poor"),
    ("open", "shut"), ("first", "last"), ("long", "short"), ("happy", "sad"),
    ("early", "late"), ("come", "go"), ("high", "low"), ("hard", "soft"),
    ("man", "woman"), ("king", "queen"), ("front", "back"), ("sweet", "sour"),
]  # fmt: skip
SHOTS = [0, 1, 2, 4, 8]
NAMES = ["Tom", "Anna", "Peter", "Jane", "Jack"]
THINGS = ["apples", "nuts", "eggs", "cakes"]
SUMS = [(a, b) for a in range(1, 6) for b in range(1, 5)]


def repeated(model, tokenizer):
    """Bits a token of a paragraph, read for the first and for the second time."""
    bits, end = [0.0, 0.0], tokenizer.eos_token_id
    n = 0
    for paragraph in PARAGRAPHS:
        ids = tokenizer.encode(paragraph + "\n\n")
        nats = nll(model([end, *ids, *ids])[:-1], ids + ids)
        bits[0] += nats[: len(ids)].sum() / math.log(2)
        bits[1] += nats[len(ids) :].sum() / math.log(2)
        n += len(ids)
    return [total / n for total in bits]


def stories(model, tokenizer):
    """The share of stories that go on as they should."""
    right = [
        choose(model, tokenizer, context, [" " + word for word in words])["sum"] == 0
        for context, words in STORIES
    ]
    return sum(right) / len(right)


def opposites(model, tokenizer, n_shot):
    """The share of opposites found among four, after ``n_shot`` examples."""
    right = 0
    for i, (word, opposite) in enumerate(OPPOSITES):
        others = OPPOSITES[i + 1 :] + OPPOSITES[:i]
        shown = "".join(f"{a}: {b}\n" for a, b in others[:n_shot])
        wrong = [other for _, other in others[n_shot : n_shot + 3]]
        answers = [" " + answer for answer in [opposite, *wrong]]
        best = choose(model, tokenizer, f"{shown}{word}:", answers)
        right += best["sum"] == 0
    return right / len(OPPOSITES)


def ask(i, a, b):
    name, thing = NAMES[i % len(NAMES)], THINGS[i % len(THINGS)]
    return (
        f"Q: {name} has {a} {thing} and gets {b} more. How many {thing} has {name}?\n"
    )


def think(i, a, b):
    name = NAMES[i % len(NAMES)]
    steps = ", ".join(str(a + k) for k in range(1, b + 1))
    return (
        f"A: {name} begins with {a}. Counting {b} on: {steps}. The answer "
        f"is {a + b}.\n\n"
    )


def sums(model, tokenizer, n_shot, step_by_step):
    """The share of right sums, and the first answer, as it was said."""
    right, said = 0, None
    for i, (a, b) in enumerate(SUMS):
        prompt = ""
        for k in range(1, n_shot + 1):
            c, d = SUMS[(i + 7 * k) % len(SUMS)]
            direct = f"A: The answer is {c + d}.\n\n"
            prompt += ask(i + k, c, d) + (
                think(i + k, c, d) if step_by_step else direct
            )
        prompt += ask(i, a, b) + "A:"
        ids = tokenizer.encode(prompt)[-(model.config.n_ctx - 40) :]
        how = {"stop_strings": ["Q:"], "tokenizer": tokenizer}
        row = model.generate(ids, max_new_tokens=40, **how)[0].tolist()
        answer = tokenizer.decode(row[len(ids) :], skip_special_tokens=True)
        answer = " ".join(answer.partition("Q:")[0].split())
        numbers = re.findall(r"\d+", answer)
        right += bool(numbers) and int(numbers[-1]) == a + b
        said = answer if said is None else said
    return right / len(SUMS), said


def report(model, tokenizer):
    """All four, in Markdown."""
    first, second = repeated(model, tokenizer)
    yield "| experiment | result | by chance |\n|---|---|---|"
    yield (
        f"| repeated: bits a token, first and second reading | {first:.2f}, "
        f"{second:.2f} | |"
    )
    share = stories(model, tokenizer)
    yield f"| stories: right word of four ({len(STORIES)}) | {share:.0%} | 25% |"
    for n in SHOTS:
        share = opposites(model, tokenizer, n)
        yield (
            f"| opposites, {n} examples: of four ({len(OPPOSITES)}) | "
            f"{share:.0%} | 25% |"
        )
    says = []
    for what, n, steps in [
        ("nothing else", 0, False), ("4 answers", 4, False), ("4 counted out", 4, True),
    ]:  # fmt: skip
        share, said = sums(model, tokenizer, n, steps)
        yield f"| sums, shown {what}: right ({len(SUMS)}) | {share:.0%} | |"
        says.append(f'- shown {what}: "{said}"')
    yield f'\nWhat it says to "{ask(0, *SUMS[0]).strip()}":\n'
    yield from says


@without_traceback("prompting.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description="What can a prompt do?")
    parser.add_argument("model", nargs="?", default="fairytale")
    args = harmless(parser).parse_args(argv)
    tokenizer = Tokenizer.from_pretrained(args.model)
    model = GPT2.from_pretrained(args.model)
    for line in report(model, tokenizer):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
