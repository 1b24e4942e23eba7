"""tokenizer.json, the one file in which Hugging Face's tokenizers keeps everything.

A tokenizer there is a chain, and the file says what each link is:

    normalizer      changes the text first: here none
    added_tokens    are found in the text as it stands
    pre_tokenizer   cuts the text into pieces: here ByteLevel, as GPT-2 does
    model           makes ids of a piece: here BPE, with its vocab and merges
    post_processor  puts tokens before and behind: here nothing, or a template
    decoder         ids -> text: here ByteLevel

A link of another kind would give other ids. It is refused, by its name.

Format: https://github.com/huggingface/tokenizers
"""

from .hub import MAX_TEXT, FormatError, read_json, write_json

# Settings of a BPE model, with the values that change no id. The other two, unk_token
# and fuse_unk, are about characters without an id; of the bytes all have one.
PLAIN = {
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "ignore_merges": (None, False),
}


def links(value):
    """A link, or all the links of a Sequence, as a flat list without None."""
    if value is None:
        return []
    if value["type"] != "Sequence":
        return [value]
    parts = next(v for k, v in value.items() if k != "type")
    return [link for part in parts for link in links(part)]


def refuse(what, link):
    raise ValueError(f"its {what} is {link!r:.200}: numpygpt has GPT-2's alone")


def read_model(model):
    """``(merges, vocab)`` of a BPE model."""
    if model.get("type", "BPE") != "BPE":
        refuse("model", model["type"])
    for name, plain in PLAIN.items():
        if model.get(name) not in plain:
            refuse("model", {name: model[name]})
    merges = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
    return [tuple(merge) for merge in merges], model["vocab"]


def read_template(processors):
    """The ids that go before a text, and those that go behind it."""
    before, behind = [], []
    for link in processors:
        if link["type"] == "TemplateProcessing" and not before + behind:
            ids, here = link["special_tokens"], before
            for part in link["single"]:
                if "Sequence" in part:
                    here = behind
                else:
                    here += ids[part["SpecialToken"]["id"]]["ids"]
        elif link["type"] != "ByteLevel":  # that one moves offsets, which we have not
            refuse("post_processor", link)
    if any(type(i) is not int for i in before + behind):
        raise ValueError(f"its template has the ids {before + behind!r:.80}")
    return before, behind


def read_tokenizer_json(path):
    """The file as arguments of `Tokenizer`; ``added`` is a list of entries as they
    stand in the file."""
    content = read_json(path, MAX_TEXT)
    try:
        for link in links(content.get("normalizer")):
            refuse("normalizer", link)
        cutters, decoders = (
            links(content.get(name)) for name in ("pre_tokenizer", "decoder")
        )
        for what, found in ("pre_tokenizer", cutters), ("decoder", decoders):
            if [link["type"] for link in found] != ["ByteLevel"]:
                refuse(what, found or None)
        if not cutters[0].get("use_regex", True):
            refuse("pre_tokenizer", cutters[0])
        merges, vocab = read_model(content["model"])
        return {
            "merges": merges,
            "vocab": vocab,
            "added": content.get("added_tokens") or [],
            "add_prefix_space": cutters[0].get("add_prefix_space", True),
            "template": read_template(links(content.get("post_processor"))),
        }
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration) as error:
        what = error if type(error) is ValueError else f"cannot read {error!r:.200}"
        raise FormatError(f"{path}: {what}") from None


def write_tokenizer_json(path, merges, vocab, added, add_prefix_space, template):
    """Write the file; ``added``: its entries, ``template``: ids before and behind."""
    token_of_id = {i: token for token, i in vocab.items()}
    before, behind = ([token_of_id[i] for i in ids] for ids in template)
    sides = [{"SpecialToken": {"id": t, "type_id": 0}} for t in before + behind]
    sides.insert(len(before), {"Sequence": {"id": "A", "type_id": 0}})
    second = {"Sequence": {"id": "B", "type_id": 1}}
    ids = {t: {"id": t, "ids": [vocab[t]], "tokens": [t]} for t in before + behind}
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": add_prefix_space,
        "trim_offsets": True, "use_regex": True,
    }  # fmt: skip
    write_json(path, {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": {
            "type": "TemplateProcessing", "single": sides,
            "pair": [*sides, second], "special_tokens": ids,
        },
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None,
            "continuing_subword_prefix": "", "end_of_word_suffix": "",
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": vocab, "merges": [list(merge) for merge in merges],
        },
    })  # fmt: skip
