"""``pipeline("text-generation")``: text in, text out."""

from ..checks import as_texts
from .model import GPT2LMHeadModel
from .settings import IDLE, refuse
from .text import GPT2Tokenizer

USUAL = {"do_sample": True, "max_new_tokens": 256, "temperature": 0.7}


def pipeline(task, model="gpt2", tokenizer=None, **idle):
    """``pipeline("text-generation", model=...)``: a function from a prompt to
    ``[{"generated_text": text}]``, from a list of prompts to a list of those.

    It draws at temperature 0.7, up to 256 new tokens, unless told otherwise (as
    transformers' does).
    """
    if task != "text-generation":
        raise ValueError(f"task must be 'text-generation', not {task!r}")
    refuse({name: idle[name] for name in idle.keys() - IDLE - {"device", "framework"}})
    loaded = isinstance(model, GPT2LMHeadModel)
    if tokenizer is None and loaded:
        raise ValueError("a model that is loaded already needs tokenizer=, too")
    tokenizer = model if tokenizer is None else tokenizer
    if not loaded:
        model = GPT2LMHeadModel.from_pretrained(model)
    if not isinstance(tokenizer, GPT2Tokenizer):
        tokenizer = GPT2Tokenizer.from_pretrained(tokenizer)

    def generate(text, **settings):
        texts, one = as_texts(text)
        all_ = [continued(each, model, tokenizer, **settings) for each in texts]
        return all_[0] if one else all_

    return generate


def continued(text, model, tokenizer, return_full_text=True, **settings):
    """The continuations of one prompt."""
    ids = tokenizer.encode(text) or [model.config.bos_token_id]
    asked = {**USUAL, "pad_token_id": model.config.eos_token_id, **settings}
    if "max_length" in settings and "max_new_tokens" not in settings:
        del asked["max_new_tokens"]
    texts = []
    for row in model.generate([ids], **asked):
        new = tokenizer.decode(row[len(ids) :], skip_special_tokens=True)
        texts.append({"generated_text": text + new if return_full_text else new})
    return texts
