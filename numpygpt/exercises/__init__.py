"""Learn GPT-2 by writing it: exercises with a grader.

    python -m numpygpt.exercises

README.md says how it works and answers the "Try:" lines of the source. tasks/ has one
file an exercise; grade.py finds what is wrong with a solution, run.py runs it in a
process of its own, for a limited time.
"""

# In the order of the reading path: minutes that it may take, and what it is.
EXERCISES = {
    "gelu": (5, "the bend between two linear layers"),
    "softmax": (10, "scores -> weights, without overflow"),
    "layer_norm": (10, "every row to mean 0 and variance 1"),
    "split_heads": (5, "why reshape is not enough"),
    "causal_attention": (20, "one head, and its mask"),
    "block": (10, "the residual stream"),
    "logits": (15, "the whole model, from the parameters"),
    "cross_entropy": (15, "the loss: targets are the ids moved by one"),
    "merge_pair": (10, "one merge of byte-pair encoding"),
    "encode_piece": (15, "all merges, the earliest learned first"),
    "train_bpe": (30, "where the merges come from"),
    "kv_cache": (30, "read every token once, and be faster"),
    "top_k": (10, "a filter, and its ties"),
    "top_p": (15, "a filter, and the token that crosses"),
    "min_p": (5, "a filter relative to the best token"),
    "repetition_penalty": (10, "what was said is less likely"),
    "sample_token": (10, "a token from one uniform number"),
    "beam_search": (20, "the best of all continuations"),
    "accept_or_resample": (15, "the step of speculative decoding"),
    "logit_lens": (15, "what the model would say half way"),
    "ablate_head": (15, "take a head out"),
    "no_recent": (15, "a filter of your own in generate's chain"),
}
