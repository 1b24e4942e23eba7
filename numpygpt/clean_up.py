"""Take out the spaces that word tokenizers leave before punctuation.

A tokenizer that cuts at white space, as many did before GPT-2, knows no spaces, and
puts one between any two tokens when it makes a text of them: "do n't stop !". What
takes these spaces out again has stayed in Hugging Face's transformers, and its GPT-2
folders of the years up to 2024 ask for it, ``"clean_up_tokenization_spaces": true``,
although GPT-2 has no need of it: it loses spaces that were meant. Who opens such a
folder there gets the cleaned text, and so here, too.

Beside tokenizer.py, which is easier to read without this.
"""

# What each becomes: the same without its spaces. One after the other, each everywhere.
SPACED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")


def cleaned(text):
    """The text without those spaces.

    >>> cleaned("do n't stop , it 's late !")
    "don't stop, it's late!"
    """
    for spaced in SPACED:
        text = text.replace(spaced, spaced.strip())
    return text


def cleaned_pieces(pieces):
    """The pieces of a text, cleaned: joined they are what `cleaned` makes of it all.

    >>> list(cleaned_pieces(["I", " do", " n", "'t", " stop", " !"]))
    ['I', ' do', "n't", ' stop', '!']
    """
    held = nothing_held()
    for piece in pieces:
        if text := clean_next(piece, held):
            yield text
    if text := clean_next("", held, is_last=True):
        yield text


def nothing_held():
    return [""] * len(SPACED)


def clean_next(piece, held, is_last=False):
    """What of a text is clear when one more piece of it has come. ``held``: for each of
    `SPACED` the end of the text so far that may be its beginning; it is kept there."""
    for k, spaced in enumerate(SPACED):
        *before, rest = (held[k] + piece).split(spaced)
        begun = (n for n in range(len(spaced)) if rest.endswith(spaced[:n]))
        end = len(rest) - (0 if is_last else max(begun))
        held[k] = rest[end:]
        piece = spaced.strip().join([*before, rest[:end]])
    return piece
