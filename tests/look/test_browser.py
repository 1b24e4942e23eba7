"""The page in a real browser: Chromium, headless. ``pytest -m browser``.

Install one first (``apt-get install chromium``). NUMPYGPT_SHOTS=FOLDER keeps pictures.
"""

import json
import os
import re

import browser as chromium
import numpy as np
import pytest
from test_page import HOSTILE

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer
from numpygpt.decoding import distribution, trace
from numpygpt.look import inside, page
from numpygpt.look.page import SLIDERS, write

pytestmark = pytest.mark.browser

MODEL = GPT2.from_pretrained("fairytale")
TOKENIZER = Tokenizer.from_pretrained("fairytale")
PROMPT = "The king said to Mr. Tuppenwink that Mr."
CONFIG = GenerationConfig(
    do_sample=True, temperature=0.8, top_p=0.95, repetition_penalty=1.1,
    max_new_tokens=44, eos_token_id=4095,
)  # fmt: skip


@pytest.fixture(scope="module")
def tab():
    with chromium.browser() as tab:
        tab.size(1280, 900)
        yield tab


@pytest.fixture(scope="module")
def run():
    """A run of 60 tokens: ids, how many are the prompt, the page."""
    ids = TOKENIZER.encode(PROMPT)
    text = MODEL.generate(ids, CONFIG, seed=1)[0]
    notes = MODEL.generate(
        ids, num_beams=4, max_new_tokens=10, return_dict_in_generate=True
    ).notes[0]
    html = page(inside(MODEL, text), TOKENIZER, len(ids), CONFIG, notes)
    return text.tolist(), len(ids), html


@pytest.fixture
def opened(tab, run, tmp_path):
    """The page, opened anew; afterwards nothing may have gone wrong."""
    tab.problems.clear()
    path = tmp_path / "page.html"
    write(path, run[2])
    tab.seconds = tab.open(path)
    yield tab
    assert tab.problems == []


def random_settings(rng):
    """A value for some of the sliders, the defaults for the others."""
    settings = {}
    for name, (low, high, _, _) in SLIDERS.items():
        if rng.random() < 0.25:
            value = rng.uniform(low, high)
            if name in ("top_k", "no_repeat_ngram_size", "dry_allowed_length"):
                value = int(rng.integers(max(low, 1), high + 1))
            settings[name] = value
    settings["do_sample"] = bool(rng.random() < 0.95)
    settings["chain"] = str(rng.choice(["hf", "llama.cpp"]))
    return settings


def compute(tab, position, settings):
    """What chain.js makes of a row: probabilities, or the message of its error."""
    settings = dict(settings)
    order = settings.pop("chain")
    return tab.js(f"""(() => {{
        const defaults = Object.fromEntries(Object.values(data.links).flatMap(
            (link) => link.settings.map((x) => [x.name, x.default])));
        const settings = {{...defaults, ...{json.dumps(settings)}}};
        try {{ return [...compute({position}, settings, {json.dumps(order)}).p]; }}
        catch (error) {{ return error.message; }}
    }})()""")


def test_the_chain_is_numpygpts(opened, run):
    """Hundreds of random settings, at random places: to 1e-6."""
    text, n_prompt, _ = run
    logits = inside(MODEL, text).logits
    rng, worst, refused = np.random.default_rng(7), 0.0, 0
    for _ in range(400):
        position = int(rng.integers(1, len(text) + 1))
        settings = random_settings(rng)
        config = GenerationConfig(**settings, tokenizer=TOKENIZER)
        got = compute(opened, position, settings)
        context = text[:position]
        n = min(n_prompt, position)
        try:
            want = distribution(logits[position - 1], context, config, n)
        except ValueError as error:
            assert "removes every token" in str(error) and isinstance(got, str)
            refused += 1
            continue
        assert not isinstance(got, str), (got, settings)
        error = np.abs(np.array(got) - want).max()
        assert error <= 1e-6, (position, settings, error)
        worst = max(worst, error)
    assert refused < 40
    print(f"the largest difference: {worst:.1e}")


@pytest.mark.parametrize("name", [*SLIDERS])
def test_every_single_setting(opened, run, name):
    text, n_prompt, _ = run
    logits, rng = inside(MODEL, text).logits, np.random.default_rng(3)
    with_it = {"dynatemp_exponent": {"dynatemp_range": 0.7},
               "xtc_threshold": {"xtc_probability": 0.5}}  # fmt: skip
    if name.startswith("dry"):
        with_it[name] = {"dry_multiplier": 1.0}
    for _ in range(4):
        position = int(rng.integers(n_prompt + 1, len(text) + 1))
        low, high, step, _ = SLIDERS[name]
        value = low + step * int(rng.integers(1, round((high - low) / step)))
        value = int(value) if isinstance(step, int) else value
        settings = {"do_sample": True, "chain": "hf", **with_it.get(name, {})}
        settings[name] = value
        config = GenerationConfig(**settings)
        want = distribution(logits[position - 1], text[:position], config, n_prompt)
        got = compute(opened, position, settings)
        np.testing.assert_allclose(got, want, atol=1e-6, err_msg=str(settings))


def test_a_large_vocabulary_to_a_millionth_where_no_border_cuts_a_group(tab, tmp_path):
    config = GPT2Config(20_000, n_positions=30, n_embd=24, n_layer=1, n_head=2)
    model = GPT2.random(config, 4)
    model.params["wte"]["weight"] *= 60
    tokenizer = Tokenizer.gpt2(20_000 - 257)
    text = [5, 900, 15_000, 5, 77]
    seen = inside(model, text)
    tab.problems.clear()
    write(tmp_path / "large.html", page(seen, tokenizer, 2))
    tab.open(tmp_path / "large.html")
    ids = tab.js(f"Array.from(listed.subarray({4 * 2048}, {5 * 2048}))")
    for settings in (
        {}, {"top_p": 0.3}, {"top_k": 50}, {"min_p": 0.2}, {"temperature": 0.6},
        {"repetition_penalty": 1.4, "temperature": 1.3}, {"top_k": 1500, "top_p": 0.8},
    ):  # fmt: skip
        settings = {"do_sample": True, **settings}
        want = distribution(seen.logits[-1], text, GenerationConfig(**settings), 2)
        got = compute(tab, 5, {**settings, "chain": "hf"})
        np.testing.assert_allclose(got[:2048], want[ids], atol=1e-6, err_msg=settings)
        assert sum(got) == pytest.approx(1)
    assert tab.problems == []


def set_box(tab, name, value):
    tab.js(f"""(() => {{
        const box = document.getElementById("set-{name}");
        box.value = {value};
        box.dispatchEvent(new Event("input", {{bubbles: true}}));
    }})()""")


def test_sliders_and_switches_reach_the_candidates(opened, run):
    text, n_prompt, _ = run
    row = inside(MODEL, text).logits[n_prompt - 1]
    set_box(opened, "temperature", 1.7)
    set_box(opened, "top_p", 0.42)
    opened.click("#on-repetition_penalty")
    config = GenerationConfig(do_sample=True, temperature=1.7, top_p=0.42)
    last = trace(row, text[:n_prompt], config, n_prompt)[-1]
    result = opened.js("document.querySelector('#link-top_p .result').textContent")
    assert result.startswith(f"{len(last.left)} left, {last.bits:.2f} bits")
    shown = opened.js("""[...document.querySelectorAll("#candidates tr")].slice(1)
        .map((line) => [...line.children].slice(0, 3).map((x) => x.textContent))""")
    p = distribution(row, text[:n_prompt], config, n_prompt)
    best = np.argsort(-row, kind="stable")[: len(shown)]
    for (token, _, fate), i in zip(shown, best):
        assert token == f"“{TOKENIZER.decode([i])}”"
        assert fate == ("top_p ✗" if p[i] == 0 else f"{100 * p[i]:.1f} %")
    # The slider itself, with a key; then everything as it was.
    opened.js("document.getElementById('slide-temperature').focus()")
    opened.key("ArrowLeft")
    assert opened.js("document.getElementById('set-temperature').value") == "1.65"
    assert opened.js("state.settings.temperature") == 1.65
    opened.click("#reset")
    assert opened.js("state.settings.top_p") == 0.95
    opened.click("#do_sample")
    drawn = opened.js("document.getElementById('said').textContent")
    assert drawn.endswith("drawn with 100.0 %.") or drawn.endswith("drawn with 0.0 %.")
    opened.js("""(() => { const order = document.getElementById("order");
        order.value = "llama.cpp"; order.dispatchEvent(new Event("change")); })()""")
    assert opened.js("document.querySelectorAll('#links > li').length") == 16


def test_a_wrong_number_changes_nothing(opened):
    for value in ('""', "-1", "2", "'x'"):
        set_box(opened, "top_p", value)
        assert opened.js("state.settings.top_p") == 0.95
    set_box(opened, "top_k", 2.5)
    assert opened.js("state.settings.top_k") == 0


def test_keys_and_clicks_go_from_token_to_token(opened, run):
    text, n_prompt, _ = run

    def here():
        return opened.js("""[state.position,
            [...document.querySelectorAll("#text .token")].findIndex(
                (x) => x.getAttribute("aria-current"))]""")

    assert here() == [n_prompt, n_prompt]
    for key, want in [("ArrowRight", n_prompt + 1), ("ArrowLeft", n_prompt),
                      ("Home", 1), ("ArrowLeft", 1), ("End", len(text)),
                      ("ArrowRight", len(text))]:  # fmt: skip
        opened.key(key)
        assert here() == [want, want], key
    opened.click("#text .token:nth-child(4)")
    assert here() == [3, 3]
    said = opened.js("document.getElementById('said').textContent")
    token = TOKENIZER.decode([text[3]])
    assert said.startswith(f"Token 3, “{token}”: the model says ")
    opened.click("#heads button:nth-child(8)")
    assert opened.js("[state.layer, state.head]") == [1, 1]
    looks = opened.js("document.getElementById('looks').textContent")
    weights = inside(MODEL, text)["pattern", 1][1][2]
    to = int(np.argmax(weights))
    [first] = re.findall(r"looks at “.*?” (.*?%)", looks)
    assert first == f"(token {to}) {100 * weights[to]:.0f} %"


def test_the_lens_is_the_runs(opened, run):
    text, n_prompt, _ = run
    lens = inside(MODEL, text).lens[:, n_prompt - 1]
    rows = opened.js("""[...document.querySelectorAll("#lens tr")].slice(1)
        .map((line) => [...line.children].map((x) => x.textContent))""")
    assert len(rows) == MODEL.config.n_layer + 1
    answer = int(np.argmax(lens[-1]))
    for row, logits in zip(rows, lens):
        assert row[1].startswith(f"“{TOKENIZER.decode([np.argmax(logits)])}”")
        assert row[-2] == str(1 + np.count_nonzero(logits > logits[answer]))


def test_beams_fold(opened):
    assert opened.js("document.querySelectorAll('#beams details').length") > 5
    first = "document.querySelector('#beams details').open"
    assert opened.js(first)
    opened.click("#beams details summary")
    assert not opened.js(first)


def test_it_can_be_used_without_eyes_or_mouse(opened):
    unnamed = opened.js("""[
        ...document.querySelectorAll("button, input, select, canvas")].filter((x) =>
            !(x.getAttribute("aria-label") || x.textContent.trim() || x.labels?.length
            || x.closest("[aria-label]"))).map((x) => x.outerHTML)""")
    assert unnamed == []
    assert opened.js("document.documentElement.lang") == "en"
    stops = opened.js("document.querySelectorAll('#text [tabindex=\"0\"]').length")
    assert stops == 1  # Tab passes the text in one step
    opened.js("document.querySelector('#on-top_k').focus()")
    opened.key(" ")
    assert opened.js("state.settings.top_k") == 40


LIGHTNESS = """(() => {
    const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((v) => {
        v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    const light = (text) => { const [r, g, b] = rgb(text);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const paper = light(getComputedStyle(document.body).backgroundColor);
    const section = document.querySelector("section");
    const panel = light(getComputedStyle(section).backgroundColor);
    const worst = (element, ground) => {
        const ink = light(getComputedStyle(element).color);
        return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05); };
    return { paper, contrast: Math.min(...[...document.querySelectorAll(
        ".hint, td, th, .gone-by, .why, .dead, .answer, label, .result")].map(
            (x) => worst(x, panel)), worst(document.querySelector("footer"), paper)) };
})()"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (360, 740)])
def test_both_themes_on_large_and_small_screens(opened, theme, size):
    opened.theme(theme)
    opened.size(*size)
    opened.js("document.querySelector('#beams details:not([open]) summary').click()")
    seen = opened.js(LIGHTNESS)
    assert (seen["paper"] > 0.5) == (theme == "light")
    assert seen["contrast"] >= 4.5  # WCAG 2, AA
    assert opened.js("document.documentElement.scrollWidth") <= size[0]
    if folder := os.environ.get("NUMPYGPT_SHOTS"):
        opened.screenshot(f"{folder}/{theme}-{size[0]}.png")
    opened.theme("light")
    opened.size(1280, 900)


def test_it_is_quick(opened):
    """Interactive in 1 s, a slider answers in 50 ms, on a quiet machine."""
    milliseconds = opened.js("""(() => {
        const begin = performance.now();
        for (let i = 0; i < 20; i++) {
            const box = document.getElementById("slide-top_p");
            box.value = 0.5 + i / 50;
            box.dispatchEvent(new Event("input"));
        }
        return (performance.now() - begin) / 20;
    })()""")
    print(f"open in {opened.seconds:.2f} s, a slider {milliseconds:.0f} ms")
    assert opened.seconds < 10 and milliseconds < 500


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_cannot_do_anything(tab, tmp_path, text):
    ids = TOKENIZER.encode(text, disallowed_special=())
    tab.problems.clear()
    for n_prompt in (1, len(ids)):  # as what was generated, as the prompt
        write(tmp_path / "page.html", page(inside(MODEL, ids), TOKENIZER, n_prompt))
        tab.open(tmp_path / "page.html")
        for _ in range(4):
            tab.key("ArrowRight")
        assert tab.js("document.querySelectorAll('script').length") == 2
        assert tab.js("document.querySelectorAll('img, iframe, b').length") == 0
        shown = tab.js("""[...document.querySelectorAll("#text .token")]
            .map((x) => x.textContent).join("")""")
        assert shown.removesuffix("next?") == tab.js("data.tokens.join('')")
    assert tab.problems == []


def test_one_token_and_no_new_ones(tab, tmp_path):
    tab.problems.clear()
    write(tmp_path / "page.html", page(inside(MODEL, [4095]), TOKENIZER, 1))
    tab.open(tmp_path / "page.html")
    assert tab.js("state.position") == 1
    assert tab.js("document.getElementById('beams-section').hidden")
    assert tab.problems == []


def test_repeats_across_breakers_and_beyond_the_window(tab, tmp_path):
    """dry in a text that repeats much: colons, quotes and line breaks stop a repeat in
    llama.cpp's preset, which looks back 64 tokens only."""
    line = TOKENIZER.encode('the cat: "the cat sat" he said.\nthe cat: the cat ')
    first = TOKENIZER.encode("once upon a time a dog")
    text = (first + line * 9)[:107] + first[:3]  # the last repeat is from far away
    seen = inside(MODEL, text)
    tab.problems.clear()
    write(tmp_path / "page.html", page(seen, TOKENIZER, 5))
    tab.open(tmp_path / "page.html")
    for chain in ("llama.cpp", "hf"):
        settings = {"do_sample": True, "dry_multiplier": 0.7, "dry_allowed_length": 1}
        config = GenerationConfig(**settings, chain=chain, tokenizer=TOKENIZER)
        for position in [*range(6, len(text), 3), len(text)]:
            want = distribution(seen.logits[position - 1], text[:position], config, 5)
            got = compute(tab, position, {**settings, "chain": chain})
            np.testing.assert_allclose(got, want, atol=1e-6, err_msg=f"{position}")
    assert tab.problems == []
