"""The views as text for a terminal of some width: data in, lines out.

Each function takes what the function of the same name in views.py (or merges.py)
returns. ``paint(text, style)`` colours; `plain` does not.

Next: __main__.py.
"""

import unicodedata

STYLES = {"strong": "1", "dim": "2", "good": "32", "bad": "31"}
SHADES = " ░▒▓█"  # a weight below 5 %, 25 %, 50 %, 75 %, above


def plain(text, style):
    return text


def coloured(text, style):
    """With the terminal's own colours, so that light and dark ones both work."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def quoted(text):
    """A token between quotation marks, so that its spaces show."""
    return f'"{text}"'


def columns(text):
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def fit(text, width):
    """The text in exactly so many columns, cut with an ellipsis or filled."""
    if columns(text) > width:
        while columns(text) > width - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (width - columns(text))


def joined(parts, width, indent):
    """Parts separated by spaces, in lines of at most ``width``. What stands before the
    first line, or indents the others, takes ``indent`` of it."""
    lines = [""]
    for part in parts:
        if lines[-1] and columns(lines[-1]) + 2 + columns(part) > width - indent:
            lines.append("")
        lines[-1] += ("  " if lines[-1] else "") + part
    return ("\n" + " " * indent).join(line for line in lines)


def tokens(pieces, width, paint=plain):
    """The pieces of a text, their bytes where these are not plain letters, every merge
    in order, the ids."""
    for piece in pieces:
        yield paint(quoted(escaped(piece["text"])), "strong")
        if not piece["text"].isascii():
            data = [f"{byte:02x}" for byte in piece["bytes"]]
            yield "  bytes   " + joined(data, width, 10)
        for merge in piece["merges"]:
            made = f"{quoted(merge['left'])} + {quoted(merge['right'])}"
            yield fit(f"  merge   {made}", width - 14) + f"  no. {merge['rank'] + 1}"
        found = [f"{quoted(t['text'])} {t['id']}" for t in piece["tokens"]]
        yield "  tokens  " + joined(found, width, 10)
    n_tok, n_merge = (sum(len(p[k]) for p in pieces) for k in ("tokens", "merges"))
    n_byte = sum(len(piece["bytes"]) for piece in pieces)
    yield f"{len(pieces)} pieces, {n_byte} bytes, {n_merge} merges, {n_tok} tokens"


def escaped(text):
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def strongest(view, width, paint=plain):
    """All heads: where each looks most strongly, and its habits."""
    room = max((width - 43) // 2, 8)
    ends = f"{fit('from', room)} {fit('to', room)}"
    yield paint(f"layer head  weight  {ends}  prev. itself first", "strong")
    for head in view["heads"]:
        from_, to = (
            numbered(view["tokens"], head[end], room) for end in ("from", "to")
        )
        habits = "".join(f"{head[k]:7.0%}" for k in ("previous", "itself", "first"))
        place = f"{head['layer']:5} {head['head']:4} {head['weight']:7.0%}"
        yield f"{place}  {from_} {to}{habits}"
    yield from wrapped(
        "from, to: its strongest look at an earlier token other than the first. prev., "
        "itself, first: its attention to the token before, to itself and to the first "
        "token, on average. Behind a token stands its number, from 0: --at N shows "
        "what that token looks at, --layer L --head H one head whole. "
        + _blocks(view["n_layer"]),
        width,
    )


def numbered(texts, number, room):
    """A token with its number, as tokens repeat, in exactly so many columns."""
    end, text = f" ({number})", quoted(texts[number])
    if columns(text) > room - len(end):
        text = fit(text, max(room - len(end), 1))
    return fit(text + end, room)


def _blocks(n_layer):
    return f"Layer N is block N of {n_layer}, counted from 0."


def looks(view, width, paint=plain):
    """All heads: what one token looks at."""
    texts, at = view["tokens"], view["at"]
    yield paint(f"token {at}: {fit(quoted(texts[at]), width - 14).rstrip()}", "strong")
    yield paint("layer head itself first  looks at", "strong")
    for head in view["heads"]:
        found = [
            f"{weight:4.0%} {numbered(texts, to, 20).rstrip()}"
            for to, weight in head["looks"]
        ]
        place = f"{head['layer']:5} {head['head']:4}"
        habits = f"{head['itself']:7.0%}{head['first']:6.0%}"
        shown = joined(found, width, 25).split("\n")[0]
        yield f"{place}{habits} {shown}".rstrip()
    yield from wrapped(
        "looks at: the earlier tokens that it looks at most, without itself and the "
        "first token, which have columns of their own; behind each its number, from "
        "0. " + _blocks(view["n_layer"]),
        width,
    )


def attention(view, width, paint=plain):
    """One head: a line a token, the heat map, and what it looks at most."""
    texts, n_tok = [quoted(token) for token in view["tokens"]], len(view["tokens"])
    block = f"block {view['layer']} of {view['n_layer']}, counted from 0"
    yield paint(f"layer {view['layer']} ({block}), head {view['head']}", "strong")
    digits, room = len(str(n_tok - 1)), min(max(columns(text) for text in texts), 14)
    map_width = min(n_tok, max(width - room - 3 * digits - 41, 0))
    first = n_tok - map_width  # of the columns that fit, the last ones
    if first:
        yield f"the map shows the last {map_width} of {n_tok} tokens"
    for text, row, number in zip(texts, view["pattern"], range(n_tok)):
        best = sorted(range(number + 1), key=lambda i: -row[i])[:2]
        looks = [f"{row[i]:4.0%} {texts[i]} ({i})" for i in best if row[i] >= 0.05]
        shades = "".join(shade(w) for w in row[first : number + 1])
        token = f"{number:{digits}} {fit(text, room)}"
        line = f"{token} {fit(shades, map_width)}  {'  '.join(looks)}"
        yield fit(line, width).rstrip()
    yield from wrapped(
        "a row: what the token looks at; ░ from 5 %, ▒ 25 %, ▓ 50 %, █ 75 %", width
    )


def shade(weight):
    return SHADES[sum(weight >= least for least in (0.05, 0.25, 0.5, 0.75))]


def lens(view, width, paint=plain):
    """What each layer would say."""
    heard = " ".join(view["tokens"][max(0, view["at"] - 7) : view["at"] + 1])
    yield paint(f"after token {view['at']}: … {heard}", "strong")
    answer = quoted(view["answer"])
    for number, layer in enumerate(view["layers"]):
        top = [f"{quoted(text)} {p:.0%}" for text, p in layer["top"]]
        says = joined(top, width, 16).split("\n")[0]
        mark = paint(says, "good") if number >= view["settled"] else says
        yield f"{layer['after']:14}  {mark}"
        yield paint(f"{'':16}{answer}: rank {layer['rank']}, {layer['p']:.1%}", "dim")
    n_layer, where = len(view["layers"]) - 1, view["layers"][view["settled"]]["after"]
    last = f" (the last of {n_layer})" if view["settled"] == n_layer else ""
    yield from wrapped(
        f"The model's answer is {answer}. It is the best from {where} on{last}. "
        + _blocks(n_layer),
        width,
    )


def steps(view, width, paint=plain):
    """Every new token: offer, links, draw."""
    for step in view:
        context = "".join(step["context"])
        token = quoted(step["token"])
        while columns(context) > width - columns(token) - 16:
            context = context[1:]
        yield paint(f"step {step['step']}: …{context} → {token}", "strong")
        yield "  offered     " + _list(step["offered"], width)
        when = ""
        for link in step["links"]:
            yield from _link(link, width, paint, when)
            if link["name"].startswith("temperature"):
                when = " after temperature"
        yield "  drawn from  " + _list(step["drawn_from"], width)
        draft = {"accepted": ", guessed and accepted", "refused": ", after a refusal"}
        yield f"  drawn       {token} with {step['p']:.2%}"
        yield (
            f"              the model offered it with {step['offered_p']:.2%}, rank "
            f"{step['rank']}{draft.get(step['draft'], '')}"
        )


def _list(pairs, width):
    parts = [f"{quoted(text)} {p:.1%}" for text, p in pairs]
    return joined(parts, width, 14).split("\n")[0]


def _link(link, width, paint, when):
    """``when``: what its probabilities already have behind them."""
    left = f"{link['left']} left, {link['bits']:.2f} bits"
    name = f"  {link['name']:22} {left:24}"
    if not link["removed"]:
        yield name.rstrip()
        return
    yield f"{name} {link['removed']} removed, {link['mass']:.1%}"
    (kept, p), (gone, q) = link["last_kept"], link["best_removed"]
    gone = f"the likeliest removed: {quoted(gone)} {q:.3%}{when}"
    kept = f"the least likely kept: {quoted(kept)} {p:.3%}{when}"
    yield "      " + fit(kept, width - 6).rstrip()
    yield "      " + paint(fit(gone, width - 6).rstrip(), "bad")


def beams(view, width, paint=plain):
    """The tree, a run of only children on one line."""
    yield from _branches(view, "", width, paint)
    yield from wrapped(
        "The number is the sum of log-probabilities; a line of several tokens has "
        "that of its first and of its last. #2: the first was the second best beam of "
        "its step. ✓ finished, ✗ died. Finished texts are compared by their sum / "
        "length ** length_penalty. Candidates that were never kept are in --json.",
        width,
    )


def _branches(nodes, before, width, paint):
    nodes = [node for node in nodes if node["fate"] != "dropped"]
    for node in nodes:
        last = node is nodes[-1]
        text, below = node["text"], before + ("   " if last else "│  ")
        first, step, score = node["place"], node["step"], f"{node['score']:.2f}"
        while len(kept := _kept(node)) == 1:
            [node] = kept
            text += node["text"]
        if step < node["step"]:
            score += f" … {node['score']:.2f}"
        start = f"step {step}" + (f" #{first}" if first else "")
        end = score + (" ✓" if node["fate"] == "finished" else "")
        end += " ✗" if node["died"] else ""
        room = width - columns(before) - len(start) - len(end) - 6
        text = fit(quoted(text), min(columns(text) + 2, max(room, 8)))
        line = f"{before}{'└' if last else '├'}─ {start} {text} {end}"
        yield paint(line, "good" if node["alive"] else "dim")
        if node["died"]:
            for part in wrapped(f"died at {node['died']}", width - columns(below) - 3):
                yield paint(f"{below}   {part}", "bad")
        yield from _branches(kept, below, width, paint)


def _kept(node):
    return [child for child in node["children"] if child["fate"] != "dropped"]


def wrapped(text, width):
    """A text in lines."""
    lines = [""]
    for word in text.split():
        if lines[-1] and columns(lines[-1]) + 1 + columns(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
