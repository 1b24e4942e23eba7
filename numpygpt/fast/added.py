r"""Find thousands of added tokens in a text, in time that grows with the text alone.

An added token, ``<|endoftext|>`` or a word that somebody gave an id of its own, is
found in the text as it stands, before any merging: the leftmost, and of those that
begin at one place the longest. The plain formula, with the longest token first:

    re.split("(" + "|".join(map(re.escape, tokens)) + ")", text)

Its time grows with the number of tokens, too. Here a place is looked at if some token
begins with its character, and then one set is asked once for each length that such
tokens have.

A token can ask for more: ``single_word``, not to be found inside a longer word;
``lstrip`` and ``rstrip``, to take the white space before or behind it along. All as in
Hugging Face's tokenizers (added_vocabulary.rs), which look for the tokens that are not
``normalized`` first, and for the others in what is left.

Next: tokenizer.py.
"""

import re
from typing import NamedTuple

import regex

SPACE = regex.compile(r"\s*+")
SPACES = "".join(regex.findall(r"\s", "".join(map(chr, range(0x3001)))))
WORD = regex.compile(r"\w")


class Added(NamedTuple):
    """An added token, as Hugging Face's tokenizers describes it."""

    id: int
    special: bool = False  # marks something, and is no part of the text
    lstrip: bool = False  # takes the white space before it along
    rstrip: bool = False  # ... and behind it
    single_word: bool = False  # is not found inside a longer word
    normalized: bool = True  # is looked for when all that are not have been found


class Finder:
    """Where the tokens of a collection begin in a text."""

    def __init__(self, tokens):
        self.lengths = {}  # of the tokens that begin with a character, longest first
        for token in tokens:
            self.lengths.setdefault(token[0], set()).add(len(token))
        self.lengths = {c: sorted(ns)[::-1] for c, ns in self.lengths.items()}
        first = "".join(map(re.escape, self.lengths))
        self.begin = re.compile(f"[{first}]" if first else "(?!)")

    def find(self, text, wanted, at=0):
        """``(begin, token)`` of the leftmost, longest one for which ``wanted`` is true,
        from character ``at`` on; None if there is none."""
        if at == 0 and len(self.lengths) < 9:  # `in` is far faster than an expression
            if not any(character in text for character in self.lengths):
                return None
        for match in self.begin.finditer(text, at):
            begin = match.start()
            for n in self.lengths[match[0]]:
                if wanted(token := text[begin : begin + n]):
                    return begin, token
        return None


class AddedTokens:
    """``tokens``: ``{text: Added}``."""

    def __init__(self, tokens):
        self.special = {text: a.id for text, a in tokens.items() if a.special}
        self.any_special = Finder(self.special)
        self.passes = []
        for normalized in (False, True):
            some = {t: a for t, a in tokens.items() if a.normalized == normalized}
            if some:
                self.passes.append((some, Finder(some)))

    @staticmethod
    def special_ones(texts, vocab):
        """``{text: Added}`` of those that the vocabulary has."""
        return {t: Added(vocab[t], special=True) for t in texts if t in vocab}

    def check(self, text, allowed, refused):
        """``ValueError`` if a token that is refused ("all": any special one) and not
        allowed stands in the text."""
        finder = self.any_special if refused == "all" else Finder({*refused} - {""})
        refused = self.special if refused == "all" else refused
        if found := finder.find(text, lambda t: t in refused and t not in allowed):
            begin, token = found
            raise ValueError(
                f"the text contains the special token {token!r} at character {begin}. "
                f"allowed_special={{{token!r}}} makes it one id, disallowed_special=() "
                "makes it ordinary text."
            )

    def split(self, text, allowed):
        """The text as ``[(part, None) or (token, its id), ...]``; of special tokens
        only those in ``allowed``, a set, are seen."""
        parts = [(text, None)]
        for tokens, finder in self.passes:
            parts = [
                new
                for part, i in parts
                for new in (
                    _split(part, tokens, finder, allowed) if i is None else [(part, i)]
                )
            ]
        return parts


def _split(text, tokens, finder, allowed):
    def wanted(piece):
        return piece in tokens and (not tokens[piece].special or piece in allowed)

    done = at = 0
    while found := finder.find(text, wanted, at):
        begin, spelling = found
        at = end = begin + len(spelling)
        token = tokens[spelling]
        if token.single_word and (
            (begin > 0 and WORD.match(text, begin - 1)) or WORD.match(text, end)
        ):
            continue
        if token.lstrip:
            begin = done + len(text[done:begin].rstrip(SPACES))
        if token.rstrip:
            end = SPACE.match(text, end).end()
        if done < begin:
            yield text[done:begin], None
        if begin < end:  # else another token took all of it as white space
            yield spelling, token.id
        done = end
    if done < len(text):
        yield text[done:], None
