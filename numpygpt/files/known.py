"""The models of the Hugging Face hub: their full names, what their files must be, and
the folder where other programs have put them already.

A file is known by its sha256: 32 bytes that no two different files have ever been seen
to share. Where OpenAI's models have a published one, a file of the published size must
have it, wherever it was found; one of another size is somebody's own conversion.

Next: download.py.
"""

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path

# What the hub calls the models that everybody calls by one word.
OWNER = {
    "gpt2": "openai-community", "gpt2-medium": "openai-community",
    "gpt2-large": "openai-community", "gpt2-xl": "openai-community",
    "distilgpt2": "distilbert",
}  # fmt: skip
# The size and sha256 that files are known by; the tokenizer's are the same for all.
_TOKENIZER = {
    "merges.txt": (
        456_318, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
    ),
    "vocab.json": (
        1_042_301, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"
    ),
}  # fmt: skip
_WEIGHTS = {
    "gpt2": (
        548_105_171, "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707"
    ),
    "gpt2-medium": (
        1_519_984_962,
        "fc5a354a19255ad494f3d71549390baca1ccf61d1d822b9408971705c687c9cd",
    ),
    "distilgpt2": (
        352_824_413, "e1ff18884359fe8beb795a5f414feb85a6ce3d929ad019c0d958c039d2b94a1b"
    ),
}  # fmt: skip
KNOWN = {name: dict(_TOKENIZER) for name in OWNER}
for _name, _known in _WEIGHTS.items():
    KNOWN[_name]["model.safetensors"] = _known

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_INDEX = 1_000_000  # bytes; gpt2-xl's has 60,000
NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class DownloadError(OSError):
    """A model cannot be fetched; the message says why and what to do."""


def full_name(name):
    """``"gpt2"`` -> ``"openai-community/gpt2"``; None if it is no name of the hub's."""
    if name in OWNER:
        return f"{OWNER[name]}/{name}"
    return name if NAME.fullmatch(name) and ".." not in name else None


# Models that are on this machine already.


def in_hugging_face_cache(name):
    """The folder in which other programs' downloads have this model, or None. The cache
    is models--OWNER--NAME/: refs/main holds the commit, snapshots/COMMIT/ links to
    blobs/; a link that leads elsewhere is not followed."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    home = os.environ.get("HF_HOME") or Path(cache, "huggingface")
    root = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub"))
    for repo in dict.fromkeys([full_name(name), name]):
        base = root / f"models--{repo.replace('/', '--')}"
        try:
            commit = (base / "refs" / "main").read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        folder = base / "snapshots" / commit
        if re.fullmatch(r"\w+", commit) and is_whole(folder):
            for file in folder.iterdir():
                if not file.resolve().is_relative_to(base.resolve()):
                    raise DownloadError(f"{file} is a link that leaves the cache")
            return folder
    return None


def is_whole(folder):
    """Has this folder all that a model needs?"""
    names = {path.name for path in folder.glob("*") if path.is_file()}
    if INDEX in names and WEIGHTS not in names:
        try:
            with open(folder / INDEX, "rb") as file:  # cut off, it is damaged
                parts = set(shards(file.read(MAX_INDEX), folder))
        except DownloadError:
            return False
    else:
        parts = {WEIGHTS}
    has_tokenizer = {"merges.txt", "vocab.json"} <= names or "tokenizer.json" in names
    return "config.json" in names and parts <= names and has_tokenizer


def check(name, folder, notes):
    """A file that has a known model's size must have its hash. What was checked is
    noted in the folder ``notes``: hashing half a gigabyte takes a second."""
    for file, (size, sha256) in KNOWN.get(name, {}).items():
        path = folder / file
        if not path.is_file() or path.stat().st_size != size:
            continue  # someone's own conversion: its reader will check it
        note = Path(notes, f".checked-{sha256[:16]}")
        seen = os.fsencode(f"{path.resolve()} {path.stat().st_mtime_ns}")
        if note.is_file() and note.read_bytes() == seen:
            continue
        found = sha256_of(path)
        if found != sha256:
            raise DownloadError(
                f"{path} is damaged: its sha256 is {found}, {name}'s is {sha256}. "
                "Remove it, and it is fetched again"
            )
        with contextlib.suppress(OSError):  # a cache that cannot be written is fine
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_bytes(seen)


def sha256_of(path):
    """The sha256 of a file, in hex."""
    hasher = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return hasher.hexdigest()


def shards(index, where):
    """The names of the parts that an index lists; each a plain name."""
    try:
        parts = set(json.loads(index)["weight_map"].values())
        for part in parts:
            if not re.fullmatch(r"\w[\w.-]{0,200}\.safetensors", part, re.ASCII):
                raise ValueError(f"{part!r:.80} is no plain name of a part")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DownloadError(f"{where}: {INDEX} is damaged: {error!r:.200}") from None
    return sorted(parts)
