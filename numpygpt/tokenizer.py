r"""Text <-> token ids: bytes, a regular expression, and 50,000 merges.

A language model reads numbers. Giving every word a number fails on the first word
it has not met; giving every byte one makes texts five times as long. GPT-2's
answer, byte-level byte-pair encoding, lies between: start from the 256 bytes, which
can spell anything, and replace the pair of neighbours that training text had most
often by a new symbol, 50,000 times. Frequent words end up as one token, rare ones
as a few, and nothing is ever "unknown".

Encoding has three steps:

1. A regular expression cuts the text into pieces (words with the space before them,
   numbers, punctuation, white space), so that no token spans "dog" and "." at once.
2. A piece becomes its UTF-8 bytes, each byte a symbol.
3. Merges are applied to the piece, the earliest learned first, until none applies.

Everything follows from the merge table alone: symbols 0-255 are the bytes (in an
odd order, see ``BYTE_ORDER``), symbol ``256 + k`` is what merge ``k`` makes, and
``<|endoftext|>`` comes last. So the first K merges are a complete, smaller
vocabulary: ``Tokenizer.gpt2(n_merges=4000)``.

Papers: Sennrich et al., arXiv:1508.07909; Radford et al., "Language Models are
Unsupervised Multitask Learners" (2019), section 2.2.

Try: encode " hello", "hello" and "HELLO": three different things to the model. Then
set ``n_merges`` to 0, 10, 1000 and watch a sentence get shorter.

Next: config.py.
"""

import codecs
import re
from collections import defaultdict
from itertools import chain, count, pairwise

import numpy as np
import regex

from . import checks
from .clean_up import cleaned, cleaned_pieces
from .fast.added import AddedTokens
from .fast.long_pieces import merge_long
from .fast.memo import Memo
from .fast.merges import merge_table
from .files.hub import FormatError, find
from .files.vocabulary import gpt2_merges, read_tokenizer, write_tokenizer
from .learn_merges import count_pieces, learn_merges

# The pieces, in the order they are tried: contractions, words, numbers, anything
# else that is not white space, and white space itself. A run of white space leaves
# its last character to the word behind it: "a   b" is "a", "  ", " b". `++` never
# gives back what it took, which saves time and changes nothing.
PIECES = regex.compile(
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
)
# The same for text that is pure ASCII: the standard library's engine lacks \p{L},
# but is twice as fast where [A-Za-z] says it all.
ASCII_PIECES = re.compile(
    r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+",
    re.ASCII,
)
# OpenAI's files spell bytes as printable characters. A byte that is printable in
# Latin-1 stands for itself; the other 68 borrow the characters from U+0100 on: the
# space is "Ġ". Symbols 0-255 are the bytes in the order of this list.
_PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTE_ORDER = _PRINTABLE + [b for b in range(256) if b not in _PRINTABLE]
_SPELLING = [chr(b) for b in _PRINTABLE] + [chr(256 + i) for i in range(68)]
_SYMBOL_OF_BYTE = bytes(BYTE_ORDER.index(b) for b in range(256))
# Any other character becomes U+0100, which Latin-1 cannot encode: that is an error.
_BYTE_OF_SPELLING = defaultdict(lambda: 256, zip(map(ord, _SPELLING), BYTE_ORDER))

END_OF_TEXT = "<|endoftext|>"
NOTHING = 1 << 62  # what a pair makes that no merge has: behind all symbols
LONG = 100  # symbols: from there on merge_long is faster


class Tokenizer:
    """GPT-2's tokenizer over a list of merges.

    ``merges``: pairs of tokens as merges.txt spells them, earliest first.
    ``vocab``: ``{token: id}``; by default ids are in the order above.
    ``added``: ``{token: Added}``, tokens that are found in the text as they stand,
    before any merging; by default ``eos_token`` alone, as a special one.
    ``eos_token``: what ends a text, or None. ``names``: ``{"pad_token": token, ...}``.
    ``add_prefix_space``: a text gets a space before it, if it begins with none.
    ``template``: the ids that `encode` puts before a text, and those behind it.
    ``clean_up_tokenization_spaces``: `decode` takes some spaces out (clean_up.py).

    >>> tokenizer = Tokenizer.gpt2()
    >>> tokenizer.encode("hello world")
    [31373, 995]
    >>> tokenizer.decode([31373, 995])
    'hello world'
    >>> Tokenizer.gpt2(n_merges=0).encode("hello")          # bytes only
    [71, 68, 75, 75, 78]
    """

    def __init__(
        self, merges, vocab=None, eos_token=END_OF_TEXT, *, added=None, names=None,
        add_prefix_space=False, template=((), ()), clean_up_tokenization_spaces=False,
    ):  # fmt: skip
        self.spelled_merges = checks.as_merges(merges)
        checks.check_tokenizer(vocab, eos_token, added, names, template)
        # Merging works on symbols; what leaves this class are ids. In GPT-2's own files
        # the two agree.
        tokens = [*_SPELLING, *(left + right for left, right in self.spelled_merges)]
        self.merges = merge_table(self.spelled_merges, tokens)
        if vocab is None:
            known = dict.fromkeys(filter(None, [*tokens, eos_token]))
            vocab = dict(zip(known, count()))
        self.vocab = vocab = dict(vocab)
        self._id_of_symbol = list(map(vocab.get, tokens))
        checks.check_complete(tokens, self._id_of_symbol)
        self._token_of_id = dict(zip(vocab.values(), vocab))
        self.n_vocab = max(vocab.values()) + 1
        if added is None:
            added = AddedTokens.special_ones([eos_token], vocab)
        self._added = AddedTokens(added)
        self.added_tokens, self.special_tokens = added, self._added.special
        usual = {"bos_token": eos_token, "unk_token": eos_token}
        self.names = {**(usual if names is None else names), "eos_token": eos_token}
        for name in ("eos_token", "bos_token", "unk_token", "pad_token"):
            setattr(self, name, self.names.get(name))
            setattr(self, f"{name}_id", vocab.get(self.names.get(name)))
        self.add_prefix_space, self.template = add_prefix_space, template
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self._memo = Memo(cut, self._encode_piece)

    @classmethod
    def gpt2(cls, n_merges=50_000):
        """GPT-2's tokenizer, or its first ``n_merges`` merges: a smaller vocabulary
        of ``257 + n_merges`` ids that agree with GPT-2's but for the last."""
        ok = isinstance(n_merges, (int, np.integer)) and 0 <= n_merges <= 50_000
        checks.must("n_merges", n_merges, ok, "from 0 to 50000")
        return cls(gpt2_merges()[:n_merges])

    @classmethod
    def from_pretrained(cls, name_or_folder):
        """The tokenizer of a model folder. ``FormatError`` if it has none."""
        folder = find(name_or_folder)
        files = read_tokenizer(folder)
        try:
            return cls(**files)
        except (ValueError, TypeError) as error:
            raise FormatError(f"the tokenizer in {folder}: {error}") from None

    @classmethod
    def train(cls, texts, n_merges, progress=None):
        """Learn merges from texts, as GPT-2's were learned: see learn_merges.py. A
        ValueError if the texts do not give that many."""
        pieces = count_pieces(texts, cut, END_OF_TEXT)
        spell = dict(zip(BYTE_ORDER, _SPELLING)).__getitem__
        pieces = {"".join(map(spell, p.encode())): n for p, n in pieces.items()}
        return cls(learn_merges(pieces, n_merges, progress))

    def save_pretrained(self, folder):
        """Write the folder's tokenizer files; transformers' AutoTokenizer opens it."""
        write_tokenizer(
            folder, self.spelled_merges, self.vocab, self.names, self.added_tokens,
            self.add_prefix_space, self.template, self.clean_up_tokenization_spaces,
        )  # fmt: skip

    def encode(
        self, text, allowed_special=(), disallowed_special="all", *,
        add_special_tokens=True, return_tensors=None,
    ):  # fmt: skip
        """Text -> ids, ``list[int]``, or int64 ``[1, n_tok]`` with
        ``return_tensors="np"``.

        A special token in the text is an error unless it is allowed (or "all" are),
        so that a user's prompt cannot end the text behind your back; it is ordinary
        text with ``disallowed_special=()``. These are tiktoken's rules.
        ``add_special_tokens``: with what the template puts before and behind.

        >>> Tokenizer.gpt2().encode("hello <|endoftext|>", allowed_special="all")
        [31373, 220, 50256]
        """
        checks.check_text(text)
        checks.check_return_tensors(return_tensors)
        checks.check_allowed("allowed_special", allowed_special)
        checks.check_allowed("disallowed_special", disallowed_special)
        everything = allowed_special == "all"
        allowed = self.special_tokens if everything else set(allowed_special)
        self._added.check(text, allowed, disallowed_special)
        try:
            ids = self._encode(text, allowed)
        except UnicodeEncodeError:  # lone halves of UTF-16 pairs: join or replace
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            ids = self._encode(text, allowed)
        before, behind = self.template
        if add_special_tokens and (before or behind):
            ids = [*before, *ids, *behind]
        return ids if return_tensors is None else np.array([ids], dtype=np.int64)

    def __call__(self, text, return_tensors=None, **how):
        """``{"input_ids", "attention_mask"}`` of a text or a list of texts, as
        transformers' tokenizers return them. No padding: `generate` takes lists of
        unequal length."""
        checks.check_return_tensors(return_tensors)
        texts, one = checks.as_texts(text)
        ids = [self.encode(t, **how) for t in texts]
        return checks.as_inputs(ids, one, return_tensors)

    def decode(self, ids, skip_special_tokens=False):
        """Ids -> text. Bytes that are no valid UTF-8 (ids can be cut anywhere) become
        U+FFFD. An id that the vocabulary lacks is a ``ValueError``."""
        text = self.decode_bytes(ids, skip_special_tokens).decode(errors="replace")
        return cleaned(text) if self.clean_up_tokenization_spaces else text

    def decode_bytes(self, ids, skip_special_tokens=False):
        """Ids -> the bytes they stand for."""
        return b"".join(self._to_bytes(ids, skip_special_tokens))

    def decode_stream(self, ids, skip_special_tokens=False):
        """Yield text as the ids come. A character may be spread over several tokens:
        it is held back until it is whole, so the pieces joined equal `decode`.

        >>> list(Tokenizer.gpt2().decode_stream([31373, 50169, 233, 995]))
        ['hello', ' ', '👋', ' world']
        """
        pieces = self._pieces(self._to_bytes(ids, skip_special_tokens))
        return cleaned_pieces(pieces) if self.clean_up_tokenization_spaces else pieces

    @staticmethod
    def _pieces(tokens):
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token in tokens:
            if piece := decoder.decode(token):
                yield piece
        if piece := decoder.decode(b"", final=True):
            yield piece

    def _encode(self, text, allowed):
        """Cut at the added tokens, if any, then into pieces; encode each once."""
        found = []
        for part, added in self._added.split(text, allowed):
            prefix = " " * (self.add_prefix_space and part[:1] not in ("", " "))
            ids = self._memo.encode(prefix + part) if added is None else [added]
            found.append(ids)
        return found[0] if len(found) == 1 else list(chain.from_iterable(found))

    def _encode_piece(self, piece):
        symbols = list(piece.encode().translate(_SYMBOL_OF_BYTE))
        return [self._id_of_symbol[s] for s in merge(symbols, self.merges)]

    def _to_bytes(self, ids, skip_special_tokens):
        for i in checks.integers(ids):
            token = self._token_of_id.get(i)
            if token is None:
                raise ValueError(
                    f"token id {i} is not in the vocabulary of {self.n_vocab} ids"
                )
            if skip_special_tokens and token in self.special_tokens:
                continue
            try:
                yield token.translate(_BYTE_OF_SPELLING).encode("latin-1")
            except UnicodeEncodeError:  # an added token that is not spelled in bytes
                yield token.encode()


def cut(text):
    """A text's pieces."""
    return (ASCII_PIECES if text.isascii() else PIECES).findall(text)


def merge(symbols, merges):
    """Apply the merges to one piece: ``[symbol, ...]`` -> a shorter list.

    The rule: of all neighbouring pairs, take the one whose merge was learned first, the
    leftmost if it stands there twice, and merge it; repeat until no pair is left.

    >>> a, b, ab, abb = range(4)
    >>> merge([a, b, b, a, b], {(a, b): ab, (ab, b): abb})
    [3, 2]
    """
    if len(symbols) > LONG:
        return merge_long(symbols, merges)
    symbols = list(symbols)
    made = [merges.get(pair, NOTHING) for pair in pairwise(symbols)]
    while made and (new := min(made)) < NOTHING:
        i = made.index(new)
        symbols[i : i + 2] = [new]
        del made[i]  # and the pairs with the neighbours are new
        if i > 0:
            made[i - 1] = merges.get((symbols[i - 1], new), NOTHING)
        if i < len(made):
            made[i] = merges.get((new, symbols[i + 1]), NOTHING)
    return symbols
