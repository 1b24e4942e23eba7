"""Tokenizer folders as other tools write them. The right ids here are what transformers
4.57.6 and tokenizers 0.22.2 gave; test_folders_reference.py asks them anew."""

import json
import os
import time

import pytest

from numpygpt import Tokenizer
from numpygpt.fast.added import Added, AddedTokens
from numpygpt.files import tokenizer_json, vocabulary
from numpygpt.files.hub import FormatError

TEXT = "the today <m>  cat cats <pad>."
IDS = [1169, 220, 1257, 1259, 1260, 269, 265, 82, 220, 1258, 13]
TODAY = {"content": "today"}
PAD = {"content": "<pad>", "special": True, "normalized": False}
MARK = {"content": "<m>", "lstrip": True, "rstrip": True}
CAT = {"content": "cat", "single_word": True}
ADDED = {"1256": {"content": "<|endoftext|>", "special": True}, "1257": TODAY,
         "1258": PAD, "1259": MARK, "1260": CAT}  # fmt: skip
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}


def write(folder, name, content):
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """GPT-2's first 1000 merges, in merges.txt and vocab.json alone."""
    Tokenizer.gpt2(1000).save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    return tmp_path


def whole(folder, **parts):
    """The same in one tokenizer.json."""
    vocab = json.loads((folder / "vocab.json").read_text())
    merges = (folder / "merges.txt").read_text().split("\n")[1:-1]
    model = {"type": "BPE", "vocab": vocab, "merges": merges, **parts.pop("model", {})}
    content = {
        "added_tokens": [], "normalizer": None, "pre_tokenizer": BYTE_LEVEL,
        "post_processor": None, "decoder": BYTE_LEVEL, "model": model, **parts,
    }  # fmt: skip
    write(folder, "tokenizer.json", content)


def check_added(folder):
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.encode(TEXT, allowed_special="all") == IDS
    assert tokenizer.decode(IDS) == "the today<m>cat cats <pad>."
    text = tokenizer.decode(IDS, skip_special_tokens=True)
    assert text == "the today<m>cat cats ."  # "today" is no special token
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (1258, 1256)
    assert "".join(tokenizer.decode_stream(IDS)) == tokenizer.decode(IDS)


def test_added_tokens_of_tokenizer_config(folder):
    settings = {"pad_token": "<pad>", "added_tokens_decoder": ADDED}
    write(folder, "tokenizer_config.json", settings)
    check_added(folder)
    Tokenizer.from_pretrained(folder).save_pretrained(folder / "again")
    check_added(folder / "again")


def test_added_tokens_of_tokenizer_json(folder):
    added = [{"id": int(i), **token} for i, token in ADDED.items()]
    whole(folder, added_tokens=added)
    write(folder, "tokenizer_config.json", {"pad_token": "<pad>"})
    check_added(folder)


def test_added_tokens_of_the_years_before(folder):
    ids = {"<pad>": 1257, "today": 1258}
    write(folder, "added_tokens.json", ids)
    write(folder, "special_tokens_map.json", {"pad_token": PAD, "sep_token": "[SEP]"})
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.encode("today<pad>[SEP]", allowed_special="all") == [
        1258,
        1257,
        1259,
    ]
    assert tokenizer.decode([1258, 1257], skip_special_tokens=True) == "today"
    assert tokenizer.pad_token_id == 1257


def test_a_plain_added_word_is_no_special_token(folder):
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": ADDED})
    tokenizer = Tokenizer.from_pretrained(folder)
    assert set(tokenizer.special_tokens) == {"<|endoftext|>", "<pad>"}
    assert tokenizer.encode("the today") == [1169, 220, 1257]
    with pytest.raises(ValueError, match="special token '<pad>' at character 4"):
        tokenizer.encode("the <pad>")


def test_a_space_and_a_bos_before_the_text(folder):
    settings = {"add_prefix_space": True, "add_bos_token": True}
    write(folder, "tokenizer_config.json", settings)
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.encode("the") == tokenizer.encode(" the") == [1256, 262]
    assert tokenizer.encode("the", add_special_tokens=False) == [262]
    tokenizer.save_pretrained(folder / "again")
    assert Tokenizer.from_pretrained(folder / "again").encode("the") == [1256, 262]


def test_a_space_of_which_only_tokenizer_json_tells(folder):
    """tokenizers puts it, transformers does not: nobody is right by himself."""
    spaced = {**BYTE_LEVEL, "add_prefix_space": True}
    whole(folder, pre_tokenizer=spaced)
    with pytest.raises(FormatError, match="add_prefix_space.*tokenizer_config.json"):
        Tokenizer.from_pretrained(folder)
    for said, want in (({"add_prefix_space": True}, 262), ({"x": 1}, 1169)):
        write(folder, "tokenizer_config.json", said)
        assert Tokenizer.from_pretrained(folder).encode("the") == [want]


def test_what_another_token_took_as_white_space_is_no_token():
    """Four spaces, and a token of two that takes those around it: once."""
    blank = Added(1, lstrip=True, rstrip=True)
    assert list(AddedTokens({"  ": blank}).split("    a", ())) == [
        ("  ", 1),
        ("a", None),
    ]
    first = {"X": Added(0, rstrip=True), " b": Added(1)}
    assert list(AddedTokens(first).split("X b", ())) == [("X", 0), (" b", 1)]


def test_a_template(folder):
    single = [{"SpecialToken": {"id": "<|endoftext|>"}}, {"Sequence": {"id": "A"}},
              {"SpecialToken": {"id": "!"}}]  # fmt: skip
    ids = {t: {"ids": [i]} for t, i in (("<|endoftext|>", 1256), ("!", 0))}
    template = {"type": "TemplateProcessing", "single": single, "special_tokens": ids}
    whole(
        folder,
        post_processor={"type": "Sequence", "processors": [BYTE_LEVEL, template]},
    )
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.encode("the") == [1256, 1169, 0]
    tokenizer.save_pretrained(folder / "again")
    assert Tokenizer.from_pretrained(folder / "again").encode("the") == [1256, 1169, 0]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"normalizer": {"type": "Lowercase"}}, "normalizer.*Lowercase"),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]}}, "NFC"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre_tokenizer.*Whitespace"),
        ({"pre_tokenizer": None}, "pre_tokenizer is None"),
        ({"pre_tokenizer": {**BYTE_LEVEL, "use_regex": False}},
         "its pre_tokenizer is .*use_regex"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits"}, BYTE_LEVEL]}}, "Digits"),
        ({"decoder": {"type": "WordPiece"}}, "decoder.*WordPiece"),
        ({"post_processor": {"type": "RobertaProcessing"}}, "RobertaProcessing"),
        ({"model": {"type": "WordPiece"}}, "WordPiece"),
        ({"model": {"dropout": 0.1}}, "dropout"),
        ({"model": {"ignore_merges": True}}, "ignore_merges"),
        ({"model": {"end_of_word_suffix": "</w>"}}, "end_of_word_suffix"),
        ({"added_tokens": [{"id": 2000, "content": "x y"}]}, "'x y' has the id 2000"),
        ({"added_tokens": [{"id": 1257, "content": "x", "special": 1}]}, "no token"),
        ({"added_tokens": [{"id": 1257}]}, "content"),
        ({"post_processor": {"type": "TemplateProcessing"}}, "special_tokens"),
    ],
)  # fmt: skip
def test_a_link_of_another_kind_is_refused_by_its_name(folder, parts, message):
    whole(folder, **parts)
    with pytest.raises(FormatError, match=message) as error:
        Tokenizer.from_pretrained(folder)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokenizer_class": "BertTokenizer"}, "BertTokenizer"),
        ({"split_special_tokens": True}, "split_special_tokens"),
        ({"added_tokens_decoder": {"x": TODAY}}, "'x'"),
        ({"added_tokens_decoder": {"1300": TODAY}}, "'today' has the id 1300"),
        ({"eos_token": 5}, "int"),
        ({"pad_token": {"special": True}}, "content"),
    ],
)
def test_settings_that_are_refused_by_name(folder, settings, message):
    write(folder, "tokenizer_config.json", settings)
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_pretrained(folder)


def test_a_token_with_two_names_and_different_flags(folder):
    names = {"pad_token": {"content": "<m>", "lstrip": True}, "sep_token": "<m>"}
    write(folder, "special_tokens_map.json", names)
    with pytest.raises(FormatError, match="'<m>' has two names with different flags"):
        Tokenizer.from_pretrained(folder)


def test_a_list_settles_what_the_names_say_differently(folder):
    mark = {"content": "<m>", "special": True}
    names = {"pad_token": {**mark, "lstrip": True}, "sep_token": mark}
    listed = {"1256": ADDED["1256"], "1257": mark}
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": listed, **names})
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.encode("a <m>", allowed_special="all") == [64, 220, 1257]


def test_old_files_that_transformers_mixes_up(folder):
    """A name that also ends the list of additional tokens is there the last token of
    added_tokens.json."""
    write(folder, "added_tokens.json", {"<b>": 1258, "<a>": 1257})
    for more, refused in (
        (["<a>", "<|endoftext|>"], True), (["<|endoftext|>", "<b>"], False),
        ([{"content": "<|endoftext|>"}], True), ([], False), (["<c>"], False),
    ):  # fmt: skip
        names = {"eos_token": "<|endoftext|>", "additional_special_tokens": more}
        write(folder, "special_tokens_map.json", names)
        if refused:
            with pytest.raises(FormatError, match="ends with.*eos_token.*takes '<a>'"):
                Tokenizer.from_pretrained(folder)
        else:
            assert Tokenizer.from_pretrained(folder).eos_token == "<|endoftext|>"
    names = {"eos_token": "<a>", "additional_special_tokens": ["<a>"]}
    write(folder, "special_tokens_map.json", names)
    assert Tokenizer.from_pretrained(folder).eos_token_id == 1257
    for flag in "lstrip", "rstrip", "single_word":
        names["eos_token"] = {"content": "<a>", flag: True}
        write(folder, "special_tokens_map.json", names)
        with pytest.raises(FormatError, match="ends with '<a>'"):
            Tokenizer.from_pretrained(folder)


def test_additional_tokens_of_two_files_are_all_there(folder):
    write(
        folder, "tokenizer_config.json", {"additional_special_tokens": ["<a>", "<b>"]}
    )
    names = {"additional_special_tokens": ["<c>", "<a>"]}
    write(folder, "special_tokens_map.json", names)
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.encode("<a><b><c>", "all") == [1257, 1258, 1259]
    assert list(tokenizer.special_tokens)[-3:] == ["<a>", "<b>", "<c>"]


@pytest.mark.parametrize("missing", ["Ā", "th"])
def test_a_vocabulary_that_lacks_a_byte_is_refused_by_its_name(folder, missing):
    """tokenizers reads it, and leaves that byte out of every text."""
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    last = max(vocab, key=vocab.get)
    vocab[last] = vocab.pop(missing)
    write(folder, "vocab.json", vocab)
    for has_it_all in False, True:
        if has_it_all:
            whole(folder)
        with pytest.raises(FormatError, match=f"no id for the token '{missing}'.*256"):
            Tokenizer.from_pretrained(folder)


def test_merges_with_a_mark_blanks_and_other_line_ends(folder):
    want = Tokenizer.from_pretrained(folder)
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    text = "\ufeff" + "".join(
        line + end for line, end in zip(lines, ["\r\n", " \n"] * 501)
    )
    (folder / "merges.txt").write_bytes(text.encode())
    vocab = (folder / "vocab.json").read_text(encoding="utf-8")
    vocab = "\ufeff" + vocab.replace("\n", "\r\n")
    (folder / "vocab.json").write_bytes(vocab.encode())
    again = Tokenizer.from_pretrained(folder)
    assert (again.merges, again.vocab) == (want.merges, want.vocab)


def test_a_merge_that_is_no_pair_is_refused_by_its_number(folder):
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    for wrong in "ab", "a b c":
        text = "\n".join([lines[0], lines[1], wrong, *lines[2:]])
        (folder / "merges.txt").write_text(text, encoding="utf-8")
        with pytest.raises(FormatError, match=r"merges.txt: merge 1 is \(.*no pair"):
            Tokenizer.from_pretrained(folder)


def test_merges_of_more_tokens_than_any_model_has(folder, monkeypatch):
    """In a file of blanks, too, which costs as much to read."""
    monkeypatch.setattr(vocabulary, "MAX_VALUES", 2002)
    Tokenizer.from_pretrained(folder)  # 1,001 lines and 1,001 blanks
    text = (folder / "merges.txt").read_text(encoding="utf-8")
    for more in "\n", " ":
        (folder / "merges.txt").write_text(text + more, encoding="utf-8")
        with pytest.raises(FormatError, match="more than 2002 tokens"):
            Tokenizer.from_pretrained(folder)


def test_another_kind_of_model_is_refused_by_its_name(folder):
    whole(folder, model={"type": "WordPiece"})
    with pytest.raises(FormatError, match="its model is 'WordPiece'"):
        Tokenizer.from_pretrained(folder)


def test_a_token_that_two_merges_make_has_the_place_of_each():
    merges = [("a", "b"), ("b", "c"), ("a", "bc"), ("c", "d"), ("ab", "c")]
    tokenizer = Tokenizer(merges)
    for text, tokens in {
        "abcd": ["ab", "cd"], "abcabcd": ["abc", "ab", "cd"],
        "bcabcd": ["bc", "ab", "cd"],
    }.items():  # fmt: skip
        assert [tokenizer.decode([i]) for i in tokenizer.encode(text)] == tokens
    tokenizer = Tokenizer([*merges, ("abc", "d"), ("d", "abc")])
    assert len(tokenizer.merges) == 9
    many = [("a" * n, "a") for n in range(1, 3)] + [("a", "aa")] * 3000
    with pytest.raises(ValueError, match="too many merges"):
        Tokenizer([*many, ("aaa", "aaa")])


def test_thousands_of_added_tokens_load_and_cost_no_more_than_few(folder):
    added = {str(1257 + i): {"content": f"<|x{i}|>"} for i in range(8000)}
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": added})
    tokenizer = Tokenizer.from_pretrained(folder)
    text = "the cat <|x7999|> < <|x " * 4000
    begin = time.process_time()
    ids = tokenizer.encode(text)
    assert time.process_time() - begin < 2  # asked one by one: a minute
    assert ids.count(1257 + 7999) == 4000


def test_200_000_special_tokens():
    tokens = {f"<|x{i}|>": Added(i, special=True) for i in range(200_000)}
    added = AddedTokens(tokens)
    text = "<|x <|y|> " * 10_000
    begin = time.process_time()
    added.check(text, (), "all")
    assert added.split(text, ()) == [(text, None)]
    assert time.process_time() - begin < 2
    with pytest.raises(ValueError, match="'<|x199999|>' at character 100000"):
        added.check(text + "<|x199999|>", (), "all")


def test_special_in_one_file_is_special(folder):
    """tokenizer.json says so, tokenizer_config.json does not: once special, a token is
    left out of texts (transformers)."""
    mark = {"content": "<m>", "special": True, "normalized": False}
    for whole_says, config_says in ((True, False), (False, True), (False, False)):
        whole(folder, added_tokens=[{**mark, "id": 1257, "special": whole_says}])
        settings = {"added_tokens_decoder": {"1257": {**mark, "special": config_says}}}
        write(folder, "tokenizer_config.json", settings)
        tokenizer = Tokenizer.from_pretrained(folder)
        text = tokenizer.decode([1257, 0], skip_special_tokens=True)
        assert text == ("!" if whole_says or config_says else "<m>!")


def test_settings_in_a_file_of_names_are_refused(folder):
    for name in ("add_prefix_space", "add_bos_token", "clean_up_tokenization_spaces"):
        write(folder, "special_tokens_map.json", {name: True})
        with pytest.raises(FormatError, match=f"{name}.*tokenizer_config.json"):
            Tokenizer.from_pretrained(folder)


TEMPLATE = {
    "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "!"}}],
    "special_tokens": {"!": {"ids": [0]}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": {"continuing_subword_prefix": "##"}}, "continuing_subword_prefix"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            BYTE_LEVEL, {"type": "Digits"}]}}, "Digits"),
        ({"pre_tokenizer": None, "decoder": BYTE_LEVEL}, "pre_tokenizer is None"),
        ({"decoder": {"type": "Sequence", "decoders": [
            BYTE_LEVEL, {"type": "Strip"}]}}, "Strip"),
        ({"post_processor": {"type": "Sequence", "processors": [TEMPLATE, TEMPLATE]}},
         "post_processor"),
        ({"post_processor": {**TEMPLATE, "special_tokens": {"!": {"ids": ["x"]}}}},
         "its template has the ids"),
        ({"model": {"merges": ["t h "]}}, "pair"),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "add_prefix_space"),
    ],
)  # fmt: skip
def test_more_links_that_are_refused(folder, parts, message):
    whole(folder, **parts)
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_pretrained(folder)


def test_what_a_link_leaves_out_is_as_tokenizers_has_it(folder):
    """use_regex: true."""
    whole(folder, pre_tokenizer={"type": "ByteLevel", "add_prefix_space": False})
    assert Tokenizer.from_pretrained(folder).encode("the") == [1169]


def test_a_template_is_written_for_tokenizers_to_read(folder):
    """All of it, though tokenizer_config.json says a part of it, too."""
    start = Tokenizer.from_pretrained(folder)
    added = {**start.added_tokens, "<m>": Added(1257, lstrip=True)}
    Tokenizer(
        start.spelled_merges, {**start.vocab, "<m>": 1257}, added=added,
        add_prefix_space=True, template=([0], [1256]),
    ).save_pretrained(folder)  # fmt: skip
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    assert content["pre_tokenizer"]["add_prefix_space"] is True
    marks = [(t["id"], t["content"], t["lstrip"]) for t in content["added_tokens"]]
    assert marks == [(1256, "<|endoftext|>", False), (1257, "<m>", True)]
    again = Tokenizer.from_pretrained(folder)
    assert again.encode("the") == [0, 262, 1256]


def test_tokenizer_json_alone_says_what_stands_before_a_text(folder):
    whole(folder)
    write(folder, "tokenizer_config.json", {"add_bos_token": True})
    assert Tokenizer.from_pretrained(folder).encode("the") == [1169]


def test_names_that_a_class_has_by_itself(folder):
    for kind, eos in (("GPT2Tokenizer", "<|endoftext|>"),
                      ("PreTrainedTokenizerFast", None)):  # fmt: skip
        write(folder, "tokenizer_config.json", {"tokenizer_class": kind})
        assert Tokenizer.from_pretrained(folder).eos_token == eos
    settings = {"extra_special_tokens": {"image_token": "<i>"}}
    write(folder, "tokenizer_config.json", settings)
    assert Tokenizer.from_pretrained(folder).special_tokens["<i>"] == 1257


def test_old_names_do_not_count_beside_a_newer_list(folder):
    write(folder, "tokenizer_config.json", {"added_tokens_decoder": ADDED})
    write(folder, "special_tokens_map.json", {"pad_token": "today"})
    tokenizer = Tokenizer.from_pretrained(folder)
    assert tokenizer.pad_token is None and "today" not in tokenizer.special_tokens


def test_ids_are_sorted_as_numbers(tmp_path):
    Tokenizer.gpt2(742).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["added_tokens_decoder"] |= {"999": TODAY, "1000": PAD}
    write(tmp_path, "tokenizer_config.json", settings)
    ids = Tokenizer.from_pretrained(tmp_path).encode("today<pad>", "all")
    assert ids == [999, 1000]


def test_which_tokens_are_looked_for_first(folder):
    """``normalized``, as transformers sets it where no file says: not of special ones,
    but for the names that GPT2Tokenizer knows itself."""
    write(folder, "added_tokens.json", {"<a>": 1257, "word": 1258})
    names = {"additional_special_tokens": ["<a>"], "sep_token": "<s>"}
    write(folder, "special_tokens_map.json", names)
    added = Tokenizer.from_pretrained(folder).added_tokens
    assert {token: a.normalized for token, a in added.items()} == {
        "<a>": False, "word": True, "<|endoftext|>": True, "<s>": False
    }  # fmt: skip
    whole(folder)
    (folder / "added_tokens.json").unlink()
    added = Tokenizer.from_pretrained(folder).added_tokens
    assert added["<|endoftext|>"].normalized is False


def test_saving_takes_the_older_files_away(folder):
    tokenizer = Tokenizer.from_pretrained(folder)
    for name in "tokenizer.json", "special_tokens_map.json", "added_tokens.json":
        write(folder, name, {"pad_token": "x"})
    tokenizer.save_pretrained(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "merges.txt", "tokenizer_config.json", "vocab.json"
    ]  # fmt: skip


def test_each_flag_of_an_added_token():
    for flags, text, want in (
        ({"lstrip": True}, "a X b", [("a", None), ("X", 0), (" b", None)]),
        ({"rstrip": True}, "a X b", [("a ", None), ("X", 0), ("b", None)]),
        ({"single_word": True}, "Xa", [("Xa", None)]),
        ({"single_word": True}, "aX", [("aX", None)]),
        ({"single_word": True}, "a X", [("a ", None), ("X", 0)]),
    ):
        assert AddedTokens({"X": Added(0, **flags)}).split(text, ()) == want
    two = AddedTokens({"ab": Added(0), "b": Added(1, normalized=False)})
    assert two.split("ab", ()) == [("a", None), ("b", 1)]


def test_what_a_vocabulary_may_not_say(folder):
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    for i, message in (
        (vocab["th"], "same id"),
        (-1, "id -1"),
        (1 << 31, "has the id"),
    ):
        write(folder, "vocab.json", {**vocab, "he": i})
        with pytest.raises(FormatError, match=message):
            Tokenizer.from_pretrained(folder)


# Rule by rule.


def test_merges_with_and_without_a_version(tmp_path):
    path = tmp_path / "merges.txt"
    for text in "#version: 0.2\na b\nab c\n", "a b\nab c", "\na b\n\n ab  c \n":
        path.write_text(text, encoding="utf-8")
        assert vocabulary.read_merges(path) == [("a", "b"), ("ab", "c")]
    path.write_text("a b\n#version: 0.2\n", encoding="utf-8")
    assert vocabulary.read_merges(path) == [("a", "b"), ("#version:", "0.2")]
    path.write_bytes(b"a b\n\xff")
    with pytest.raises(FormatError, match="merges.txt: .*utf-8"):
        vocabulary.read_merges(path)


@pytest.mark.parametrize(
    ("vocab", "message"),
    [({}, None), ({"a": 0, "b": (1 << 31) - 1}, None),
     ({"a": 1 << 31}, "'a' has the id"),
     ({"a": -1}, "'a' has the id -1"), ({"a": True}, "has the id True"),
     ({"a": 1.0}, "has the id 1.0"), ({"": 0}, "a token is empty"),
     ({"a": 0, "b": 0}, "two tokens have the same id"), ({"\ud800": 0}, "surrogates")],
)  # fmt: skip
def test_what_a_vocabulary_may_say(vocab, message):
    if message is None:
        vocabulary.check_vocab(vocab)
    else:
        with pytest.raises(ValueError, match=message):
            vocabulary.check_vocab(vocab)


@pytest.mark.parametrize(
    ("settings", "whole", "in_file", "space"),
    [({}, False, True, False), ({"add_prefix_space": True}, False, False, True),
     ({"add_prefix_space": True}, True, False, True), ({"x": 1}, True, True, False),
     ({"add_prefix_space": 1}, True, True, False), ({}, True, False, False)],
)  # fmt: skip
def test_who_says_that_a_text_gets_a_space(settings, whole, in_file, space):
    parts = {"add_prefix_space": in_file}
    assert vocabulary.space_before(parts, settings, whole) is space


def test_the_classes_that_read_as_gpt2s_does():
    for name in "GPT2Tokenizer", "PreTrainedTokenizer", "CodeGenTokenizer":
        for end in "", "Fast":
            vocabulary.check_settings({"tokenizer_class": name + end})
    vocabulary.check_settings({"tokenizer_class": None, "split_special_tokens": False})
    for wrong in "GPT2Tokenize", "GPT2TokenizerFas", "GPTNeoXTokenizerFast":
        with pytest.raises(ValueError, match=f"its tokenizer_class is '{wrong}'"):
            vocabulary.check_settings({"tokenizer_class": wrong})


@pytest.mark.parametrize(
    ("entry", "want"),
    [("a", ("a", {})), ({"content": "a"}, ("a", {})), (3, None), ({"content": 3}, None),
     ({"content": "a", "id": 3, "lstrip": True, "x": 1}, ("a", {"lstrip": True})),
     ({"content": "a", "special": False, "rstrip": True, "single_word": True,
       "normalized": False}, ("a", {"special": False, "rstrip": True,
                                    "single_word": True, "normalized": False})),
     ({"content": "a", "special": 1}, None), ({"content": "a", "rstrip": None}, None)],
)  # fmt: skip
def test_a_token_as_it_stands_in_a_file(entry, want):
    if want is not None:
        assert vocabulary.token_of(entry) == want
    else:
        with pytest.raises((ValueError, TypeError)):
            vocabulary.token_of(entry)


@pytest.mark.parametrize(
    "name",
    ["add_prefix_space", "add_bos_token", "split_special_tokens",
     "clean_up_tokenization_spaces", "added_tokens_decoder", "extra_special_tokens"],
)  # fmt: skip
def test_settings_that_are_no_names(name):
    with pytest.raises(ValueError, match=f"has '{name}': move it to"):
        vocabulary.check_names_alone({"eos_token": "x", name: None})
    vocabulary.check_names_alone({"eos_token": "x", "other": 1})


def test_the_names_of_tokens(folder):
    """GPT-2's three by themselves; those of the older file count, but not its
    nothing."""
    end = "<|endoftext|>"
    three = dict.fromkeys(("bos_token", "eos_token", "unk_token"), end)
    read = vocabulary.read_names
    assert read(folder, {}) == three
    assert read(folder, {"eos_token": None, "sep_token": "s"}) == {
        "bos_token": end, "unk_token": end, "sep_token": "s"
    }  # fmt: skip
    all_of_them = {f"{name}_token": name for name in ("bos", "eos", "unk", "sep", "pad",
                                                      "cls", "mask")}  # fmt: skip
    assert read(folder, {**all_of_them, "x_token": "x"}) == all_of_them
    fast = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "p"}
    assert read(folder, fast) == {"pad_token": "p"}
    more = {"additional_special_tokens": ["b", "a"], "extra_special_tokens": {"i": "I"}}
    write(
        folder,
        "special_tokens_map.json",
        {"additional_special_tokens": ["c", "a"], "pad_token": "q", "eos_token": ""},
    )
    assert read(folder, {**fast, **more}) == {
        "pad_token": "q", "additional_special_tokens": ["b", "a", "c"], "i": "I"
    }  # fmt: skip
    newer = {**fast, **more, "added_tokens_decoder": {}}
    assert read(folder, newer) == {
        "pad_token": "p", "additional_special_tokens": ["b", "a"], "i": "I"
    }  # fmt: skip
    for wrong in "ab", {"a": 1}:
        settings = {**newer, "additional_special_tokens": wrong}
        with pytest.raises(
            ValueError, match="its additional_special_tokens is .* no list"
        ):
            read(folder, settings)


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_names_with_the_same_flags(flag):
    check = vocabulary.check_named_alike
    check([("a", {flag: True}), ("b", {}), ("a", {flag: True}), ("b", {flag: False})])
    check([("a", {}), ("a", {"normalized": True, "special": True})])
    with pytest.raises(ValueError, match="'a' has two names with different flags"):
        check([("a", {flag: True}), ("b", {}), ("a", {})])


def test_names_and_their_flags():
    """Those that GPT2Tokenizer knows are ``normalized`` there, unless a file says
    how."""
    names = {"eos_token": "e", "pad_token": {"content": "p", "lstrip": True}, "x": "x",
             "sep_token": "s", "additional_special_tokens": ["a", "b"]}  # fmt: skip
    normalized = {"normalized": True}
    assert vocabulary.named_tokens(names, whole=False) == [
        ("e", normalized), ("p", {"lstrip": True}), ("x", {}), ("s", {}), ("a", {}),
        ("b", {}),
    ]  # fmt: skip
    kept = {"bos_token": "1", "eos_token": "2", "unk_token": "3", "pad_token": "4"}
    assert vocabulary.named_tokens(kept, whole=False) == [
        (token, normalized) for token in kept.values()
    ]
    assert vocabulary.named_tokens(kept, whole=True) == [
        (token, {}) for token in kept.values()
    ]


def test_the_ids_and_flags_of_added_tokens():
    """A token of the vocabulary keeps its id, another has the next one."""
    add = vocabulary.add_tokens
    assert add(None, [{"content": "x", "id": 1}], [], keep=False) is None
    vocab = {"a": 0, "b": 5}
    entries = [{"content": "b", "id": 5, "lstrip": True}, {"content": "c", "id": 6}]
    added = add(vocab, entries, [("d", {}), ("b", {"rstrip": True})], keep=True)
    assert vocab == {"a": 0, "b": 5, "c": 6, "d": 7}
    assert added == {
        "b": Added(5, lstrip=True, special=True, normalized=False), "c": Added(6),
        "d": Added(7, special=True, normalized=False),
    }  # fmt: skip
    # Where names may change what entries say: the later flags, the first normalized.
    vocab = {"a": 0, "b": 1}
    entries = [{"content": "b", "id": 1, "lstrip": True}, {"content": "c", "id": 2}]
    added = add(vocab, entries, [("b", {"rstrip": True}), ("c", {})], keep=False)
    assert added == {
        "b": Added(1, rstrip=True, special=True, normalized=False),
        "c": Added(2, special=True, normalized=False),
    }  # fmt: skip
    for i, place in ((4, 2), (1, 0)):
        content = "new" if i == 4 else "a"
        with pytest.raises(
            ValueError, match=f"'{content}' has the id {i}, .* is {place}"
        ):
            add({"a": 0, "b": 1}, [{"content": content, "id": i}], [], keep=True)
    with pytest.raises(ValueError, match="same id"):
        add({"a": 0, "b": 0}, [], [], keep=True)
    with pytest.raises(ValueError, match="token 'b' has the id 'x'"):
        add({"b": "x"}, [{"content": "b", "id": "x"}], [], keep=True)
    for entry in ({"content": "", "id": 2}, {"content": "\ud800", "id": 2}):
        with pytest.raises(ValueError, match="empty|surrogates"):
            add({"a": 0, "b": 1}, [entry], [], keep=True)


def test_an_added_token_without_a_vocabulary(folder):
    (folder / "vocab.json").unlink()
    settings = {"added_tokens_decoder": {"1256": {"content": "x"}}}
    write(folder, "tokenizer_config.json", settings)
    message = "the tokenizer: vocab.json is missing, where .*'x'"
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_pretrained(folder)
    for wrong, message in (
        ("\ud800", "the tokenizer: cannot read UnicodeEncodeError"),
        ({"special": True}, "the tokenizer: cannot read KeyError"),
    ):
        write(folder, "tokenizer_config.json", {"eos_token": wrong})
        with pytest.raises(FormatError, match=message):
            Tokenizer.from_pretrained(folder)
    (folder / "merges.txt").unlink()
    with pytest.raises(FormatError, match="neither merges.txt nor tokenizer.json"):
        Tokenizer.from_pretrained(folder)


@pytest.mark.parametrize("said", [True, False, None])
def test_whether_blanks_are_cleaned_up(folder, said):
    write(folder, "tokenizer_config.json", {"clean_up_tokenization_spaces": said})
    tokenizer = Tokenizer.from_pretrained(folder)
    ids = tokenizer.encode("a , b")
    assert tokenizer.decode(ids) == ("a, b" if said else "a , b")


# tokenizer.json, link by link.


def test_links_of_links():
    links = tokenizer_json.links
    one, two, three = ({"type": name} for name in "abc")
    assert links(None) == [] and links(one) == [one]
    inner = {"type": "Sequence", "anything": [two, None, three]}
    outer = {"anything": [one, inner], "type": "Sequence"}
    assert links(outer) == [one, two, three]


@pytest.mark.parametrize(
    ("name", "fine", "wrong"),
    [("dropout", [None, 0, 0.0], 0.1), ("ignore_merges", [None, False], True),
     ("continuing_subword_prefix", [None, ""], "#"),
     ("end_of_word_suffix", [None, ""], "<"), ("type", ["BPE"], "Unigram")],
)  # fmt: skip
def test_settings_of_a_bpe_model(name, fine, wrong):
    model = {"merges": ["a b", ["ab", "c"]], "vocab": {"a": 0}, "unk_token": "x"}
    want = [("a", "b"), ("ab", "c")], {"a": 0}
    assert tokenizer_json.read_model(model) == want
    for value in fine:
        assert tokenizer_json.read_model({**model, name: value}) == want
    with pytest.raises(ValueError, match=f"its model is .*{wrong}"):
        tokenizer_json.read_model({**model, name: wrong})


def test_templates():
    read = tokenizer_json.read_template
    ids = {"x": {"ids": [7, 8]}, "y": {"ids": [9]}, "b": {"ids": [True]}}
    token = lambda name: {"SpecialToken": {"id": name}}
    text, level = {"Sequence": {"id": "A"}}, {"type": "ByteLevel"}

    def template(*single):
        kind = "TemplateProcessing"
        return {"type": kind, "single": single, "special_tokens": ids}

    assert read([]) == read([level]) == read([template(text)]) == ([], [])
    both = template(token("x"), token("y"), text, token("y"))
    assert read([level, both, level]) == ([7, 8, 9], [9])
    assert read([template(text, token("x"))]) == ([], [7, 8])
    for wrong, message in (
        ([both, both], "its post_processor is"),
        ([{"type": "Roberta"}], "post_processor"),
        ([template(text, token("y")), template(text)], "its post_processor is"),
        ([template(token("b"))], r"its template has the ids \[True\]"),
        ([template(text, token("b"))], r"its template has the ids \[True\]"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            read(wrong)


def test_all_that_a_tokenizer_json_says(folder):
    token = {"id": 1256, "content": "x"}
    spaced = {"type": "ByteLevel"}  # add_prefix_space: true where it is left out
    whole(folder, added_tokens=[token], pre_tokenizer=spaced)
    path = folder / "tokenizer.json"
    parts = tokenizer_json.read_tokenizer_json(path)
    assert (parts["added"], parts["add_prefix_space"]) == ([token], True)
    assert (len(parts["merges"]), parts["template"]) == (1000, ([], []))
    assert parts["vocab"] == json.loads((folder / "vocab.json").read_text())
    whole(folder, added_tokens=None)
    parts = tokenizer_json.read_tokenizer_json(path)
    assert (parts["added"], parts["add_prefix_space"]) == ([], False)
    content = json.loads(path.read_text())
    for name, message in (("model", "cannot read KeyError"),
                          ("decoder", "decoder is None"),
                          ("pre_tokenizer", "pre_tokenizer is None")):  # fmt: skip
        write(folder, "tokenizer.json", {k: v for k, v in content.items() if k != name})
        with pytest.raises(FormatError, match=f"tokenizer.json: (its )?{message}"):
            tokenizer_json.read_tokenizer_json(path)
    for name in "added_tokens", "normalizer", "post_processor":
        write(folder, "tokenizer.json", {k: v for k, v in content.items() if k != name})
        assert tokenizer_json.read_tokenizer_json(path)["added"] == []


def test_older_added_tokens_are_in_the_order_of_their_ids(folder):
    write(folder, "added_tokens.json", {"<z>": 1257, "<a>": 1259, "<m>": 1258})
    entries = vocabulary.read_entries(folder, {})
    assert [(e["content"], e["id"]) for e in entries] == [
        ("<z>", 1257), ("<m>", 1258), ("<a>", 1259)
    ]  # fmt: skip
    assert Tokenizer.from_pretrained(folder).encode("<z><a><m>") == [
        1257, 1259, 1258
    ]  # fmt: skip
    write(folder, "added_tokens.json", {})  # there is no last one to be mixed up
    names = {"additional_special_tokens": ["<|endoftext|>"]}
    write(folder, "special_tokens_map.json", names)
    assert Tokenizer.from_pretrained(folder).eos_token_id == 1256


def test_merges_are_written_last(folder, monkeypatch):
    """Without them the folder is none: who is interrupted leaves no mixture."""
    moved, real = [], os.replace
    tokenizer = Tokenizer.from_pretrained(folder)

    def replace(old, new):
        if new.parent == folder:
            there = (folder / "merges.txt").exists()
            moved.append((new.name, there))
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    tokenizer.save_pretrained(folder)
    assert moved[-1] == ("merges.txt", False)
    assert sorted(moved) == [
        ("merges.txt", False), ("tokenizer_config.json", False), ("vocab.json", False)
    ]  # fmt: skip
