"""Bits per byte of a model folder on a text, computed by numpygpt alone.

    python scripts/evaluate.py weights/fairytale held_out.txt

The text is a file of stories that each end with a line ``<|endoftext|>``. Every story
is scored by itself: the model sees the end token, which means "a new story", and
guesses every token of the story and the end token behind it. A story longer than the
context is read through a window that moves on by ``--stride`` tokens (a quarter of
the context unless given), so that a token is guessed from at least ``n_ctx - stride``
tokens before it, as far as the story has them.

    bits per byte = sum of -log2 p(token) / bytes of the file

The end tokens are counted in the sum and their lines in the bytes. The second number
leaves both out. As a check, ``--torch`` computes the same with transformers.
"""

import argparse
import json
import math
import sys
import time

import corpus
import numpy as np

from numpygpt import GPT2, Tokenizer
from numpygpt.files.terminal import count, harmless, show_progress, without_traceback
from numpygpt.scoring import nlls, spans


def evaluate(score, tokenizer, path, limit=None, note=lambda text: None):
    """Sum up the bits of a file's stories; ``score(ids) -> nats of ids[1:]``."""
    stories = corpus.read_stories(path)[:limit]
    end, begin = tokenizer.eos_token_id, time.time()
    bits, bits_of_ends, n_token = 0.0, 0.0, 0
    for i, story in enumerate(stories, 1):
        ids = [end, *tokenizer.encode(story), end]
        nats = np.asarray(score(ids), np.float64)
        bits += nats.sum() / math.log(2)
        bits_of_ends += nats[-1] / math.log(2)
        n_token += len(nats)
        note(f"\r{i} of {len(stories)} stories, {time.time() - begin:.0f} s ")
    n_text = sum(len(story.encode()) for story in stories)
    n_byte = n_text + len(f"\n{corpus.END}\n") * len(stories)
    return {
        "stories": len(stories), "bytes": n_byte, "tokens": n_token,
        "bits_per_byte": bits / n_byte,
        "bits_per_byte_without_ends": (bits - bits_of_ends) / n_text,
        "perplexity_of_a_token": 2 ** (bits / n_token),
    }  # fmt: skip


def torch_score(folder, stride):
    """The same scores from transformers, to hold ours against."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    n_ctx = model.config.n_positions

    @torch.no_grad()
    def score(ids):
        out = []
        for begin, end, n_new in spans(len(ids), n_ctx, stride):
            window = torch.tensor([ids[begin:end]])
            logits = model(window[:, :-1]).logits[0, -n_new:].double()
            log_p = logits.log_softmax(-1)
            out.append(-log_p.gather(1, window[0, -n_new:, None])[:, 0].numpy())
        return np.concatenate(out)

    return score


@without_traceback("evaluate.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description="Bits per byte of a model on a text.")
    parser.add_argument("model", help="a name or a model folder")
    parser.add_argument("text", help="a file of stories")
    parser.add_argument("--stride", type=count, help="tokens; default: n_ctx / 4")
    parser.add_argument("--limit", type=count, help="the first so many stories only")
    parser.add_argument("--torch", action="store_true", help="check by transformers")
    args = harmless(parser).parse_args(argv)
    tokenizer = Tokenizer.from_pretrained(args.model)
    model = GPT2.from_pretrained(args.model)
    stride = args.stride or max(1, model.config.n_ctx // 4)
    score = lambda ids: nlls(model, ids, stride)  # noqa: E731
    if args.torch:
        score = torch_score(args.model, stride)

    result = evaluate(score, tokenizer, args.text, args.limit, show_progress)
    by = "transformers" if args.torch else "numpygpt"
    print(json.dumps({"model": args.model, "stride": stride, "by": by, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
