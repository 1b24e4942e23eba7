"""The files of a tokenizer, as they lie in a model folder.

    merges.txt             "#version: 0.2", then two tokens a line, earliest first
    vocab.json             {token: id}
    tokenizer_config.json  among much else, which token ends a text
    tokenizer.json         all of it in one, as newer tools write it

A reader of the lesson may skip this file: tokenizer.py needs the merges alone.
"""

from .hub import (
    MAX_TEXT,
    MAX_VALUES,
    FormatError,
    read_file,
    read_json,
    write_json,
    writing,
)


def read_merges(path):
    """merges.txt: a version line, then two tokens a line, ``[(left, right), ...]``."""
    data = read_file(path)
    if data.count(b"\n") + data.count(b" ") > MAX_VALUES:
        raise FormatError(f"{path}: more than {MAX_VALUES} tokens: no model needs that")
    try:
        lines = data.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: {error}") from None
    lines = lines[1:] if lines[0].startswith("#version") else lines
    return check_merges([tuple(line.split(" ")) for line in lines if line], path)


def check_merges(merges, path):
    """A merge joins two tokens."""
    for number, merge in enumerate(merges):
        if len(merge) != 2:
            raise FormatError(f"{path}: merge {number} is {merge!r:.80}, no pair")
    return merges


def check_vocab(vocab):
    """Ids must be integers, each used once; with others, what is encoded would decode
    to something else. Tokens must be texts that UTF-8 can write."""
    "".join(vocab).encode()
    if "" in vocab:
        raise ValueError("a token is empty")
    for token, i in vocab.items():
        if type(i) is not int or not 0 <= i < 1 << 31:
            raise ValueError(f"token {token!r:.80} has the id {i!r:.80}")
    if len(set(vocab.values())) < len(vocab):
        raise ValueError("two tokens have the same id")


def read_tokenizer(folder):
    """``(merges, vocab, eos token)`` of a model folder, from merges.txt and vocab.json,
    or from the one file tokenizer.json that newer tools write."""
    settings, at = {}, folder / "tokenizer.json"
    try:
        if (folder / "merges.txt").is_file():
            merges, vocab = read_merges(folder / "merges.txt"), None
            if (at := folder / "vocab.json").is_file():
                vocab = read_json(at, MAX_TEXT)
        elif at.is_file():
            content = read_json(at, MAX_TEXT)
            merges, vocab = content["model"]["merges"], content["model"]["vocab"]
            merges = [m.split(" ") if isinstance(m, str) else m for m in merges]
            merges = [tuple(merge) for merge in check_merges(merges, at)]
            vocab |= {t["content"]: t["id"] for t in content["added_tokens"]}
        else:
            raise FormatError(
                f"{folder} has neither merges.txt nor tokenizer.json. If the model "
                "uses GPT-2's own vocabulary, take Tokenizer.gpt2()."
            )
        check_vocab(vocab or {})
        if (at := folder / "tokenizer_config.json").is_file():
            settings = read_json(at)
        eos = settings.get("eos_token") or "<|endoftext|>"
        eos = eos["content"] if isinstance(eos, dict) else eos
        if type(eos) is not str:
            raise ValueError(f"eos_token is {eos!r:.80}")
        eos.encode()
        return merges, vocab, eos
    except FormatError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{at}: a part is missing or amiss, {error!r:.200}") from None


def write_tokenizer(folder, merges, vocab, eos_token):
    """Write merges.txt, vocab.json and tokenizer_config.json, which transformers'
    AutoTokenizer opens."""
    lines = [f"{left} {right}" for left, right in merges]
    with writing(f"{folder}/merges.txt") as file:
        file.write("\n".join(["#version: 0.2", *lines, ""]).encode())
    write_json(f"{folder}/vocab.json", vocab)
    settings = dict.fromkeys(["bos_token", "eos_token", "unk_token"], eos_token)
    settings |= {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False}
    write_json(f"{folder}/tokenizer_config.json", settings)
