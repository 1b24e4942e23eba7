"""How fast numpygpt is, beside its peers and beside what the machine can do.

    pip install -e .[benchmark]                    # and llama-cpp-python for that peer
    python scripts/benchmark.py                    # GPT-2 124M, random weights
    python scripts/benchmark.py --model fairytale --cases decode,process --json

Speed depends on the weights' shape, not on their values, so a random model will do. A
laptop's clock, and a shared server's neighbours, drift by tens of per cent: so nothing
is timed on its own. In every round of a case each competitor has its turn, A B A B, in
a process of its own while the others sleep (peers.py says why), and what counts is the
median of the rounds' ratios. A peer that is not installed is left out.

The machine's own bounds are measured in every round, too. A step of generation must
read every weight once; ``n`` rows need two operations a weight and row. The longer of
the two times is the bound (attention is not in it), and the share of it that numpygpt
reached stands beside its figure. A figure above its bound is an error.

A round in which other programs used more than a twentieth of a core is done again, at
most as many times as there are rounds; what stays in the result is marked "busy". The
first line says which BLAS computes, with the code for which processor, and why.
``--isa avx2`` holds all to AVX2, which is what most processors have; ``--busy 2`` runs
two programs beside them that want a core each.

A row of the table: the case, its unit, numpygpt's figure, its share of the bound, then
every peer's figure and in brackets how many times better numpygpt is.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from neighbours import ALLOWED, ISA, Watch, spinning
from peers import PEERS, n_core
from race import ENVIRONMENT, GROUPS, ROOT, LeftOut, Race, start

from numpygpt import GPT2Config
from numpygpt.config import PUBLISHED
from numpygpt.files import hub
from numpygpt.files.terminal import count, harmless, say, without_traceback
from numpygpt.weights import read_config

MAKE = (
    "import sys\n"
    "from numpygpt import GPT2, GPT2Config, Tokenizer\n"
    "GPT2.random(GPT2Config.named(sys.argv[1])).save_pretrained(sys.argv[2])\n"
    "Tokenizer.gpt2().save_pretrained(sys.argv[2])"
)


# So long do the threads of OpenBLAS and of CTranslate2 keep asking for more work.
PAUSE = 0.25


class AboveBound(Exception):
    """A figure that cannot be."""


ABOVE = 1.05  # of the bound: more cannot be, but for the bound's own inaccuracy


def one_round(case, runs):
    """``{who: seconds}``, once each; who fails is taken out of ``runs``."""
    times, first = {}, next(iter(case.runs))
    for who, run in list(runs.items()):
        time.sleep(PAUSE if len(runs) > 1 else 0)
        try:
            times[who] = run()
        except LeftOut as error:
            if who == first:
                raise
            say(f"{case.name}: {who} is left out: {error}")
            del runs[who]
    return times


def measure(case, judge, rounds, watch=None):
    """Let all have their turns, round after round; the case's result as a dict.
    ``judge``: the worker that measures the machine's bounds; ``watch``: its `look`
    says how many cores others had since the last one, or None."""
    runs, found, n_more = dict(case.runs), [], rounds
    last = min(rounds, case.rounds or rounds)
    if not case.rounds:
        one_round(case, runs)  # once without the clock
    look = watch.look if watch else lambda: None
    look()
    while len(found) < last:
        times, bound = one_round(case, runs), None
        if case.bound:
            bound = case.bound(judge.ask("bandwidth"), judge.ask("product"))
        others = look()
        if others and others > ALLOWED and n_more:
            n_more -= 1
            continue
        found.append((times, bound, others))
    times = {who: [t[who] for t, _, _ in found] for who in runs}
    result = summary(case, times)
    result["others"] = [o if o is None else round(o, 3) for _, _, o in found]
    result["busy"] = sum(o is not None and o > ALLOWED for *_, o in found)
    if case.bound:
        check_bound(case, result, [b for _, b, _ in found], times)
    return result


def check_bound(case, result, bounds, times):
    """Note the bound, and the share of it that was reached."""
    first = next(iter(times))
    result["bound"] = case.amount / statistics.median(bounds)
    result["share"] = statistics.median(b / t for b, t in zip(bounds, times[first]))
    if result["share"] > ABOVE:
        raise AboveBound(
            f"{case.name}: {result['share']:.0%} of what the machine can do cannot be: "
            "other programs were in the way of one of the two"
        )


def summary(case, times):
    """The medians, and of the rounds' ratios: how many times better the first is."""
    first, middle = next(iter(times)), statistics.median
    is_rate = case.unit.endswith("/s")
    values = {
        who: case.amount / middle(t) if is_rate else case.amount * middle(t)
        for who, t in times.items()
    }
    ratios = {
        who: middle(b / a for a, b in zip(times[first], t))
        for who, t in times.items()
        if who != first
    }
    result = {"case": case.name, "unit": case.unit, "values": values, "ratios": ratios}
    return result | {"rounds": len(times[first]), "bound": None, "share": None}


def row(result):
    """A result as a row of the table."""
    (first, value), *others = result["values"].items()
    ratios, share = result["ratios"], result["share"]
    # In a row about itself alone, what is compared needs its name.
    name = "" if first == "numpygpt" else f"{first} "
    cells = [f"{name}{value:.4g}", f"{share:.0%}" if share else ""]
    cells += [f"{who} {v:.4g} ({ratios[who]:.2f})" for who, v in others]
    text = f"{result['case']:<22}{result['unit']:<10}{cells[0]:<10} {cells[1]:<6}"
    text = f"{text}{'  '.join(cells[2:])}".rstrip()
    n = result["rounds"]
    return text + (f"  busy: {result['busy']} of {n} rounds" if result["busy"] else "")


def machine(model, config, versions):
    """What the figures depend on."""
    facts = {"cores": n_core(), "processor": platform.machine()}
    facts |= {"python": platform.python_version(), **versions}
    return facts | {"model": model, "n_params": config.n_params}


def warning(facts):
    """What a reader of the figures must know of the machine, or nothing."""
    if facts.get("kernel_chosen") == "OPENBLAS_CORETYPE" and not facts["isa"]:
        return "OPENBLAS_CORETYPE forces BLAS's kernel: unset it for the machine's own"
    return ""


def read_text(path):
    """At most 2 MB of text; of this repository's, if no file is given."""
    paths = [ROOT / "README.md", *sorted(ROOT.glob("numpygpt/**/*.py"))]
    paths += sorted(ROOT.glob("scripts/*.py"))
    texts = [p.read_text(encoding="utf-8") for p in ([Path(path)] if path else paths)]
    return "\n".join(texts)[:2_000_000]


def listed(choice, known, what):
    """``"a,b"`` as a list, every member of which is known."""
    names = [name.strip() for name in choice.split(",") if name.strip()]
    for name in names:
        if name not in known:
            known = ", ".join(known)
            raise ValueError(f"--{what} must be of {known}, not {name!r}")
    return list(dict.fromkeys(names))


def parse(argv):
    """The options; what is wrong with them ends the program with exit code 2."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], epilog=__doc__.rpartition("\n\n")[2]
    )
    option = parser.add_argument
    option("--model", default="gpt2", metavar="SIZE_NAME_OR_FOLDER",
           help="gpt2, gpt2-xl, ...: random weights of that size")  # fmt: skip
    option("--rounds", type=count, default=5)
    option("--cases", default=",".join(GROUPS[:-1]),
           help=f"of {', '.join(GROUPS)}; default: all but the last")  # fmt: skip
    option("--peers", default=",".join(PEERS),
           help=f"of {', '.join(PEERS)}; default: all; the first always")  # fmt: skip
    option("--text", help="a file of English for the tokenizer")
    option("--isa", choices=ISA, help="hold all to these instructions")
    option("--busy", type=int, default=0, metavar="N",
           help="run so many programs beside them that want a core each")  # fmt: skip
    option("--json", action="store_true", help="one object a line")
    args = harmless(parser).parse_args(argv)
    try:
        args.cases = listed(args.cases, GROUPS, "cases")
        args.peers = listed(args.peers, PEERS, "peers")
        if not 0 <= args.busy <= 64:
            raise ValueError(f"--busy must be from 0 to 64, not {args.busy}")
        args.text = read_text(args.text)
        args.is_random = args.model in PUBLISHED
        args.folder = None if args.is_random else hub.find(args.model)
        args.config = (
            GPT2Config.named(args.model) if args.is_random else read_config(args.folder)
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return args


def busy(peers, cases):
    """The peers that have something to do in these cases; others are not started."""
    for who in peers:
        tokenizing = {"tokenizer"} & set(cases)
        others = set(cases) - {"tokenizer", "growth"}
        if who != "numpygpt" and (tokenizing if who == "tiktoken" else others):
            yield who


def run_all(args, race, workers):
    """Every case, a line each; who is above the bound ends the program at the end."""
    wrong = []
    with spinning(args.busy) as pids:
        pids = [*pids, *(worker.process.pid for worker in workers.values())]
        watch = Watch(pids, time.perf_counter)
        for group in args.cases:
            for case in getattr(race, group)():
                try:
                    result = measure(case, workers["numpygpt"], args.rounds, watch)
                except AboveBound as error:
                    wrong.append(str(error))
                    say(f"error: {error}")
                    continue
                print(json.dumps(result) if args.json else row(result), flush=True)
    if wrong:
        sys.exit(f"{len(wrong)} figures were above their bounds")


@without_traceback("benchmark.py", unread=1)
def main(argv=None):
    """Read the arguments, measure, print."""
    args = parse(argv)
    workers = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or scratch
        try:
            if args.is_random:
                make = [sys.executable, "-c", MAKE, args.model, scratch]
                if subprocess.run(make, env=ENVIRONMENT, check=False).returncode:
                    raise LeftOut(f"no random model of the size {args.model}")
            ENVIRONMENT.update(ISA.get(args.isa, {}))
            workers, versions = start(busy(args.peers, args.cases), folder)
            facts = machine(args.model, args.config, versions)
            facts |= {"isa": args.isa, "busy": args.busy}
            if warning(facts):
                say(warning(facts))
            print(json.dumps({"machine": facts}) if args.json else facts, flush=True)
            run_all(args, Race(folder, workers, args.text), workers)
        except LeftOut as error:
            sys.exit(f"numpygpt cannot be measured: {error}")
        finally:
            for worker in workers.values():
                worker.close()


if __name__ == "__main__":
    sys.exit(main())
