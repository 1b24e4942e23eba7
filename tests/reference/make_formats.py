"""Makes tests/reference/formats: one tiny model, written by every real writer.

    python tests/reference/make_formats.py torch          # torch and transformers
    python tests/reference/make_formats.py tensorflow     # tensorflow-cpu 2.21.0
    python tests/reference/make_formats.py gguf           # gguf 0.19.0

`torch` comes first: it makes ``model``, the folder that the others hold the weights
of. The frameworks need not be installed together.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "formats"
SIZES = {"vocab_size": 259, "n_positions": 7, "n_embd": 6, "n_layer": 2, "n_head": 3}
MERGES = [("h", "e"), ("l", "l")]


def torch_files():
    """model/ (safetensors), pytorch_zip.bin, pytorch_legacy.bin, nanogpt.pt."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from numpygpt import Tokenizer

    torch.manual_seed(0)
    ids = {"bos_token_id": 258, "eos_token_id": 258}
    model = GPT2LMHeadModel(GPT2Config(**SIZES, **ids))
    for (
        parameter
    ) in model.parameters():  # nothing at 0 or 1, so that no mix-up is hidden
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(HERE / "model")
    Tokenizer(MERGES).save_pretrained(HERE / "model")
    state = model.state_dict()
    torch.save(state, HERE / "pytorch_zip.bin")
    legacy = HERE / "pytorch_legacy.bin"
    torch.save(state, legacy, _use_new_zipfile_serialization=False)


def weights():
    """The model's tensors, named as in GPT-2's checkpoint, without transformers."""
    from numpygpt.weights import read_folder

    return {name: array for name, (_, array, _) in read_folder(HERE / "model").items()}


def tensorflow_files():
    """tensorflow/: what OpenAI's download of a model holds, but for the .meta file."""
    import tensorflow.compat.v1 as tf

    folder = HERE / "tensorflow"
    folder.mkdir(exist_ok=True)
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {}
        for name, array in weights().items():
            name = "model/" + name.replace("h.", "h", 1).replace(".", "/")
            if name.endswith(("c_attn/weight", "c_proj/weight", "c_fc/weight")):
                name, array = name.replace("weight", "w"), array[None]
            name = name.replace("wte/weight", "wte").replace("wpe/weight", "wpe")
            name = name.replace("weight", "g").replace("bias", "b")
            variables[name] = tf.Variable(array, name=name)
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(variables)
        saver.save(session, str(folder / "model.ckpt"), write_meta_graph=False)
    (folder / "checkpoint").unlink()  # it holds the absolute path, and nothing else
    hparams = {
        "n_vocab": SIZES["vocab_size"], "n_ctx": SIZES["n_positions"],
        "n_embd": SIZES["n_embd"], "n_head": SIZES["n_head"], "n_layer": SIZES["n_layer"],
    }  # fmt: skip
    (folder / "hparams.json").write_text(json.dumps(hparams))
    vocab = (HERE / "model" / "vocab.json").read_bytes()
    (folder / "encoder.json").write_bytes(vocab)
    merges = (HERE / "model" / "merges.txt").read_bytes()
    (folder / "vocab.bpe").write_bytes(merges)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[2]))
    {"torch": torch_files, "tensorflow": tensorflow_files}[sys.argv[1]]()
