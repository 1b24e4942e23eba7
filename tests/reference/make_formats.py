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
IDS = [3, 1, 4, 1, 5, 258, 2]


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
    """tensorflow/: what OpenAI's download of a model holds, but for the .meta file; and
    tensorflow_logits.npy."""
    import numpy as np
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
        "n_embd": SIZES["n_embd"], "n_head": SIZES["n_head"],
        "n_layer": SIZES["n_layer"],
    }  # fmt: skip
    (folder / "hparams.json").write_text(json.dumps(hparams))
    vocab = (HERE / "model" / "vocab.json").read_bytes()
    (folder / "encoder.json").write_bytes(vocab)
    merges = (HERE / "model" / "merges.txt").read_bytes()
    (folder / "vocab.bpe").write_bytes(merges)
    np.save(HERE / "tensorflow_logits.npy", tensorflow_logits(folder))


def tensorflow_logits(folder):
    """The logits [n_tok, n_vocab] of `IDS`, computed by TensorFlow from its checkpoint:
    the functions of OpenAI's model.py, for one sequence."""
    import numpy as np
    import tensorflow as tf

    checkpoint = tf.train.load_checkpoint(str(folder / "model.ckpt"))

    def get(name):
        return tf.constant(checkpoint.get_tensor(f"model/{name}"))

    def norm(x, name):
        centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        return centred * tf.math.rsqrt(variance + 1e-5) * get(f"{name}/g") + get(
            f"{name}/b"
        )

    def conv1d(x, name):
        return tf.matmul(x, get(f"{name}/w")[0]) + get(f"{name}/b")

    def heads(x):
        return tf.transpose(tf.reshape(x, [len(IDS), SIZES["n_head"], -1]), [1, 0, 2])

    def attn(x, name):
        q, k, v = map(heads, tf.split(conv1d(x, f"{name}/c_attn"), 3, axis=-1))
        w = tf.matmul(q, k, transpose_b=True) / np.sqrt(q.shape[-1]).astype("f")
        seen = tf.linalg.band_part(tf.ones([len(IDS), len(IDS)]), -1, 0)
        w = tf.nn.softmax(w * seen - 1e10 * (1 - seen))
        merged = tf.reshape(tf.transpose(tf.matmul(w, v), [1, 0, 2]), x.shape)
        return conv1d(merged, f"{name}/c_proj")

    def gelu(x):
        inner = np.sqrt(2 / np.pi).astype("f") * (x + 0.044715 * tf.pow(x, 3))
        return 0.5 * x * (1 + tf.tanh(inner))

    x = tf.gather(get("wte"), IDS) + get("wpe")[: len(IDS)]
    for i in range(SIZES["n_layer"]):
        x = x + attn(norm(x, f"h{i}/ln_1"), f"h{i}/attn")
        wide = gelu(conv1d(norm(x, f"h{i}/ln_2"), f"h{i}/mlp/c_fc"))
        x = x + conv1d(wide, f"h{i}/mlp/c_proj")
    return tf.matmul(norm(x, "ln_f"), get("wte"), transpose_b=True).numpy()


def gguf_files():
    """model.gguf, and kinds.gguf: a tensor of every kind beside what it stands for."""
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(HERE / "model.gguf", "gpt2")
    writer.add_block_count(SIZES["n_layer"])
    writer.add_context_length(SIZES["n_positions"])
    writer.add_embedding_length(SIZES["n_embd"])
    writer.add_feed_forward_length(4 * SIZES["n_embd"])
    writer.add_head_count(SIZES["n_head"])
    writer.add_layer_norm_eps(1e-5)
    vocab = json.loads((HERE / "model" / "vocab.json").read_text())
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(sorted(vocab, key=vocab.get))
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    writer.add_bos_token_id(258)
    writer.add_eos_token_id(258)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, SIZES["n_layer"])
    for name, array in weights().items():
        if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            array = array.T
        name = names.get_name(f"transformer.{name}", (".weight", ".bias"))
        writer.add_tensor(name, np.ascontiguousarray(array))
    finish(writer)

    writer = gguf.GGUFWriter(HERE / "kinds.gguf", "gpt2")
    x = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
    x[1, :32] = 0
    for kind in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"):
        number = gguf.GGMLQuantizationType[kind]
        packed = gguf.quants.quantize(x, number)
        writer.add_tensor(kind, packed, raw_dtype=number)
        writer.add_tensor(f"{kind}.right", gguf.quants.dequantize(packed, number))
    # The package cannot make Q6_K, only read it: any bytes are some, the scale apart.
    number = gguf.GGMLQuantizationType.Q6_K
    packed = np.random.default_rng(1).integers(0, 256, (3, 210), np.uint8)
    packed[:, 208:] = np.array([[0.5], [-2.0], [1e-3]], "<f2").view(np.uint8)
    writer.add_tensor("Q6_K", packed, raw_dtype=number)
    writer.add_tensor("Q6_K.right", gguf.quants.dequantize(packed, number))
    writer.add_tensor("x", x)
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[2]))
    makers = {"torch": torch_files, "tensorflow": tensorflow_files, "gguf": gguf_files}
    makers[sys.argv[1]]()
