"""Settings of hypothesis: how many examples, and no deadline on a busy machine.

``NUMPYGPT_EXAMPLES=1000 pytest`` looks longer than the default, as .ci/run does.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from two_processes import pytest_runtestloop  # noqa: F401

from numpygpt import GPT2, GPT2Config, Tokenizer

# The scripts are no package: let tests import them as their neighbours do.
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

settings.register_profile(
    "numpygpt", deadline=None, max_examples=int(os.environ.get("NUMPYGPT_EXAMPLES", 10))
)
settings.load_profile("numpygpt")
# No doctests in these; several files of one name are too many for pytest.
collect_ignore = [f"{d}conftest.py" for d in ("", "cli/", "scripts/", "testing/")]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A function that writes a tiny untrained model and returns its folder."""

    def write(n_positions):
        path = tmp_path_factory.mktemp("models") / "tiny"
        tokenizer = Tokenizer.gpt2(500)
        tokenizer.save_pretrained(path)
        eos = tokenizer.eos_token_id
        config = GPT2Config(
            tokenizer.n_vocab, n_positions=n_positions, n_embd=16, n_layer=2, n_head=2,
            bos_token_id=eos, eos_token_id=eos,
        )  # fmt: skip
        GPT2.random(config).save_pretrained(path, np.float16)
        return path

    return write
