"""The page as text: what is in it, what cannot get out of it, what it refuses."""

import base64
import hashlib
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

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


# By hand, without a model.

TOKENIZER = Tokenizer([("h", "e")])
DATA = sys.modules["numpygpt.look.page"]  # the function has the module's name
SLIDERS_SHOWN = """
repetition_penalty     0.5 to 2 by 0.01   on at 1.2   off at 1.0   typed from 0.01
frequency_penalty      -2 to 2 by 0.01    on at 0.5   off at 0.0   typed
presence_penalty       -2 to 2 by 0.01    on at 0.5   off at 0.0   typed
dry_multiplier         0 to 3 by 0.05     on at 0.8   off at 0.0   typed from 0
dry_base               1 to 3 by 0.05     on at 1.75  off at 1.75  typed from 1
dry_allowed_length     1 to 8 by 1        on at 2     off at 2     typed from 1 whole
no_repeat_ngram_size   0 to 8 by 1        on at 2     off at 0     typed from 0 whole
temperature            0.05 to 3 by 0.05  on at 0.8   off at 1.0   typed from 0.01
dynatemp_range         0 to 2 by 0.05     on at 0.5   off at 0.0   typed from 0
dynatemp_exponent      0.1 to 3 by 0.1    on at 1     off at 1.0   typed from 0.01
top_h                  0 to 1 by 0.01     on at 0.5   off at None  typed from 0 to 1
top_k                  0 to 200 by 1      on at 40    off at 0     typed from 0 whole
top_p                  0 to 1 by 0.01     on at 0.9   off at 1.0   typed from 0 to 1
min_p                  0 to 1 by 0.01     on at 0.1   off at 0.0   typed from 0 to 1
top_a                  0 to 1 by 0.01     on at 0.2   off at 0.0   typed from 0 to 1
typical_p              0 to 1 by 0.01     on at 0.9   off at 1.0   typed from 0 to 1
epsilon_cutoff         0 to 0.1 by 0.001  on at 0.01  off at 0.0   typed from 0 to 1
eta_cutoff             0 to 0.1 by 0.001  on at 0.01  off at 0.0   typed from 0 to 1
top_n_sigma            0 to 8 by 0.1      on at 3     off at None  typed from 0
xtc_probability        0 to 1 by 0.01     on at 0.5   off at 0.0   typed from 0 to 1
xtc_threshold          0 to 0.5 by 0.01   on at 0.1   off at 0.1   typed from 0 to 1
"""


def slider_shown(s):
    """A slider as a line: what the page's script learns of it."""
    line = f"{s['min']} to {s['max']} by {s['step']} on at {s['start']}"
    line += f" off at {s['default']} typed"
    line += "" if s["least"] is None else f" from {s['least']}"
    line += "" if s["most"] is None else f" to {s['most']}"
    return f"{s['name']} {line}{' whole' if s['whole'] else ''}"


def test_the_sliders_and_their_ranges():
    """A change here is a change of the page: make it on purpose."""
    links = DATA.chain_data(GenerationConfig(), TOKENIZER)["links"]
    found = [s for link in links.values() for s in link["settings"]]
    wanted = [" ".join(line.split()) for line in SLIDERS_SHOWN.strip().splitlines()]
    assert [slider_shown(s) for s in found] == wanted
    needs = {s["name"]: s["needs"] for s in found if s["needs"]}
    assert needs == {
        "dry_base": "dry_multiplier", "dry_allowed_length": "dry_multiplier",
        "dynatemp_exponent": "dynatemp_range", "xtc_threshold": "xtc_probability",
    }  # fmt: skip
    assert all(s["help"] == DATA.SETTINGS[s["name"]].help for s in found)


RULES_SHOWN = ["repetition_penalty", "frequency_penalty", "presence_penalty", "dry",
               "no_repeat_ngram_size"]  # fmt: skip


def test_the_links_and_the_orders_of_the_chain():
    data = DATA.chain_data(GenerationConfig(), TOKENIZER)
    assert [n for n, link in data["links"].items() if not link["filter"]] == RULES_SHOWN
    assert all(link["name"] == name for name, link in data["links"].items())
    assert data["order"] == "hf" and [*data["orders"]] == ["hf", "llama.cpp"]
    for order in data["orders"].values():
        assert order[:5] == RULES_SHOWN and {*order} == {*data["links"]}
    assert data["orders"]["hf"][5] == data["orders"]["llama.cpp"][-1] == "temperature"
    data = DATA.chain_data(GenerationConfig(chain="llama.cpp"), TOKENIZER)
    assert data["order"] == "llama.cpp" and [*data["orders"]] == ["hf", "llama.cpp"]


def test_the_order_of_the_run_itself():
    chain = ["top_p", "temperature", lambda logits, context: logits, "mirostat"]
    data = DATA.chain_data(GenerationConfig(do_sample=True, chain=chain), TOKENIZER)
    assert data["order"] == "of the run" and [*data["orders"]][2:] == ["of the run"]
    assert data["orders"]["of the run"] == ["top_p", "temperature"]
    data = DATA.chain_data(GenerationConfig(do_sample=True, chain="top_k"), TOKENIZER)
    assert data["orders"]["of the run"] == ["top_k"]
    assert [*data["habits"]] == ["hf", "llama.cpp", "of the run"]


def test_the_habits_of_the_two_libraries():
    habits = DATA.chain_data(GenerationConfig(), TOKENIZER)["habits"]
    breakers = [TOKENIZER.encode(text) for text in ("\n", ":", '"', "*")]
    assert habits == {
        "hf": {
            "penalty_last_n": -1, "dry_last_n": -1, "prompt_counts": False,
            "ties": "all", "beyond": False, "breakers": [], "sigma_0_is_off": False,
        },
        "llama.cpp": {
            "penalty_last_n": 64, "dry_last_n": 64, "prompt_counts": True,
            "ties": "lowest", "beyond": True, "breakers": breakers,
            "sigma_0_is_off": True,
        },
    }  # fmt: skip
    own = GenerationConfig(mirostat=2, do_sample=True, dry_sequence_breakers=[3, [4]])
    habits = DATA.chain_data(own, TOKENIZER)["habits"]
    assert habits["hf"]["breakers"] == habits["llama.cpp"]["breakers"] == [[3], [4]]


@pytest.mark.parametrize(
    ("given", "name", "shown"),
    [
        ({}, "temperature", 1.0), ({"temperature": 0.0}, "temperature", 1.0),
        ({"temperature": 0.5}, "temperature", 0.5), ({}, "top_h", None),
        ({"top_h": 0.4}, "top_h", 0.4), ({}, "xtc_threshold", 0.1),
        ({"dry_base": 2.0}, "dry_base", 2.0), ({}, "do_sample", False),
        ({"do_sample": True}, "do_sample", True), ({"top_k": 7}, "top_k", 7),
        ({"top_p": None}, "top_p", 1.0), ({"top_k": None}, "top_k", 0),
    ],
)  # fmt: skip
def test_where_the_sliders_start(given, name, shown):
    settings = DATA.chain_data(GenerationConfig(**given), TOKENIZER)["settings"]
    assert settings[name] == shown
    assert {*settings} == {*SLIDERS, "do_sample"}


def test_the_groups_grow():
    """One token in 400 of the likelier ones: 2048 // 400 is 5, 2405 // 400 is 6."""
    assert group_edges(1) == [0] and group_edges(5) == [0]
    assert group_edges(6) == [0, 5] and group_edges(16) == [0, 5, 10, 15]
    assert group_edges(380)[69:] == [345, 350, 355, 361, 367, 373, 379]


def test_from_how_many_tokens_on_there_are_groups():
    row = np.zeros((1, 8193), np.float32)
    all_listed = DATA.listed(row[:, 1:], [0])
    assert all_listed["n_entry"] == 8192 and all_listed["groups"] == []
    assert "listed" not in all_listed
    grouped = DATA.listed(row, [8000])
    assert len(unpack(grouped["listed"], "<u2")) == 2048
    assert sum(grouped["groups"]) == 8193 - 2048 and grouped["groups"][:3] == [5] * 3
    assert grouped["n_entry"] == 2048 + len(grouped["groups"])
    assert 8000 in unpack(grouped["listed"], "<u2")


def test_a_group_weighs_what_its_tokens_weigh_on_average():
    row = np.full((1, 9000), -np.inf, np.float32)
    row[0, :2048] = 5
    row[0, 2048:2053] = np.log([1, 2, 3, 4, 5])  # the first group of five
    entries = unpack(DATA.listed(row, [0])["logits"], "<f4")
    assert entries[:2048].tolist() == [5] * 2048
    assert entries[2048] == pytest.approx(np.log(3), rel=1e-6)
    assert entries[2049] < -600


def test_the_largest_of_a_row_are_in_order():
    rows = np.array([[1.0, 3, 2, 3, 0], [5, 4, 3, 2, 1]])
    assert DATA.likeliest(rows, 3).tolist() == [[1, 3, 2], [0, 1, 2]]
    assert DATA.likeliest(rows, 5).tolist() == [[1, 3, 2, 0, 4], [0, 1, 2, 3, 4]]
    assert DATA.likeliest(rows, 1).tolist()[1] == [0]


class Seen(dict):
    """As much of a `Run` as the page needs: two tokens, one layer, two heads."""

    ids = np.array([0, 1])
    model = SimpleNamespace(
        config=SimpleNamespace(n_layer=1, n_head=2, n_embd=4, n_vocab=7)
    )
    lens = np.log([[[0.5, 0.25, 0.25, 4e-9, 3e-9, 2e-9, 1e-9]] * 2,
                   [[0.2, 0.5, 0.3, 4e-9, 3e-9, 2e-9, 1e-9],
                    [0.1, 0.1, 0.8, 4e-9, 3e-9, 2e-9, 1e-9]]])  # fmt: skip


def test_attention_is_a_triangle_of_shares():
    run = Seen({("pattern", 0): np.array([[[1, 0], [0.5, 0.5]], [[1, 0], [0, 1]]])})
    shares = DATA.triangles(run).tolist()
    assert shares == [[[65535, 32768, 32768], [65535, 0, 65535]]]


def test_what_the_lens_keeps_of_every_layer():
    lens = DATA.lens_data(Seen())
    ids = unpack(lens["ids"], "<u2").reshape(2, 2, 5)
    assert lens["n_top"] == 5
    assert ids[1].tolist() == [[1, 2, 0, 3, 4], [2, 0, 1, 3, 4]]
    assert unpack(lens["rank"], "<u4").tolist() == [2, 2, 1, 1]
    answer_p = unpack(lens["answer_p"], "<f4")
    np.testing.assert_allclose(answer_p, [0.25, 0.25, 0.5, 0.8], rtol=1e-5)
    p = unpack(lens["p"], "<f4").reshape(2, 2, 5)
    np.testing.assert_allclose(p[1, 1], [0.8, 0.1, 0.1, 0, 0], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("text", "texts", "piece_of"),
    [
        ("he he\u00e9 x", ["he", " he\u00e9", " x"], [0, 1, 1, 1, 1, 2, 2]),
        ("\u65e5 x y", ["\u65e5", " x", " y"], [0, 0, 0, 1, 1, 2, 2]),
        ("a\U0001f44b", ["a", "\U0001f44b"], [0, 1, 1, 1, 1]),
        ("\n\n", ["\\n\\n"], [0, 0]),
    ],
)
def test_each_token_belongs_to_a_piece(text, texts, piece_of):
    """Characters of several bytes may be cut into several tokens."""
    data = DATA.pieces_data(TOKENIZER, TOKENIZER.encode(text))
    assert [piece["text"] for piece in data["pieces"]] == texts
    assert data["piece_of"] == piece_of


def test_a_token_that_is_no_character_belongs_to_a_piece():
    [byte] = (i for i in range(256) if TOKENIZER.decode_bytes([i]) == b"\xc3")
    for ids in [*TOKENIZER.encode("a b"), byte], [byte, *TOKENIZER.encode(" b")]:
        data = DATA.pieces_data(TOKENIZER, ids)
        n = len(data["pieces"])
        assert data["piece_of"][0] == 0 and data["piece_of"][-1] == n - 1 > 0


def test_the_page_has_all_that_its_script_reads(fairytale):
    model, tokenizer = fairytale
    data = page_data(inside(model, [5, 6]), tokenizer, 1, GenerationConfig(), None)
    c = model.config
    sizes = {"n_tok": 2, "n_prompt": 1, "n_vocab": 4096, "n_layer": c.n_layer,
             "n_head": c.n_head, "n_entry": 4096}  # fmt: skip
    assert {name: data[name] for name in sizes} == sizes and data["ids"] == [5, 6]
    assert {*data} == {
        *sizes, "logits", "groups", "links", "orders", "order", "settings", "habits",
        "ids", "tokens", "vocabulary", "attention", "lens", "beams", "pieces",
        "piece_of", "about", "holds",
    }  # fmt: skip
    notes = [[(0, 5, -1.0, "kept")]]
    beams = page_data(
        inside(model, [5, 6]), tokenizer, 1, GenerationConfig(), notes
    )["beams"]  # fmt: skip
    assert "same prompt" in beams["about"] and beams["tree"][0]["score"] == -1.0


def test_the_only_script_that_may_run_is_the_pages_own(fairytale):
    """Of its text, line breaks and all, the policy has the hash."""
    model, tokenizer = fairytale
    text = page(inside(model, [5]), tokenizer)
    [script] = re.findall(r"(?s)<script>(.*?)</script>", text)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_a_number_that_is_none_is_no_data():
    with pytest.raises(ValueError):
        as_script([float("nan")])


def test_ids_without_a_token_have_a_name():
    texts = DATA.vocabulary(TOKENIZER, 260)
    assert len(texts) == 260 and texts[256] == "he"
    assert texts[-2:] == ["id 258", "id 259"]


@pytest.mark.parametrize(
    ("n_prompt", "settings", "words"),
    [
        (1, {}, "A prompt of 1 tokens and 1 new ones, chosen by the likeliest tokens."),
        (1, {"do_sample": True}, "1 new ones, chosen by draws. The model"),
        (1, {"num_beams": 2}, "1 new ones, chosen by beam search. The model"),
        (1, {"num_beams": 2, "do_sample": True}, "chosen by beam search. The model"),
        (2, {}, "A prompt of 2 tokens and 0 new ones. The model is a GPT-2 with 1 "
         "layers of 2 heads, 4 numbers a token, and a vocabulary of 7 tokens."),
    ],
)  # fmt: skip
def test_what_is_said_about_the_run(n_prompt, settings, words):
    assert words in DATA.about(Seen(), n_prompt, GenerationConfig(**settings))


def test_what_the_page_holds():
    def lines(n_vocab, notes=None, **settings):
        return [*DATA.holds(n_vocab, GenerationConfig(**settings), notes)]

    first, second, third, last = lines(8192)
    assert "one pass" in first and "All 8192 tokens" in second
    assert "rounded to 1/65535" in third and "5 likeliest" in third
    assert "no beam search" in last
    assert "of 8193 the 2048 likeliest" in lines(8193)[1]
    assert len(lines(9, notes=[1])) == 3
    assert "used regex, penalty_alpha too" in lines(9, regex="a", penalty_alpha=0.5)[3]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, []), ({"guidance_scale": 1.0}, []),
        ({"guidance_scale": 1.5}, ["guidance_scale"]), ({"min_keep": 0}, []),
        ({"min_keep": 2}, ["min_keep"]), ({"choices": ["a"]}, ["choices"]),
        ({"dola_layers": "high"}, ["dola_layers"]), ({"top_p": 0.5}, []),
        ({"mirostat": 2, "do_sample": True}, ["mirostat"]),
        ({"mirostat": 2}, []), ({"logit_bias": {3: 1.0}}, ["logit_bias"]),
    ],
)  # fmt: skip
def test_what_has_no_slider(settings, names):
    assert DATA.beyond(GenerationConfig(**settings)) == names


def test_the_bounds_themselves_fit(monkeypatch):
    config = GPT2Config(257, n_positions=8, n_embd=4, n_layer=1, n_head=1)
    run, tokenizer = inside(GPT2.random(config), [1, 2, 3]), Tokenizer.gpt2(0)
    monkeypatch.setattr(DATA, "MOST_TOKENS", 3)
    monkeypatch.setattr(DATA, "MOST_VOCAB", 257)
    text = page(run, tokenizer)
    assert data_of(text)["n_prompt"] == 1
    assert data_of(text)["holds"][-1].startswith("There was no beam search")


def test_the_title_is_the_beginning_of_the_text():
    config = GPT2Config(257, n_positions=20, n_embd=4, n_layer=1, n_head=1)
    tokenizer = Tokenizer.gpt2(0)
    text = page(
        inside(GPT2.random(config), tokenizer.encode("<abcdefghijklm>")), tokenizer
    )
    assert "<title>numpygpt: &lt;abcdefghijk</title>" in text
