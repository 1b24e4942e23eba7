"""convert_llmc.py, on files laid out as llm.c's train_gpt2.py does."""

import convert_llmc
import converting
import numpy as np
import pytest

from numpygpt import weights
from numpygpt.files.hub import FormatError


def main(*argv):
    return converting.run(
        convert_llmc.convert, convert_llmc.__doc__, argv=[str(a) for a in argv]
    )


def llmc_file(path, folder, version=3, n_padded=384):
    """Write the model of a folder as llm.c does, tensor by tensor, spelled out."""
    config, params = weights.load(folder)
    wte = params["wte"]["weight"]
    padding = np.zeros((n_padded - len(wte), config.n_embd), np.float32)
    h = params["h"]
    parts = [
        wte, padding, params["wpe"]["weight"],
        *[block["ln_1"]["weight"] for block in h],
        *[block["ln_1"]["bias"] for block in h],
        *[block["attn"]["c_attn"]["weight"].T for block in h],
        *[block["attn"]["c_attn"]["bias"] for block in h],
        *[block["attn"]["c_proj"]["weight"].T for block in h],
        *[block["attn"]["c_proj"]["bias"] for block in h],
        *[block["ln_2"]["weight"] for block in h],
        *[block["ln_2"]["bias"] for block in h],
        *[block["mlp"]["c_fc"]["weight"].T for block in h],
        *[block["mlp"]["c_fc"]["bias"] for block in h],
        *[block["mlp"]["c_proj"]["weight"].T for block in h],
        *[block["mlp"]["c_proj"]["bias"] for block in h],
        params["ln_f"]["weight"], params["ln_f"]["bias"],
    ]  # fmt: skip
    header = np.zeros(256, "<i4")
    header[:8] = [
        20240326, version, config.n_ctx, config.n_vocab, config.n_layer, config.n_head,
        config.n_embd, n_padded,
    ]  # fmt: skip
    flat = np.concatenate([np.ravel(part) for part in parts])
    if version == 5:  # bfloat16 by cutting off
        flat = (flat.view(np.uint32) >> 16).astype("<u2")
    path.write_bytes(header.tobytes() + flat.tobytes())
    return path


def test_float32_gives_the_model(formats, tmp_path, capsys):
    path = llmc_file(tmp_path / "model.bin", formats / "model")
    main(path, tmp_path / "out", "--check", formats / "model")
    said, *differences = capsys.readouterr().out.splitlines()
    assert said.endswith(
        "out: 2,628 weights, 2 blocks, 259 tokens, without a tokenizer"
    )
    assert differences == [
        "config.json, bos_token_id: None and 258",
        "config.json, eos_token_id: None and 258",
    ]
    assert not (tmp_path / "out" / "merges.txt").exists()


def test_bfloat16_keeps_its_digits(formats, tmp_path):
    path = llmc_file(tmp_path / "model.bin", formats / "model", version=5)
    assert main(path, tmp_path / "out") == 0
    right, ours = (
        weights.read_folder(f) for f in (formats / "model", tmp_path / "out")
    )
    for name, (_, array, _) in ours.items():
        cut_off = right[name][1].view(np.uint32) & 0xFFFF0000
        assert np.array_equal(np.ravel(array).view(np.uint32), np.ravel(cut_off)), name


def test_the_published_sizes_fit():
    """gpt2_124M.bin has 497,904,640 bytes, by llm.c's own count."""
    config = convert_llmc.GPT2Config.named("gpt2")
    assert 1024 + 4 * convert_llmc.count(config, 50304) == 497_904_640
    by_layout = sum(n for _, _, n in convert_llmc.layout(config, 50304))
    assert by_layout == convert_llmc.count(config, 50304)


@pytest.mark.parametrize("n_vocab", [257, 258, 260, 384])
def test_a_vocabulary_of_another_size_is_noticed(formats, tmp_path, n_vocab):
    path = llmc_file(tmp_path / "model.bin", formats / "model")
    content = path.read_bytes()
    path.write_bytes(content[:12] + n_vocab.to_bytes(4, "little") + content[16:])
    with pytest.raises(FormatError, match="vocabulary has not"):
        convert_llmc.convert(path, tmp_path / "out", None)


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("value", [0, -1, 1, 2**31 - 1, -(2**31)])
def test_a_header_that_lies_is_refused(formats, tmp_path, place, value):
    path = llmc_file(tmp_path / "model.bin", formats / "model")
    content = bytearray(path.read_bytes())
    content[4 * place : 4 * place + 4] = value.to_bytes(4, "little", signed=True)
    path.write_bytes(content)
    if place == 5 and value == 1:  # one head is a model, if not this one
        convert_llmc.convert(path, tmp_path / "out", None)
    else:
        with pytest.raises(FormatError, match=r"model\.bin"):
            convert_llmc.convert(path, tmp_path / "out", None)
        assert not (tmp_path / "out").exists()


def test_the_shortest_file_that_is_asked_what_it_is(tmp_path):
    """256 numbers of four bytes."""
    path = tmp_path / "model.bin"
    with pytest.raises(FormatError, match="does not exist or is too short"):
        convert_llmc.read_header(path)
    for n_byte, message in (
        (1023, "too short"),
        (1024, "begins with 0, 0; .* 20240326"),
    ):
        path.write_bytes(bytes(n_byte))
        with pytest.raises(FormatError, match=message):
            convert_llmc.read_header(path)


def test_each_number_of_the_header(formats, tmp_path):
    path = llmc_file(tmp_path / "model.bin", formats / "model")
    config, *rest = convert_llmc.read_header(path)
    assert (config.n_vocab, config.n_embd, config.n_layer, config.n_head) == (
        259,
        6,
        2,
        3,
    )
    assert config.bos_token_id is config.eos_token_id is None
    assert rest == [384, "F32", 4]
    content = path.read_bytes()
    for place, number, message in (
        (1, 4, "begins with 20240326, 4; .*a version out of"),
        (0, 20240327, "begins with 20240327, 3;"),
        (7, 383, "259 tokens do not become 383 rows"),
        (7, 512, "259 tokens do not become 512 rows"),
        (5, 4, "header: .*n_head"),
    ):
        at = 4 * place
        changed = content[:at] + number.to_bytes(4, "little") + content[at + 4 :]
        path.write_bytes(changed)
        with pytest.raises(FormatError, match=message):
            convert_llmc.read_header(path)
    path.write_bytes(content[:4] + b"\5" + content[5:])
    assert convert_llmc.read_header(path)[2:] == ("BF16", 2)
    for more in content[:-1], content + b"\0":
        path.write_bytes(more)
        with pytest.raises(
            FormatError, match=f"has {len(more)} bytes, .* {len(content)}"
        ):
            convert_llmc.convert(path, tmp_path / "out", None)


def test_gpt2s_own_vocabulary_brings_its_tokenizer(tmp_path, capsys):
    """50257 tokens in 50304 rows; one more is no longer GPT-2's."""
    for n_vocab, end, said in ((50257, 50256, "with a"), (50258, None, "without a")):
        config = weights.GPT2Config(n_vocab, 2, 2, 1, 1)
        weights.save(tmp_path / "model", config, weights.random_params(config))
        path = llmc_file(tmp_path / "x.bin", tmp_path / "model", n_padded=50304)
        assert main(path, tmp_path / str(n_vocab)) == 0
        assert f"{said} tokenizer" in capsys.readouterr().out
        config = weights.read_config(tmp_path / str(n_vocab))
        assert config.bos_token_id == config.eos_token_id == end
        assert (tmp_path / str(n_vocab) / "merges.txt").exists() == (end is not None)


def test_the_last_row_may_have_zeros(formats, tmp_path):
    """Only rows that are zero as a whole are padding."""
    config, params = weights.load(formats / "model")
    params["wte"]["weight"] = params["wte"]["weight"].copy()
    params["wte"]["weight"][-1, 1:] = 0
    weights.save(tmp_path / "model", config, params)
    path = llmc_file(tmp_path / "x.bin", tmp_path / "model")
    assert main(path, tmp_path / "out") == 0
    wte = weights.load(tmp_path / "out")[1]["wte"]["weight"]
    assert np.array_equal(wte, params["wte"]["weight"])
