"""Where dry's repeats break off: texts as sequences of tokens.

A breaker such as ":" may stand alone in a token, inside one (" said:"), or across
several. As in llama.cpp, a text becomes the list of all ways to meet it: every token
that holds it; and every token that ends with its beginning, followed by the tokens of
its rest.

Next: penalties.py.
"""

from functools import lru_cache

from ..plumbing.ranges import as_tuple

LONGEST = 40  # bytes of a text that count, as in llama.cpp
MOST = 20  # tokens of its rest


def breaker_sequences(breakers, tokenizer):
    """Texts, ids and lists of ids -> a tuple of tuples of ids."""
    texts = tuple(b for b in breakers if isinstance(b, str))
    ids = tuple(as_tuple(b) for b in breakers if not isinstance(b, str))
    if texts and tokenizer is None:
        raise ValueError(
            f"dry_sequence_breakers {list(texts)} are texts, and generate works on "
            "ids: pass tokenizer= too, or dry_sequence_breakers as ids ([]: none)"
        )
    return ids + _of_texts(texts, tokenizer) if texts else ids


@lru_cache(maxsize=8)
def _of_texts(texts, tokenizer):
    words = {i: tokenizer.decode_bytes([i]) for i in tokenizer.vocab.values()}
    found = {}
    for text in (text.encode()[:LONGEST] for text in texts):
        for token, word in words.items():
            if text in word:
                found[token,] = None
                continue
            for n in range(min(len(word), len(text) - 1), 0, -1):
                if word.endswith(text[:n]):
                    rest = text[n:].decode(errors="ignore")
                    found[(token, *tokenizer.encode(rest)[:MOST])] = None
    return tuple(found)
