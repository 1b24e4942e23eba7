"""A name -> a model folder, and safe reading and writing of the files in one.

A model is a folder: ``config.json``, ``model.safetensors``, ``merges.txt``,
``vocab.json``. This file says where such a folder is looked for; it knows nothing
of what the files mean, so a first reading may skip it. known.py tells the models of
the Hugging Face hub apart, and download.py fetches them.

Two habits worth copying:

- Never leave half a file. Write beside the target, then rename: on one file system
  a rename happens entirely or not at all.
- An error about a file names the file, what is wrong, and what to do.
"""

import json
import os
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from . import known

DEFAULT_MODEL = "fairytale"
HERE = Path(__file__).resolve().parents[1]  # the package
# What reading a file may cost. In memory, JSON takes many times the room it has in the
# file: vocabularies stay far below these, and settings are smaller still.
MAX_TEXT, MAX_SETTINGS = 20_000_000, 1_000_000  # bytes
MAX_VALUES = 600_000
PATIENCE = 10  # seconds
CONVERTERS = {  # by the ends of the files' names
    ".gguf": "convert_gguf.py",
    ".ckpt": "convert_pytorch.py",
    ".bin": "convert_pytorch.py (of llm.c: convert_llmc.py)",
    ".pt": "convert_pytorch.py",
    ".pth": "convert_pytorch.py",
    ".index": "convert_tensorflow.py",
    ".meta": "convert_tensorflow.py",
}
PLAIN_NAME = re.compile(r"\w[\w.-]{0,200}", re.ASCII)


class FormatError(ValueError):
    """A file that is not what its name promises; the message names the file."""


def home():
    """The folder of downloaded models: NUMPYGPT_HOME, or one in the user's cache."""
    if os.environ.get("NUMPYGPT_HOME"):
        return Path(os.environ["NUMPYGPT_HOME"])
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache, "numpygpt")  # "~" stays where nobody's home is known


def model_shelves():
    """The folders whose subfolders are models: the checkout's ``weights/``, the
    copy of it that an installed package carries, and `home`."""
    return [HERE.parent / "weights", HERE / "weights_", home()]


def find(name_or_folder):
    """The folder of a model: a path as it stands, or a name, looked for on the shelves,
    then in the Hugging Face cache, then on the hub, from where it is fetched.

    Raises ``ValueError`` with the names that would have worked; ``DownloadError``, an
    ``OSError``, where the hub is needed and cannot help.
    """
    as_path(name_or_folder, "name_or_folder")
    name = os.fspath(name_or_folder)
    if os.path.isdir(name):
        return Path(name)
    if os.path.isfile(name):
        raise ValueError(f"the model {name!r} is a file, and a model is a folder"
                         f"{remedy(name)}")  # fmt: skip
    shelves = [shelf for shelf in model_shelves() if name]
    for shelf in shelves:
        if (shelf / name / "config.json").is_file():
            known.check(name, shelf / name, home())
            return shelf / name
    if known.full_name(name):
        folder = known.in_hugging_face_cache(name)
        if folder is None:
            from . import download  # urllib takes a while to import

            return download.fetch(name, home() / name)
        known.check(name, folder, home())
        return folder
    there = sorted({f.parent.name for s in shelves for f in s.glob("*/config.json")})
    raise ValueError(
        f"no model {name!r}: it is neither a folder here nor one of the models at "
        f"hand ({', '.join(there) or 'none'}) nor a name on the Hugging Face hub "
        f"({', '.join(known.OWNER)}, or OWNER/NAME). Give the path of a folder that "
        "holds config.json and model.safetensors."
    )


def as_path(path, name):
    """A path; ValueError, with the argument's ``name``, if it is none."""
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"{name} must be a path or a model's name, not {path!r:.80}")
    return Path(path)


def remedy(file):
    """What makes a model folder of such a file."""
    script = CONVERTERS.get(Path(file).suffix.lower())
    if script is None:
        return f": give its folder, {str(Path(file).parent)!r}"
    return f": make one with python scripts/{script} {file} FOLDER"


def inside(path):
    """The path, unless it is a link out of its folder: a model folder from elsewhere
    could have any file of this machine read, and a converter copy it. The Hugging Face
    cache is a folder of links to ``blobs``, beside ``snapshots``."""
    path = Path(path)
    folder = path.parent.resolve()
    if folder.parent.name == "snapshots":
        folder = folder.parent.parent
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(folder):
        raise FormatError(f"{path} is a link out of its folder: copy the file there")
    return path


def read_file(path, most=MAX_TEXT):
    """The bytes of a small file of a model folder. A folder from elsewhere may hold a
    link to a device that never ends, or a pipe that never begins: both are refused."""
    path = inside(path)
    if not path.exists():
        raise FormatError(f"{path} does not exist: its folder is not a complete model")
    if not path.is_file():
        raise FormatError(f"{path} is not an ordinary file")
    if path.stat().st_size > most:
        raise FormatError(f"{path} is larger than {most} bytes: no model needs that")
    return path.read_bytes()


def parse_json(text, where):
    """The object in a piece of JSON; ``FormatError``, naming ``where``, if there is
    none. A key that stands twice is an error: readers would disagree on its value."""

    def unique(pairs):
        values = dict(pairs)
        if len(values) < len(pairs):
            seen = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise ValueError(f"the key {twice!r:.80} stands twice")
        return values

    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES:
        raise FormatError(
            f"{where}: more than {MAX_VALUES} values: no model needs that"
        )
    try:
        value = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise FormatError(f"{where}: not a JSON object but {value!r:.40}")
    return value


def read_json(path, most=MAX_SETTINGS):
    """The object in a JSON file; ``FormatError`` where there is none."""
    return parse_json(read_file(path, most), path)


def parts_of(folder, name):
    """The file of that name in a folder, or the parts that NAME.index.json lists."""
    folder = Path(folder)
    index = folder / f"{name}.index.json"
    if (folder / name).is_file() or not index.is_file():
        return [inside(folder / name)]
    files = read_json(index).get("weight_map")
    if not isinstance(files, dict) or not files:
        raise FormatError(f"{index} has no weight_map")
    for file in files.values():
        if not isinstance(file, str) or not PLAIN_NAME.fullmatch(file):
            raise FormatError(
                f"{index} names {file!r:.80}, which is no file of its folder"
            )
    return [inside(folder / file) for file in sorted(set(files.values()))]


@contextmanager
def writing(path):
    """Open ``path`` for writing bytes; it appears when the block ends without error,
    whole, and not at all otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = beside_name(path)
    try:
        with open(beside, "wb") as file:
            yield file
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path, value):
    """Write a JSON file, whole or not at all."""
    with writing(path) as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n")


def beside_name(path):
    """A name in the same folder that nobody else has: threads write side by side, too,
    and the same process id may come again."""
    return path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")


@contextmanager
def filling(folder, seal, gone=()):
    """A new folder to write files into; when the block ends without error they move to
    ``folder``, where they take the place of older ones, and not at all otherwise.

    ``seal``: the file without which the folder is nothing. It goes first and comes
    last, so whoever is interrupted between two moves leaves a folder that is refused,
    never one in which new files lie with old ones. One writer moves at a time.
    ``gone``: older files that would contradict the new ones go with it.
    """
    import shutil  # which takes a while to import

    folder = as_path(folder, "folder")
    is_new = not folder.exists()
    beside = beside_name(folder / "new")
    beside.mkdir(parents=True)
    try:
        yield beside
        with alone(folder):
            for name in (seal, *gone):
                (folder / name).unlink(missing_ok=True)
            for path in sorted(beside.iterdir(), key=lambda path: path.name == seal):
                os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            with suppress(OSError):  # another writer has begun
                folder.rmdir()


@contextmanager
def alone(folder):
    """One process or thread at a time, as far as the system can see to it. Whoever has
    waited for `PATIENCE` goes on: the other one hangs, for its work takes no time."""
    if os.name != "posix":  # no lock on a folder there
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:  # some network disks know no locks
                break
        yield
    finally:
        os.close(handle)
