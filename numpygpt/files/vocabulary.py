"""The files of a tokenizer, as they lie in a model folder.

    tokenizer.json           all of it in one (see tokenizer_json.py); or, in its place,
    merges.txt               "#version: 0.2", then two tokens a line, earliest first
    vocab.json               {token: id}
    tokenizer_config.json    the added tokens, their flags, which one ends a text, ...
    special_tokens_map.json  ... and added_tokens.json: the same, before 2023

What is read here is what transformers' AutoTokenizer makes of the same folder. A part
that would change ids or texts in a way that `Tokenizer` does not have is refused by its
name. A reader of the lesson may skip this file: tokenizer.py needs the merges alone.
"""

from ..fast.added import Added
from .hub import (
    HERE,
    MAX_TEXT,
    MAX_VALUES,
    FormatError,
    filling,
    read_file,
    read_json,
    write_json,
)
from .tokenizer_json import read_tokenizer_json, write_tokenizer_json

END_OF_TEXT = "<|endoftext|>"
GPT2_NAMES = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END_OF_TEXT)
NAMES = (*GPT2_NAMES, "sep_token", "pad_token", "cls_token", "mask_token")
MORE_NAMES = "additional_special_tokens"  # a list
CLEAN_UP = "clean_up_tokenization_spaces"
KEPT = ("bos_token", "eos_token", "unk_token", "pad_token")  # what Tokenizer knows
# Classes of transformers that do with these files what GPT-2's does.
CLASSES = [f"{name}{end}" for name in ("GPT2Tokenizer", "PreTrainedTokenizer",
           "CodeGenTokenizer") for end in ("", "Fast")]  # fmt: skip


FLAGS = Added._fields[1:]
# Files of another tokenizer that would be read before ours, or added to them.
OLDER = ("tokenizer.json", "special_tokens_map.json", "added_tokens.json")


def read_merges(path):
    """merges.txt: a version line, then two tokens a line, ``[(left, right), ...]``."""
    data = read_file(path)
    if data.count(b"\n") + data.count(b" ") > MAX_VALUES:
        raise FormatError(f"{path}: more than {MAX_VALUES} tokens: no model needs that")
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: {error}") from None
    lines = lines[1:] if lines[0].startswith("#version") else lines
    merges = [tuple(line.split()) for line in lines]
    return check_merges([merge for merge in merges if merge], path)


def gpt2_merges():
    """GPT-2's own, which the package carries."""
    return read_merges(HERE / "files" / "merges.txt")


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
    """What the files of a folder say, as the arguments of `Tokenizer`."""
    at = folder / "tokenizer_config.json"
    settings = read_json(at, MAX_TEXT) if at.is_file() else {}
    whole = (folder / "tokenizer.json").is_file()
    read = read_tokenizer_json if whole else read_two_files
    parts = read(folder / "tokenizer.json" if whole else folder)
    try:
        check_settings(settings)
        names = read_names(folder, settings)
        entries = [*parts["added"], *read_entries(folder, settings)]
        kept = {name: token_of(names[name])[0] for name in KEPT if name in names}
        "".join(kept.values()).encode()
        parts["eos_token"], parts["names"] = kept.pop("eos_token", None), kept
        parts["add_prefix_space"] = space_before(parts, settings, whole)
        parts[CLEAN_UP] = bool(settings.get(CLEAN_UP))
        if parts["vocab"] is None and entries:
            raise ValueError(f"vocab.json is missing, where {entries[0]!r:.80} belongs")
        keep = whole or "added_tokens_decoder" in settings
        named = named_tokens(names, whole)
        parts["added"] = add_tokens(parts["vocab"], entries, named, keep)
        if settings.get("add_bos_token") and not whole:
            parts["template"] = [parts["vocab"][kept["bos_token"]]], []
        return parts
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = error if type(error) is ValueError else f"cannot read {error!r:.200}"
        raise FormatError(f"{folder}, the tokenizer: {what}") from None


def space_before(parts, settings, whole):
    """Does a text get a space before it? tokenizer_config.json says so."""
    if settings or not whole:
        return settings.get("add_prefix_space") is True
    if parts["add_prefix_space"]:
        raise ValueError(
            "tokenizer.json says add_prefix_space, and there is no "
            "tokenizer_config.json: tokenizers puts a space before a text then, "
            'transformers does not. Write {"add_prefix_space": true} or false there'
        )
    return False


def read_two_files(folder):
    """merges.txt, and vocab.json if it is there."""
    if not (folder / "merges.txt").is_file():
        raise FormatError(
            f"{folder} has neither merges.txt nor tokenizer.json. If the model "
            "uses GPT-2's own vocabulary, take Tokenizer.gpt2()."
        )
    at = folder / "vocab.json"
    vocab = read_json(at, MAX_TEXT) if at.is_file() else None
    merges = read_merges(folder / "merges.txt")
    return {"merges": merges, "vocab": vocab, "added": [], "template": ([], [])}


def check_settings(settings):
    """Refuse what would change ids."""
    if settings.get("tokenizer_class") not in (None, *CLASSES):
        raise ValueError(f"its tokenizer_class is {settings['tokenizer_class']!r:.80}")
    if settings.get("split_special_tokens"):
        raise ValueError("its split_special_tokens is true")


def token_of(entry):
    """A token as it stands in a file, a text or its parts -> (text, flags)."""
    entry = {"content": entry} if isinstance(entry, str) else entry
    flags = {name: entry[name] for name in FLAGS if name in entry}
    kinds = {type(flag) for flag in flags.values()}
    if not isinstance(entry["content"], str) or not kinds <= {bool}:
        raise ValueError(f"{entry!r:.200} is no token")
    return entry["content"], flags


def read_names(folder, settings):
    """Which token has which part: ``{"eos_token": token, ...}``. Before 2023 that stood
    in a file of its own; it counts where there is no added_tokens_decoder."""
    names = {name: settings.get(name) for name in (*NAMES, MORE_NAMES)}
    if "PreTrained" not in settings.get("tokenizer_class", ""):
        names |= {n: settings.get(n, token) for n, token in GPT2_NAMES.items()}
    path = folder / "special_tokens_map.json"
    if "added_tokens_decoder" not in settings and path.is_file():
        read, more = read_json(path, MAX_TEXT), names[MORE_NAMES] or []
        listed = read.get(MORE_NAMES) or []
        if listed and (folder / "added_tokens.json").is_file():
            check_mix_up(folder, {**settings, **read}, token_of(listed[-1])[0])
        check_names_alone(read)
        names |= {**read, MORE_NAMES: more + [t for t in listed if t not in more]}
    names |= settings.get("extra_special_tokens") or {}
    if not isinstance(names[MORE_NAMES], (list, type(None))):
        raise ValueError(f"its {MORE_NAMES} is {names[MORE_NAMES]!r:.80}, no list")
    return {name: token for name, token in names.items() if token}


def check_names_alone(read):
    """special_tokens_map.json may hold any setting, for transformers; it does not."""
    settings = {
        "add_prefix_space", "add_bos_token", "split_special_tokens", CLEAN_UP,
        "added_tokens_decoder", "extra_special_tokens",
    }  # fmt: skip
    if odd := settings & read.keys():
        raise ValueError(f"special_tokens_map.json has {sorted(odd)[0]!r}: move it to "
                         "tokenizer_config.json")  # fmt: skip


def check_mix_up(folder, names, last):
    """In the old files, transformers (4.57) takes the ``last`` token of the list in
    special_tokens_map.json for the last one of added_tokens.json: a slip in its
    ``_from_pretrained``. Where that token has a name, too, the two readers disagree."""
    taken = [None, *read_json(folder / "added_tokens.json", MAX_TEXT)][-1]
    for name in NAMES:
        content, flags = token_of(names.get(name) or "")
        plain = not any(flags.get(f) for f in ("lstrip", "rstrip", "single_word"))
        if content == last and taken is not None and not (taken == last and plain):
            raise ValueError(
                f"{MORE_NAMES} ends with {last!r:.80}, the {name}, for which "
                f"transformers takes {taken!r:.80}: remove it from the list in "
                "special_tokens_map.json"
            )


def read_entries(folder, settings):
    """The added tokens, in the order of their ids: content, id, and flags if known."""
    if "added_tokens_decoder" in settings:
        ids = sorted(settings["added_tokens_decoder"], key=int)
        return [{**settings["added_tokens_decoder"][i], "id": int(i)} for i in ids]
    path = folder / "added_tokens.json"  # before 2023
    ids = read_json(path, MAX_TEXT) if path.is_file() else {}
    return [{"content": token, "id": ids[token]} for token in sorted(ids, key=ids.get)]


def named_tokens(names, whole):
    """The special tokens that have a name: [(text, flags), ...]. GPT2Tokenizer in
    Python makes those that it knows itself ``normalized``."""
    texts = {name: {"normalized": True} for name in KEPT if not whole}
    found = []
    for name, value in names.items():
        for token in value if name == MORE_NAMES else [value]:
            content, flags = token_of(token)
            found.append((content, flags or texts.get(name, {})))
    return found


def check_named_alike(named):
    """In the old files nothing but its names says how a token is found in a text."""
    how = {}
    for content, flags in named:
        flags = [flags.get(name, False) for name in ("lstrip", "rstrip", "single_word")]
        if how.setdefault(content, flags) != flags:
            raise ValueError(f"{content!r:.80} has two names with different flags")


def add_tokens(vocab, entries, named, keep):
    """``{text: Added}``, with ids as tokenizers gives them out: a token that the
    vocabulary has keeps its id, another gets the next one. An entry with another id is
    an error: readers would disagree. The new tokens go into ``vocab``, too.
    ``keep``: a name does not change the flags that an entry gave."""
    if vocab is None:
        return None
    check_vocab(vocab)
    special = {content for content, _ in named}
    found = [(*token_of(entry), entry["id"]) for entry in entries]
    found += [(*token, None) for token in named]
    if not keep:
        check_named_alike(named)
    added, following = {}, len(vocab)
    for content, flags, stated in found:
        if content in added and (not flags or (stated is None and keep)):
            continue  # nothing new
        i = vocab.setdefault(content, following)
        if stated not in (None, i):
            raise ValueError(
                f"the added token {content!r:.80} has the id {stated!r:.80}, but its "
                f"place is {i}"
            )
        following = max(following, i + 1)
        before = added.get(content)
        is_special = flags.get("special", False) or content in special
        is_special = is_special or (before is not None and before.special)
        flags = {"normalized": not is_special, **flags, "special": is_special}
        if before is not None:  # that flag is settled where a token is first met
            flags["normalized"] = before.normalized
        added[content] = Added(i, **flags)
    check_vocab(vocab)
    return added


def write_tokenizer(
    folder, merges, vocab, names, added, add_prefix_space, template, clean_up
):
    """Write merges.txt, vocab.json and tokenizer_config.json, which transformers'
    AutoTokenizer opens. A template that these cannot say goes into a tokenizer.json."""
    lines = [f"{left} {right}" for left, right in merges]
    whole = [{"id": a.id, "content": t, **a._asdict()} for t, a in added.items()]
    entries = [{**entry} for entry in whole]
    before, behind = ([*ids] for ids in template)
    bos_alone = before in ([], [vocab.get(names.get("bos_token"))]) and not behind
    settings = dict.fromkeys(GPT2_NAMES)
    settings |= {name: token for name, token in names.items() if token in vocab}
    settings |= {
        "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": add_prefix_space,
        "add_bos_token": bos_alone and before != [],
        "added_tokens_decoder": {str(entry.pop("id")): entry for entry in entries},
        CLEAN_UP: clean_up,
    }
    with filling(folder, "merges.txt", OLDER) as new:
        text = "\n".join(["#version: 0.2", *lines, ""])
        (new / "merges.txt").write_bytes(text.encode())
        write_json(new / "vocab.json", vocab)
        write_json(new / "tokenizer_config.json", settings)
        if not bos_alone:
            parts = merges, vocab, whole, add_prefix_space, (before, behind)
            write_tokenizer_json(new / "tokenizer.json", *parts)
