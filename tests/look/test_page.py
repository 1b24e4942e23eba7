"""The page as text: what is in it, what cannot get out of it, what it refuses."""

import base64
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import numpygpt.look
from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer
from numpygpt.cli.command import main as command_line
from numpygpt.decoding.rules.table import STEPS
from numpygpt.look import inside, page
from numpygpt.look.page import SLIDERS, as_script, group_edges, page_data, write

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- <script>",
    "]]> {{data}} {{script}} ${alert(1)} `",
    "&lt;b&gt; &amp; \" ' \\ \\u003c",
    "a\u2028b\u2029c\x00\x1b[31m\ufeff\u202e\ud7ff",
]


@pytest.fixture(scope="module")
def fairytale():
    return GPT2.from_pretrained("fairytale"), Tokenizer.from_pretrained("fairytale")


def data_of(text):
    """What the page's own script would read."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found[1])


def unpack(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_the_numbers_are_those_of_the_run(fairytale):
    model, tokenizer = fairytale
    ids = tokenizer.encode("The king said to Mr. Tuppenwink that Mr.")
    run = inside(model, ids)
    data = data_of(page(run, tokenizer, 3))
    n, c = len(ids), model.config
    logits = unpack(data["logits"], "<f4").reshape(n, -1)
    np.testing.assert_array_equal(logits, run.logits)
    triangle = unpack(data["attention"], "<u2").reshape(c.n_layer, c.n_head, -1)
    pattern = np.zeros((c.n_layer, c.n_head, n, n))
    rows, columns = np.tril_indices(n)
    pattern[:, :, rows, columns] = triangle / 65535
    for layer in range(c.n_layer):
        np.testing.assert_allclose(pattern[layer], run["pattern", layer], atol=1e-5)
    top = unpack(data["lens"]["ids"], "<u2").reshape(c.n_layer + 1, n, -1)
    np.testing.assert_array_equal(top[..., 0], run.lens.argmax(axis=-1))
    assert "".join(data["tokens"]) == tokenizer.decode(ids)
    assert data["vocabulary"][ids[1]] == data["tokens"][1]
    assert data["n_prompt"] == 3 and data["beams"] is None
    spelled = ["".join(t["text"] for t in p["tokens"]) for p in data["pieces"]]
    assert "".join(spelled) == tokenizer.decode(ids)
    for token, piece in zip(data["tokens"], data["piece_of"]):
        assert token in spelled[piece]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_a_text(fairytale, text):
    model, tokenizer = fairytale
    ids = tokenizer.encode(text, disallowed_special=())
    out = page(inside(model, ids), tokenizer, 1)
    template = page(inside(model, [5]), tokenizer, 1)
    for word in ("<script", "</script", "<img", "<!--"):
        assert out.count(word) == template.count(word)
    assert data_of(out)["ids"] == ids
    assert as_script([text]).isascii() and "<" not in as_script([text])
    assert json.loads(as_script([text])) == [text]


def test_it_asks_nobody(fairytale):
    model, tokenizer = fairytale
    out = page(inside(model, [5, 6]), tokenizer, 1)
    assert "default-src 'none'" in out
    assert not re.search(r"""(src|href)=|url\(|@import|fetch\(""", out)
    code = re.sub(r'(id="data">).*?<', r"\1<", out)
    assert {*re.findall(r"\w+://[\w./]*", code)} == {"http://www.w3.org/2000/svg"}


def test_every_slider_is_of_the_table():
    settings = {s.name: s for row in STEPS.values() for s in row.settings}
    assert SLIDERS.keys() <= settings.keys()
    numbers = {n for n, s in settings.items() if s.type in (float, float | None)}
    left_out = {n.split("_")[0] for n in numbers - SLIDERS.keys()}
    assert left_out == {"mirostat", "adaptive"}  # steer by what was drawn before
    for name, (low, high, step, start) in SLIDERS.items():
        assert low <= start <= high and step > 0
        if not settings[name].needs:
            assert start != settings[name].default, name


def test_a_large_vocabulary_is_grouped():
    config = GPT2Config(9001, n_positions=8, n_embd=8, n_layer=1, n_head=1)
    model = GPT2.random(config, 1)
    model.params["wte"]["weight"] *= 300
    run = inside(model, [7, 8000, 7])
    data = page_data(run, Tokenizer.gpt2(9001 - 257), 1, GenerationConfig(), None)
    ids = unpack(data["listed"], "<u2").reshape(3, -1)
    rows = unpack(data["logits"], "<f4").reshape(3, -1)
    counts = np.array([1] * ids.shape[1] + data["groups"])
    assert counts.sum() == 9001 and len(counts) == data["n_entry"]
    for row, listed, logits in zip(rows, ids, run.logits):
        assert {7, 8000} <= {*listed.tolist()}
        np.testing.assert_array_equal(row[: len(listed)], logits[listed])
        for hot in (1.0, 0.7, 2.0):  # the groups weigh what their tokens weigh
            whole = np.exp(logits.astype(float) / hot).sum()
            grouped = (counts * np.exp(row.astype(float) / hot)).sum()
            assert grouped == pytest.approx(whole, rel=1e-5)
    assert any("Left out" in line for line in data["holds"])


def test_groups_cover_what_is_not_listed():
    for n in (1, 2, 399, 48209):
        edges = group_edges(n)
        assert edges[0] == 0 and edges[-1] < n
        assert all(a < b for a, b in zip(edges, edges[1:]))


def test_sizes_and_speed(fairytale):
    """60 tokens: under 3 MB for the default model, in 3 s; 5 MB for GPT-2's."""
    model, tokenizer = fairytale
    rng = np.random.default_rng(0)
    begin = time.perf_counter()
    text = page(inside(model, rng.integers(0, 4000, 60)), tokenizer, 10)
    assert time.perf_counter() - begin < 30  # 3 s on a quiet machine
    assert len(text.encode()) < 3e6
    config = GPT2Config(n_embd=12, n_head=12, n_layer=12)
    run = inside(GPT2.random(config), rng.integers(0, 50257, 60))
    assert len(page(run, Tokenizer.gpt2(), 10).encode()) < 5e6


def test_what_does_not_fit():
    tokenizer = Tokenizer.gpt2(0)
    config = GPT2Config(257, n_positions=400, n_embd=4, n_layer=1, n_head=1)
    with pytest.raises(ValueError, match="at most 256 tokens, this text has 300"):
        page(inside(GPT2.random(config), [1] * 300), tokenizer)
    config = GPT2Config(65537, n_positions=4, n_embd=4, n_layer=1, n_head=1)
    with pytest.raises(
        ValueError, match="at most 65536 tokens, this vocabulary has 65537"
    ):
        page(inside(GPT2.random(config), [1]), tokenizer)


def test_what_the_sliders_leave_out_is_said(fairytale):
    model, tokenizer = fairytale
    config = GenerationConfig(
        do_sample=True, logit_bias={3: 1.0}, guidance_scale=1.5, temperature=0.7,
        chain=["top_p", "temperature"],
    )  # fmt: skip
    data = page_data(inside(model, [5, 6]), tokenizer, 1, config, None)
    assert any("logit_bias, guidance_scale" in line for line in data["holds"])
    assert data["order"] == "of the run"
    assert data["orders"]["of the run"] == ["top_p", "temperature"]
    assert data["settings"]["temperature"] == 0.7


@pytest.mark.parametrize("options", [[], ["--num-beams", "3"], ["--json"]])
def test_the_command_line_writes_the_page_of_what_it_printed(tmp_path, capsys, options):
    path = tmp_path / "page.html"
    argv = [
        "The old king",
        "-n",
        "7",
        "--seed",
        "5",
        "--top-k",
        "9",
        "--temperature",
        "0.9",
    ]
    argv += ["--no-whole-sentences", "--page", str(path), *options]
    assert command_line(argv) == 0
    out = capsys.readouterr().out.rstrip("\n")
    text = json.loads(out) if "--json" in options else None
    data = data_of(path.read_text())
    want = text["prompt"] + text["text"] if text else out
    assert "".join(data["tokens"]).replace("\\n", "\n") == want
    assert data["n_tok"] - data["n_prompt"] == 7
    assert data["settings"]["top_k"] == 9 and data["settings"]["temperature"] == 0.9
    assert data["beams"]["tree"]


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--page", "."], "is a folder", 1),
        (["--page", "/no/such/folder/page.html"], "no folder /no/such/folder", 1),
        (["-i", "--page", "page.html"], "does not go with", 2),
        (["-n", "250", "--seed", "1", "--prompt-file", "LONG"], "at most 256", 1),
    ],
)
def test_what_the_command_line_refuses(
    tmp_path, capsys, monkeypatch, options, words, code
):
    monkeypatch.setattr(sys.modules["numpygpt.look.page"], "MOST_TOKENS", 100)
    words = words.replace("256", "100")
    (tmp_path / "long").write_text("once upon a time " * 10)
    options = [o.replace("LONG", str(tmp_path / "long")) for o in options]
    page_file = [] if "--page" in options else ["--page", str(tmp_path / "page.html")]
    assert command_line([*options, *page_file]) == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    write(path, "whole")
    assert path.read_text() == "whole"
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        write(tmp_path / "file" / "page.html", "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "page.html"]


def test_the_example_is_a_page_of_today(fairytale):
    """numpygpt/look/README.md has the command that makes it anew."""
    model, tokenizer = fairytale
    text = (Path(numpygpt.look.__file__).parent / "example.html").read_text()
    data, rest = data_of(text), re.compile(r"(?s)<title>.*?</title>|(?<=data\">).*?<")
    own = page(inside(model, data["ids"]), tokenizer, data["n_prompt"])
    assert rest.sub("", text) == rest.sub("", own)
    logits = unpack(data["logits"], "<f4").reshape(data["n_tok"], -1)
    now = inside(model, data["ids"]).logits
    np.testing.assert_allclose(logits, now, atol=1e-3, err_msg="make it anew")
