"""The tokenizer: text -> rectangles of ids with their mask, and back."""

import codecs
import copy

import numpy as np

from ..checks import as_texts, must
from ..clean_up import clean_next, cleaned, nothing_held
from ..decoding.plumbing.ranges import is_int
from ..files.hub import find, read_json
from ..tokenizer import Tokenizer
from .settings import IDLE

PADDING = (True, "longest", "max_length", False, None, "do_not_pad")


class BatchEncoding(dict):
    """What a tokenizer returns: a dictionary whose entries are attributes, too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, device):
        """Itself: everything is computed by the processor."""
        return self


class GPT2Tokenizer:
    """The core's Tokenizer with transformers' methods. A special token in a text is
    the token, as there: the core asks you to allow it."""

    def __init__(
        self, tokenizer, *, model_max_length=None, pad_token=None,
        padding_side="right", truncation_side="right",
        clean_up_tokenization_spaces=None,
    ):  # fmt: skip
        must("tokenizer", tokenizer, isinstance(tokenizer, Tokenizer), "a Tokenizer")
        for name, side in (
            ("padding_side", padding_side), ("truncation_side", truncation_side)
        ):  # fmt: skip
            must(name, side, str(side) in ("left", "right"), "'left' or 'right'")
        if model_max_length is not None:
            ok = is_int(model_max_length, 1, np.inf)
            must("model_max_length", model_max_length, ok, "a positive integer")
        self.core = tokenizer
        self.clean_up_tokenization_spaces = tokenizer.clean_up_tokenization_spaces
        if clean_up_tokenization_spaces is not None:
            self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.model_max_length = model_max_length or 10**30  # transformers' "no limit"
        self.padding_side, self.truncation_side = padding_side, truncation_side
        self._pad_token = None
        self.pad_token = pad_token or getattr(tokenizer, "pad_token", None)

    @classmethod
    def from_pretrained(cls, name_or_folder, **settings):
        """``settings``: those of the class, and what transformers knows and we ignore:
        see `IDLE`."""
        settings = {k: v for k, v in settings.items() if k not in IDLE}
        path = find(name_or_folder) / "tokenizer_config.json"
        if path.is_file() and "model_max_length" not in settings:
            settings["model_max_length"] = read_json(path).get("model_max_length")
        return cls(Tokenizer.from_pretrained(name_or_folder), **settings)

    def save_pretrained(self, folder):
        """The files that transformers' AutoTokenizer opens, with the pad token."""
        core = copy.copy(self.core)
        core.clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        core.names = {k: v for k, v in core.names.items() if k != "pad_token"}
        if self.pad_token is not None:
            core.names["pad_token"] = self.pad_token
        core.save_pretrained(folder)

    # Text -> ids

    def __call__(
        self, text, *, padding=False, truncation=False, max_length=None,
        return_tensors=None, return_attention_mask=True, add_special_tokens=True,
        padding_side=None,
    ):  # fmt: skip
        """``input_ids`` and ``attention_mask`` of a text or a list of texts.

        ``padding``: False; True or "longest", up to the longest row; "max_length".
        ``truncation``: cut rows at ``max_length``, by default the model's context.
        ``return_tensors``: None, lists; "np"; "pt", where torch is installed.
        """
        text, one = as_texts(text)
        if max_length is not None:
            must("max_length", max_length, is_int(max_length), "a number of tokens")
        rows = [self.core.encode(t, "all", add_special_tokens=add_special_tokens)
                for t in text]  # fmt: skip
        most = self.model_max_length if max_length is None else max_length
        must("padding", padding, padding in PADDING, f"one of {PADDING}")
        padding = None if padding == "do_not_pad" else padding
        rows = truncated(rows, truncation, most, self.truncation_side)
        width = most if padding == "max_length" else max(map(len, rows), default=0)
        fill = 0
        if padding and any(len(row) < width for row in rows):
            fill = self._fill(padding, width)
        side = self.padding_side if padding_side is None else padding_side
        ids, mask = padded(rows, fill, width if padding else 0, side)
        if one and return_tensors is None:
            ids, mask = ids[0], mask[0]
        encoded = BatchEncoding(input_ids=as_tensors(ids, return_tensors))
        if return_attention_mask:
            encoded["attention_mask"] = as_tensors(mask, return_tensors)
        return encoded

    def encode(self, text, **how):
        """The ids of one text: a list, or ``[1, n_tok]`` with ``return_tensors``."""
        return self(text, **how)["input_ids"]

    def tokenize(self, text):
        """A text -> its tokens, spelled as in vocab.json ("Ġ" is a space)."""
        return self.convert_ids_to_tokens(self.encode(text, add_special_tokens=False))

    def convert_tokens_to_ids(self, tokens):
        """One token -> its id, several -> a list. An unknown one is an error (in
        transformers it is the id of <|endoftext|>)."""
        if isinstance(tokens, (list, tuple)):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        if not isinstance(tokens, str) or tokens not in self.core.vocab:
            raise ValueError(f"tokens: {tokens!r} is not in the vocabulary")
        return self.core.vocab[tokens]

    # Ids -> text

    def decode(
        self, token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=None
    ):
        """The text of a row of ids, or of one id. ``clean_up_tokenization_spaces``: see
        clean_up.py; None: as tokenizer_config.json says."""
        ids = np.atleast_1d(as_array(token_ids, "token_ids"))
        if ids.ndim > 1:
            raise ValueError(f"token_ids has shape {list(ids.shape)}: decode takes one "
                             "row (token_ids[0]), batch_decode several")  # fmt: skip
        text = self.core.decode_bytes(ids.tolist(), skip_special_tokens)
        text, asked = text.decode(errors="replace"), clean_up_tokenization_spaces
        asked = self.clean_up_tokenization_spaces if asked is None else asked
        return cleaned(text) if asked else text

    def batch_decode(self, sequences, skip_special_tokens=False, **how):
        """The texts of several rows of ids, or of several ids."""
        ok = isinstance(sequences, (list, tuple)) or np.ndim(sequences) > 0
        must("sequences", sequences, ok, "a list of rows of ids")
        return [self.decode(row, skip_special_tokens, **how) for row in sequences]

    def convert_ids_to_tokens(self, ids):
        """One id -> its token as vocab.json spells it, several -> a list."""
        several = as_array(ids, "ids").ravel().tolist()
        self.core.decode_bytes(several)  # complains of an id that there is not
        spelling = {i: token for token, i in self.core.vocab.items()}
        tokens = [spelling[i] for i in several]
        return tokens if np.ndim(ids) else tokens[0]

    def convert_tokens_to_string(self, tokens):
        return self.decode(self.convert_tokens_to_ids(tokens))

    # The vocabulary

    def __len__(self):
        return len(self.core.vocab)

    eos_token = property(lambda self: self.core.eos_token)
    eos_token_id = property(lambda self: self.core.eos_token_id)
    bos_token = property(lambda self: self.core.bos_token)
    bos_token_id = property(lambda self: self.core.bos_token_id)
    unk_token = property(lambda self: self.core.unk_token)
    unk_token_id = property(lambda self: self.core.unk_token_id)
    all_special_tokens = property(lambda self: list(self.core.special_tokens))
    all_special_ids = property(lambda self: list(self.core.special_tokens.values()))

    @property
    def vocab_size(self):
        """How many tokens without those that were added behind the model's own."""
        own = {self.eos_token} & self.core.vocab.keys()  # GPT-2's stands in vocab.json
        return len(self) - len(self.core.added_tokens.keys() - own)

    def get_vocab(self):
        return dict(self.core.vocab)

    @property
    def pad_token(self):
        """What rows are filled with. GPT-2 has no token for it: set one, the usual
        choice is ``tokenizer.pad_token = tokenizer.eos_token``."""
        return self._pad_token

    @pad_token.setter
    def pad_token(self, token):
        ok = token is None or isinstance(token, str) and token in self.core.vocab
        if not ok:
            raise ValueError(f"pad_token must be a token of the vocabulary, such as "
                             f"{self.eos_token!r}, not {token!r}")  # fmt: skip
        self._pad_token = token

    @property
    def pad_token_id(self):
        return None if self.pad_token is None else self.core.vocab[self.pad_token]

    @pad_token_id.setter
    def pad_token_id(self, token_id):
        must("pad_token_id", token_id, is_int(token_id), "a token id")
        self.pad_token = self.convert_ids_to_tokens(token_id)

    def _fill(self, padding, width):
        if self.pad_token is None:
            raise ValueError("padding needs a pad_token, and GPT-2 has none: set "
                             "tokenizer.pad_token = tokenizer.eos_token")  # fmt: skip
        if width >= 10**30:
            raise ValueError(f"padding={padding!r} needs a max_length")
        return self.pad_token_id


def truncated(rows, how, most, side):
    """The rows, none longer than ``most``, if ``how`` says so."""
    cuts = (True, "longest_first", "only_first")
    known = (*cuts, False, None, "do_not_truncate")
    must("truncation", how, how in known, f"one of {known}")
    if how not in cuts:
        return rows
    return [row[max(0, len(row) - most) :] if side == "left" else row[:most]
            for row in rows]  # fmt: skip


def padded(rows, fill, width, side):
    """``(ids, mask)``: rows filled up to ``width``, and where there is text.

    >>> padded([[7, 8], [9]], 0, 2, "left")
    ([[7, 8], [0, 9]], [[1, 1], [0, 1]])
    """
    if side not in ("left", "right"):
        raise ValueError(f"padding_side must be 'left' or 'right', not {side!r}")
    ids, mask = [], []
    for row in rows:
        n = max(0, width - len(row))
        before, after = (n, 0) if side == "left" else (0, n)
        ids.append([fill] * before + row + [fill] * after)
        mask.append([0] * before + [1] * len(row) + [0] * after)
    return ids, mask


def as_tensors(rows, kind):
    """Lists of ids as ``return_tensors`` wants them."""
    if kind is None:
        return rows
    if kind not in ("np", "pt"):
        raise ValueError(f"return_tensors must be None, 'np' or 'pt', not {kind!r}")
    if len({len(row) for row in rows}) > 1:
        raise ValueError("texts of unequal length make no rectangle: padding=True "
                         "fills them up, truncation=True cuts them")  # fmt: skip
    if kind == "np":
        return np.array(rows, np.int64)
    try:
        import torch
    except ImportError:
        raise ValueError("return_tensors='pt' needs torch, which is not installed: "
                         "'np' needs nothing") from None  # fmt: skip
    return torch.tensor(rows)


def as_array(values, name):
    """Integers from a list, an array or a tensor, as an int64 array."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        raise ValueError(f"{name} must be a rectangle: pad the shorter rows") from None
    if array.dtype.kind not in "iub" and array.size:
        raise ValueError(f"{name} must be integers, not {values!r:.80}")
    return array.astype(np.int64)


class TextStreamer:
    """Prints a text while it is generated: ``generate(..., streamer=...)``. A character
    that is spread over several tokens appears when it is whole."""

    def __init__(
        self, tokenizer, skip_prompt=False, skip_special_tokens=False,
        clean_up_tokenization_spaces=None,
    ):  # fmt: skip
        self.core = getattr(tokenizer, "core", tokenizer)
        must("tokenizer", tokenizer, hasattr(self.core, "decode_bytes"), "a tokenizer")
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = tokenizer.clean_up_tokenization_spaces
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.skip_prompt, self.skip_special_tokens = skip_prompt, skip_special_tokens
        self.end_of_prompt, self.held = False, nothing_held()
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def put(self, ids):
        if self.end_of_prompt or not self.skip_prompt:
            data = self.core.decode_bytes(np.ravel(ids), self.skip_special_tokens)
            self.on_finalized_text(self._cleaned(self.decoder.decode(data)))
        self.end_of_prompt = True

    def end(self):
        rest = self._cleaned(self.decoder.decode(b"", final=True), is_last=True)
        self.on_finalized_text(rest, stream_end=True)
        self.decoder.reset()
        self.end_of_prompt = False

    def _cleaned(self, text, is_last=False):
        if not self.clean_up_tokenization_spaces:
            return text
        return clean_next(text, self.held, is_last)

    def on_finalized_text(self, text, stream_end=False):
        print(text, end="\n" if stream_end else "", flush=True)
