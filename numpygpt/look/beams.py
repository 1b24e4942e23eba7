"""The tree that a beam search grew: who led to whom, who died when, and why.

beam.py notes for each step its candidates as ``(parent, token, score, fate)``. This
file strings them together. A beam that was kept dies when none of its continuations is
kept: all of them are worth less than the worst that is.

Next: show.py.
"""

from dataclasses import dataclass, field


@dataclass
class Node:
    """A text in the search: its last token, and where it comes from."""

    token: int
    step: int  # 1 for the first new token
    score: float  # the sum of log-probabilities
    fate: str  # "kept", "finished", "dropped"
    place: int = 0  # 1 for the best of those kept at its step; 0: not kept
    children: list = field(default_factory=list)
    died: str = ""  # kept, and then: why it went no further

    def is_alive(self):
        """Whether it leads to a text that finished or was still going at the end."""
        if self.children:
            return any(child.is_alive() for child in self.children)
        return self.fate != "dropped" and not self.died


def tree(notes):
    """``notes`` of a beam search's result, for one of its texts -> the root's children,
    a list of `Node`."""
    root = Node(-1, 0, 0.0, "kept")
    live, finished = [root], []
    for number, candidates in enumerate(notes, 1):
        found = []
        for parent, token, score, fate in candidates:
            node = Node(token, number, score, fate)
            live[parent].children.append(node)
            found.append(node)
        kept = [node for node in found if node.fate == "kept"]
        finished += [node.score for node in found if node.fate == "finished"]
        for node in live:
            if not any(child.fate != "dropped" for child in node.children):
                node.died = _why(node, found, finished, number)
        live = sorted(kept, key=lambda node: -node.score)  # as the search numbers them
        for place, node in enumerate(live, 1):
            node.place = place
    return root.children


def _why(node, candidates, finished, number):
    """Why nothing of a beam was kept at this step. ``finished``: the scores of all that
    finished up to it."""
    kept = [other.score for other in candidates if other.fate == "kept"]
    own = [child.score for child in node.children]
    least = min(other.score for other in candidates)
    best = f"scored {max(own):.2f}" if own else f"scored less than {least:.2f}"
    if kept:
        worst = f"the worst kept {min(kept):.2f}"
        return f"step {number}: its best continuation {best}, {worst}"
    worst = f", the worst finished {min(finished):.2f}" if finished else ""
    return f"step {number}: the search was over; its best continuation {best}{worst}"


def walk(nodes):
    """All nodes, parents first."""
    for node in nodes:
        yield node
        yield from walk(node.children)
