"""The learner's folder: stubs that are theirs to fill, and what is done so far.

Nothing of theirs is overwritten. ``progress.json`` holds, by exercise, when it was
solved and how many hints were shown: ``{"gelu": {"done": "2026-01-31", "hints": 1}}``.
"""

import datetime
import json
import os
from pathlib import Path


def start(name, stub, folder):
    """Write the stub; the path. A ValueError if the learner has a file there."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(stub)
    except FileExistsError:
        raise ValueError(
            f"{path} exists, and nothing of yours is overwritten. Go on with it, or "
            "rename it and start again."
        ) from None
    return path


def read_progress(folder):
    """``{name: {...}}`` of the folder, ``{}`` where nothing was started."""
    path = Path(folder) / "progress.json"
    try:
        progress = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): mend or remove it") from None
    if not isinstance(progress, dict) or not all(
        isinstance(entry, dict) for entry in progress.values()
    ):
        raise ValueError(f"{path} is not a record of progress: mend or remove it")
    return progress


def record(folder, name, **what):
    """Add to what is known of an exercise."""
    progress = read_progress(folder)
    progress[name] = progress.get(name, {}) | what
    path = Path(folder) / "progress.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".unfinished")
    beside.write_text(json.dumps(progress, indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)


def today():
    return datetime.date.today().isoformat()
