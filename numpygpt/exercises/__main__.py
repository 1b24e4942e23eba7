"""python -m numpygpt.exercises: the command line of the exercises.

    list                what there is, and what is done
    start NAME          write a stub with its lesson into the folder
    check NAME [FILE]   grade it
    hint NAME           one hint more
    solution NAME       the answer's source, with its file and line

``--folder`` is the learner's folder, the current one unless given.
"""

import argparse
import difflib
import importlib
import inspect
import sys
from pathlib import Path
from textwrap import fill

from ..files.terminal import harmless, shown, without_traceback
from . import EXERCISES, folder
from .run import SECONDS, check

ROOT = Path(__file__).resolve().parents[2]
USE = "python -m numpygpt.exercises"


def task_of(name):
    """The module of an exercise."""
    if name not in EXERCISES:
        near = difflib.get_close_matches(name, EXERCISES, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(
            f"no exercise {name!r}{meant}: there are {', '.join(EXERCISES)}"
        )
    return importlib.import_module(f"{__package__}.tasks.{name}")


def stub_of(task, name):
    """What the learner's file holds at first."""
    lesson = task.__doc__.strip()
    how = (
        f"When it is written:  {USE} check {name}\n"
        f"Stuck?               {USE} hint {name}"
    )
    return f'"""{lesson}\n\n{how}\n"""\n\n{task.STUB.lstrip()}'


def list_all(args):
    progress = folder.read_progress(args.folder)
    for name, (minutes, what) in EXERCISES.items():
        done = progress.get(name, {}).get("done")
        started = (Path(args.folder) / f"{name}.py").exists()
        mark = "done" if done else "begun" if started else ""
        print(f"{mark:>5}  {name:<20} {minutes:>2} min  {what}")
    n_done = sum(bool(progress.get(name, {}).get("done")) for name in EXERCISES)
    print(f"\n{n_done} of {len(EXERCISES)} done. Go on with: {USE} start NAME")
    return 0


def start(args):
    task = task_of(args.name)
    path = folder.start(args.name, stub_of(task, args.name), args.folder)
    print(f"{shown(str(path))} holds the lesson and what is to be written. When it is:")
    print(f"    {USE} check {args.name}")
    return 0


def check_one(args):
    task_of(args.name)
    path = args.file or Path(args.folder) / f"{args.name}.py"
    passed, text = check(args.name, path, args.seconds)
    first, _, rest = shown(text).partition("\n")
    print(fill(f"{args.name}: {'done' if passed else 'not yet'}. {first}", 80))
    print(rest, end="\n" if rest else "")
    if not passed:
        print(f"\nStuck? {USE} hint {args.name}")
        return 1
    folder.record(args.folder, args.name, done=folder.today())
    names = list(EXERCISES)
    print(f"Compare: {USE} solution {args.name}")
    if args.name != names[-1]:
        print(f"Next:    {USE} start {names[names.index(args.name) + 1]}")
    return 0


def hint(args):
    hints = task_of(args.name).HINTS
    shown = folder.read_progress(args.folder).get(args.name, {}).get("hints", 0)
    n = min(shown + 1, len(hints))
    print(fill(f"{n} of {len(hints)}: {hints[n - 1]}", 80))
    if shown == len(hints):
        print(f"That was the last hint. The answer: {USE} solution {args.name}")
    folder.record(args.folder, args.name, hints=n)
    return 0


def solution(args):
    task = task_of(args.name)
    for answer in task.SOLUTION:
        source, line = inspect.getsourcelines(answer)
        path = Path(inspect.getsourcefile(inspect.unwrap(answer))).resolve()
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        print(f"{shown}:{line}\n\n{''.join(source)}")
    return 0


def parse(argv):
    """The arguments."""
    parser = argparse.ArgumentParser(prog=USE, description="Learn GPT-2 by writing it.")
    parser.add_argument("--folder", default=".", help="your folder; default: this one")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, act, text in [
        ("list", list_all, "what there is, and what is done"),
        ("start", start, "write a stub with its lesson into the folder"),
        ("check", check_one, "grade what you wrote"),
        ("hint", hint, "one hint more"),
        ("solution", solution, "the answer's source"),
    ]:
        command = harmless(commands.add_parser(name, help=text))
        command.set_defaults(act=act)
        if name != "list":
            command.add_argument("name", metavar="NAME")
        if name == "check":
            command.add_argument("file", nargs="?", help="default: FOLDER/NAME.py")
            command.add_argument(
                "--seconds", type=float, default=SECONDS, help="time limit"
            )
    return harmless(parser).parse_args(argv)


@without_traceback("exercises", unread=1)
def main(argv=None):
    """Run the command; returns the exit code."""
    args = parse(argv)
    return args.act(args) if args.command else list_all(args)


if __name__ == "__main__":
    sys.exit(main())
