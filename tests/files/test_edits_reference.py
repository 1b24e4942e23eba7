"""A tokenizer's JSON files with something in them changed at random: what transformers'
AutoTokenizer opens is read here with the same ids and texts, or refused by name.

``NUMPYGPT_EDITS=1000`` looks at more of them.
"""

import json
import os
import random

import pytest
import test_folders_reference as folders

from numpygpt import Tokenizer
from numpygpt.files.hub import FormatError

pytestmark = pytest.mark.reference

transformers = pytest.importorskip("transformers")
N = int(os.environ.get("NUMPYGPT_EDITS", 40))
SEED = int(os.environ.get("NUMPYGPT_SEED", 0))
VALUES = [
    None, True, False, 0, 1, 2, -1, 300, 10**10, 0.5, "", "x", "the", "<s>", " ", [],
    {}, [1], ["<s>"], {"content": "<s>", "special": True}, {"type": "ByteLevel"},
    {"type": "Lowercase"}, {"type": "NFC"}, {"type": "Sequence", "normalizers": []},
    {"type": "Digits", "individual_digits": True}, "BPE", "GPT2Tokenizer", [["a", "b"]],
]  # fmt: skip
KEYS = [
    "normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens", "model",
    "truncation", "padding", "add_prefix_space", "add_bos_token", "use_regex", "lstrip",
    "rstrip", "single_word", "normalized", "special", "content", "id", "eos_token",
    "bos_token", "unk_token", "pad_token", "additional_special_tokens", "dropout",
    "ignore_merges", "fuse_unk", "byte_fallback", "continuing_subword_prefix",
    "end_of_word_suffix", "split_special_tokens", "clean_up_tokenization_spaces",
    "extra_special_tokens", "added_tokens_decoder", "tokenizer_class", "trim_offsets",
    "model_max_length", "errors", "mask_token", "version",
]  # fmt: skip


def edited(value, rng):
    """A JSON object with one value changed, removed or added, anywhere in it; of large
    parts only a few entries."""
    places = []

    def walk(node):
        places.append((node, None))
        keys = [*(node if isinstance(node, dict) else range(len(node)))]
        for key in keys if len(keys) < 60 else rng.sample(keys, 3):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    walk(value)
    node, key = rng.choice(places)
    new = rng.choice(VALUES)
    if key is None or rng.random() < 0.2:
        node = next(
            n for n, k in rng.sample(places, len(places)) if isinstance(n, dict)
        )
        node[rng.choice(KEYS)] = new
    elif rng.random() < 0.2:
        del node[key]
    elif isinstance(node[key], bool):
        node[key] = not node[key]
    else:
        node[key] = new
    return value


def answer(read, texts):
    """What a tokenizer makes of some texts, or the error."""
    try:
        tokenizer, encode = read()
        ids = [encode(text) for text in texts]
        bare = [i for row in ids for i in row]
        decoded = [tokenizer.decode(bare, skip_special_tokens=s) for s in (False, True)]
        return ids, decoded, tokenizer.eos_token or None
    except FormatError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or "Panic" in type(error).__name__:
            return error
        raise


def theirs(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer, tokenizer.encode


def ours(folder):
    tokenizer = Tokenizer.from_pretrained(folder)
    return tokenizer, lambda text: tokenizer.encode(text, "all")


FILES = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_an_edit_is_read_alike_or_refused(name, tmp_path):
    rng, n_alike, n_refused, wrong = random.Random(SEED), 0, 0, []
    folder = None
    for n in range(N):
        if n % 20 == 0:
            folder, content = a_folder_with(name, tmp_path / str(n), rng)
        change = edited(json.loads(content), rng)
        (folder / name).write_text(json.dumps(change), encoding="utf-8")
        texts = [folders.text_of(rng, folders.SPELLED) for _ in range(6)]
        want = answer(lambda: theirs(folder), texts)
        try:
            got = answer(lambda: ours(folder), texts)
        except FormatError as error:
            assert str(folder) in str(error)
            n_refused += 1
            continue
        if isinstance(want, BaseException):
            continue
        n_alike += got == want
        if got != want:
            wrong.append(f"{n}: {differences(json.loads(content), change)}")
    assert not wrong, "\n".join(wrong)
    assert n_alike + n_refused > N // 4


def a_folder_with(name, folder, rng):
    """A folder that has this file, and the file's text."""
    while True:
        folder = folder.with_name(f"{folder.name}x")
        folder.mkdir()
        transformers.GPT2Config().save_pretrained(folder)
        old = name in ("added_tokens.json", "special_tokens_map.json", "vocab.json")
        kinds = [folders.write_old] if old else [folders.write_fast, folders.write_slow]
        try:
            rng.choice(kinds)(rng, folder)
            Tokenizer.from_pretrained(folder)
            theirs(folder)
        except (ValueError, ImportError):  # one of the two does not read it as it is
            continue
        if (folder / name).is_file():
            return folder, (folder / name).read_text(encoding="utf-8")


def differences(before, after, path=""):
    """Where two JSON values differ, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            if key not in before or key not in after or before[key] != after[key]:
                return differences(before.get(key), after.get(key), f"{path}/{key}")
    if isinstance(before, list) and isinstance(after, list):
        if len(before) == len(after):
            for n, pair in enumerate(zip(before, after)):
                if pair[0] != pair[1]:
                    return differences(*pair, f"{path}/{n}")
    return f"{path}: {before!r:.100} -> {after!r:.100}"
