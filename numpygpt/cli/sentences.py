"""Ending a text where a sentence ends.

A text of exactly 100 tokens breaks off in the middle of a word. For reading it is nicer
to stop at the first end of a sentence near the limit: from four fifths of it on, and if
there is none, a fifth beyond it.
"""

import re

ROOM = 5  # a fifth of the limit, before and behind it
CONSTRAINTS = {"regex", "choices", "json_schema", "json_object"}  # they say how it ends
END = re.compile(r"""[.!?…]["'”’)\]]*\s*$""")
# What ends in a dot and is no end: "Mr.", "J.", "e.g."
SHORT = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Prof|Capt|vs|etc)|\b[A-Za-z])\.$")


def is_end(text):
    r"""Does a sentence end here, outside of direct speech?

    >>> [is_end(t) for t in ("He went.", "said Mr.", "in the", 'He said, "Go.')]
    [True, False, False, False]
    >>> is_end('He said, "Go."')
    True
    """
    paragraph = text.rpartition("\n\n")[2] or text
    count = paragraph.count
    is_speech = count('"') % 2 == 1 or count("“") > count("”")
    return bool(END.search(text)) and not SHORT.search(text) and not is_speech


def to_sentences(settings, tokenizer, n_prompt):
    """The settings, changed so that the text ends with a sentence; as they are where
    something else says how it ends."""
    limit = settings.get("max_new_tokens")
    searches = settings.get("num_beams", 1) > 1 or settings.get("penalty_alpha")
    if limit is None or searches or settings.keys() & CONSTRAINTS:
        return settings

    def stops(ids):
        if len(ids) < n_prompt + limit - limit // ROOM:
            return False
        return is_end(tokenizer.decode(ids[n_prompt:], skip_special_tokens=True))

    more = {"max_new_tokens": limit + limit // ROOM, "stopping_criteria": [stops]}
    return {**settings, **more}
