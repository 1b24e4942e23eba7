"""Learn a tokenizer of your own from text files.

    python scripts/train_tokenizer.py stories.txt FOLDER --n-merges 4000

writes merges.txt, vocab.json and tokenizer_config.json into a new folder, which
`Tokenizer.from_pretrained` and transformers' AutoTokenizer open, and says how far the
text is compressed. The vocabulary is the 256 bytes, the merges, and ``<|endoftext|>``,
which may stand between two documents of a file.

How it works is told in numpygpt/learn_merges.py. Whole files are held in memory.

Try: learn 1,000 merges from English and 1,000 from a program's source, and encode each
text with both.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from numpygpt import Tokenizer
from numpygpt.files.terminal import harmless, show_progress, without_traceback


def read_text(path):
    """A file's text; a ValueError if it is not UTF-8."""
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 at byte {error.start} "
            f"(0x{data[error.start]:02x}): convert it first, with iconv say"
        ) from None


def train(paths, folder, n_merges, progress=None):
    """Learn from files, write a folder, return the tokenizer and what was read."""
    folder = Path(folder)
    if folder.exists():
        raise ValueError(f"{folder} exists already: give a new folder")
    texts = [read_text(path) for path in paths]
    tokenizer = Tokenizer.train(texts, n_merges, progress)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = tempfile.mkdtemp(dir=folder.parent, prefix=".unfinished-")
    try:
        tokenizer.save_pretrained(beside)
        os.chmod(beside, 0o755)
        os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return tokenizer, texts


@without_traceback("train_tokenizer.py")
def main(argv=None):
    parser = argparse.ArgumentParser(description="Learn a byte-level BPE tokenizer.")
    parser.add_argument("text", nargs="+", help="text files, UTF-8")
    parser.add_argument("folder", help="the new folder")
    parser.add_argument("--n-merges", type=int, required=True, metavar="N")
    args = harmless(parser).parse_args(argv)

    def progress(n):
        if n % 100 == 0 or n == args.n_merges:
            end = "\n" if n == args.n_merges else ""
            show_progress(f"\r{n} of {args.n_merges} merges{end}")

    done = train(args.text, args.folder, args.n_merges, progress)
    tokenizer, texts = done
    sample = max(texts, key=len)[:1_000_000]
    n_byte = len(sample.encode())
    n_tok = len(tokenizer.encode(sample, allowed_special="all"))
    print(
        f"{args.folder}: {tokenizer.n_vocab} ids; {n_byte / n_tok:.2f} bytes a token "
        f"on the first {n_byte} bytes it was learned from"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
