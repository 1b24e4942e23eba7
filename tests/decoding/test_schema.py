"""JSON schemas as expressions: every text that ends is valid, and by hand."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numpygpt import GPT2, GenerationConfig, GPT2Config, Tokenizer
from numpygpt.cli.command import main
from numpygpt.decoding.constraints.choices import constrain
from numpygpt.decoding.constraints.plan import plan
from numpygpt.decoding.constraints.regular import Automaton, beginnings, derive
from numpygpt.decoding.constraints.schema import any_object, expression


def spells(schema, text):
    automaton = Automaton(expression(schema))
    state = automaton.run(0, text.encode())
    return state is not None and automaton.may_end(state)


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 130},
        "tags": {"type": "array", "items": {"enum": ["a", 1, None]}, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {"leaf": {"type": "boolean"}, "a/b": {"$ref": "#/$defs/leaf"}},
    "type": "array",
    "prefixItems": [{"$ref": "#/$defs/leaf"}, {"const": "x"}],
    "items": {"anyOf": [{"$ref": "#/$defs/a~1b"}, {"type": "null"}]},
    "minItems": 1,
}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (
            PERSON,
            ['{"name":"Al"}', '{"name": "é\\n", "age": 129}', '{"name":"a","tags":[]}',
             '{"name":"a", "age":0, "tags":["a", 1]}'],
            ["{}", '{"name":""}', '{"name":"123456"}', '{"name":"a","age":130}',
             '{"name":"a","age":-1}', '{"name":"a","tags":[1,1,1]}', '{"name":"a",}',
             '{"age":1,"name":"a"}', '{"name":"a"b"}', '{"name":"a","age":01}'],
        ),
        (
            {**PERSON, "required": []},
            ["{}", '{"age":7}', '{"tags":[null]}', '{"name":"a","tags":[]}'],
            ['{,"age":7}', '{"tags":[null],"age":7}'],
        ),
        (
            TREE,
            ["[true]", '[false,"x"]', '[true, "x", null, true]'],
            ["[]", '["x"]', '[true,"x",1]', "[true,null]"],
        ),
        ({"type": ["integer", "null"]},
         ["null", "0", "-12"], ["-0", "1.0", '"a"', "01"]),
        ({"type": "integer", "minimum": -25, "maximum": 7},
         ["-25", "-9", "-10", "0", "7"], ["-26", "8", "-30", "10", "-0"]),
        ({"type": "integer", "minimum": 98},
         ["98", "99", "100", "4321"], ["97", "9", "0"]),
        ({"type": "number"}, ["0", "-1.5", "2e10", "0.10"], [".5", "1.", "+1", "NaN"]),
        ({"enum": ["a\"b", {"k": [1]}, True]},
         ['"a\\"b"', '{"k": [1]}', "true"], ["1"]),
        ({"enum": [1, "1"], "type": "string"}, ['"1"'], ["1"]),
        ({"type": "string", "pattern": "^a+$"}, ['"a"', '"aa"'], ['""', '"ab"', "a"]),
        ({"type": "string", "pattern": "b"}, ['"b"', '"ab\\n"'], ['""', '"a"']),
        ({"type": "string", "pattern": '^["\\\\]$'},
         ['"\\""', '"\\\\"'], ['"""', '"\\"']),
        ({"type": "string", "pattern": "^(a|b)$"}, ['"a"', '"b"'], ['"ab"']),
        ({"type": "object", "additionalProperties": {"type": "null"}},
         ["{}", '{"x":null, "y":null}'], ['{"x":1}', '{"x":null,}']),
        ({"type": "array", "minItems": 2, "maxItems": 3, "items": {"const": 1}},
         ["[1,1]", "[1, 1, 1]"], ["[]", "[1]", "[1,1,1,1]"]),
        ({"type": "array", "maxItems": 0}, ["[]"], ["[1]"]),
        (True, ['{"a": [1, {"b": null}]}', '"x"', "1e5"], ["", "[", "{]", "tru"]),
        ('{"const": null}', ["null"], [""]),
    ],
)  # fmt: skip
def test_by_hand(schema, good, bad):
    for text in good:
        json.loads(text)
        assert spells(schema, text), text
    for text in bad:
        assert not spells(schema, text), text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("{", "json_schema is not JSON"),
        ("[" * 100_000, "json_schema is not JSON"),
        ([], "a schema is an object, true or false"),
        (False, "no value is valid"),
        ({"type": "text"}, "#/type: must be of object, array"),
        ({"type": [3]}, "#/type: must be of"),
        ({"not": {}}, "#/not: this keyword cannot be expressed"),
        ({"properties": {}}, '#/properties: "type": "object" must stand beside it'),
        ({"type": "object", "properties": {"a": {"oneOf": []}}},
         "#/properties/a/oneOf: this keyword"),
        ({"type": "object", "required": ["b"]}, "#/required: 'b' is not in properties"),
        ({"type": "object", "patternProperties": {}},
         "patternProperties: this keyword"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems: this keyword"),
        ({"type": "array", "minItems": -1}, "#/minItems: must be from 0 to"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "no value is valid"),
        ({"type": "number", "minimum": 0}, "#/minimum: can be expressed for integers"),
        ({"type": "integer", "multipleOf": 3}, "multipleOf: this keyword"),
        ({"type": "integer", "minimum": 0.5}, "#/minimum: must be a whole number"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no value is valid"),
        ({"type": "string", "format": "date"}, "format: this keyword"),
        ({"type": "string", "pattern": "a(?=b)"}, "#/pattern: regex"),
        ({"type": "string", "pattern": "^a|b$"}, "#/pattern: write"),
        ({"type": "string", "pattern": "a", "minLength": 1}, "#/minLength: write the"),
        ({"enum": []}, "#/enum: must be a list of values"),
        ({"enum": [1], "type": "string"}, "no value is valid"),
        ({"enum": ["a"], "minLength": 2}, "#/minLength: this keyword"),
        ({"anyOf": []}, "#/anyOf: must be a list of schemas"),
        ({"$ref": "other.json"}, '#/\\$ref: must begin with "#"'),
        ({"$ref": "#/nowhere"}, "there is no #/nowhere"),
        ({"$ref": "#"}, "the schema contains itself"),
        ({"$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}},
          "$ref": "#/$defs/a"}, "the schema contains itself"),
        ({"type": "array", "maxItems": 9999, "items": {"const": "a" * 99}},
         "too large"),
    ],
)  # fmt: skip
def test_what_cannot_be_expressed_is_refused_by_name_and_place(schema, words):
    with pytest.raises(ValueError, match=words) as error:
        expression(schema)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("code", [*range(36), 91, 92, 93, 127, 0x1F600])
def test_every_character_is_written_as_json_has_it(code):
    """A pattern means the character, its escape stands in the text."""
    text = json.dumps(chr(code), ensure_ascii=False)
    for pattern in (f"^[{chr(0)}-{chr(0x10FFFF)}]$", "^(.|\n)$"):
        assert spells({"type": "string", "pattern": pattern}, text)
        in_digits = f'"\\u{code:04x}"'  # where there is no other way
        assert spells({"type": "string", "pattern": pattern}, in_digits) == (
            text == in_digits
        )
    other = {"type": "string", "pattern": "^[^" + f"\\{chr(code)}" + "]$"}
    assert not spells(other, text)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 9), (5, 5), (7, 12), (99, 101), (-12, 30), (-9, -3)]
)
def test_integers_one_by_one(low, high):
    schema = {"type": "integer", "minimum": low, "maximum": high}
    for i in range(-130, 131):
        assert spells(schema, str(i)) == (low <= i <= high), i
    assert not spells(schema, "00")


def test_a_schema_that_is_nested_too_deeply():
    schema = {"type": "null"}
    for _ in range(60):
        schema = {"type": "array", "items": schema}
    with pytest.raises(ValueError, match="schemas in each other"):
        expression(schema)


def doubling(n, **more):
    """A schema that holds another twice, that one a third twice ..."""
    defs = {"d0": {"type": "null"}}
    for i in range(1, n):
        ref = {"$ref": f"#/$defs/d{i - 1}"}
        defs[f"d{i}"] = {"type": "object", "properties": {"a": ref, "b": ref}, **more}
    return {"$defs": defs, "$ref": f"#/$defs/d{n - 1}"}


def test_a_part_that_is_met_many_times_is_read_once():
    """2 ** 20 parts, if every reference were followed."""
    assert spells(doubling(20), '{"a":{"b":{}},"b":{"a":{}}}')
    assert spells(doubling(3, required=["b"]), '{"a":{"b":null}, "b":{"b":null}}')
    with pytest.raises(
        ValueError, match=r"at #/\$defs/d\d+: too large: more than 50,000"
    ):
        expression(doubling(20, required=["a", "b"]))


def through_tokens(schema, seed, most=150):
    """A text written token by token from random logits, and whether it is complete."""
    rng = random.Random(seed)
    config = GenerationConfig(json_schema=schema, tokenizer=TOKENS, eos_token_id=50256)
    rules, ids = plan([50256], config, 1000), [50256]
    [step] = rules.masks
    for _ in range(most):
        logits = step(np.zeros(50257), np.array(ids))
        ids.append(int(rng.choice(np.flatnonzero(logits > -np.inf))))
        if any(stop(ids) for stop in rules.stops):
            break
    complete = rules.complete(ids)
    return TOKENS.decode([i for i in ids if i != 50256]), complete


@given(st.deferred(lambda: schemas), st.integers(0, 10**6))
def test_texts_of_tokens(schema, seed):
    """What is complete is JSON; what is not can still become some."""
    text, complete = through_tokens(schema, seed)
    automaton = Automaton(expression(schema))
    state = automaton.run(0, text.encode()) if "\ufffd" not in text else 0
    assert state is not None
    if complete:
        json.loads(text)
        assert spells(schema, text)


@pytest.mark.reference
@given(st.deferred(lambda: schemas), st.integers(0, 10**6))
def test_texts_of_tokens_are_valid(schema, seed):
    import jsonschema

    text, complete = through_tokens(schema, seed)
    if complete:
        jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def written(e, rng, most=4000):
    """A random text that the expression matches, or None if it takes too long."""
    text = ""
    for _ in range(most):
        begins = beginnings(e)
        if e.may_be_empty and (not begins or rng.random() < 0.3):
            return text
        ranges, _ = rng.choice(begins)
        first, last = rng.choice(ranges)
        code = rng.randint(first, min(last, first + 100))
        text, e = text + chr(code), derive(begins, code)
    return None


names = st.sampled_from(["a", "b", 'c"', "é", "\n"])
small = st.integers(0, 3)
leaves = st.one_of(
    st.booleans().filter(bool),
    st.fixed_dictionaries({"type": st.sampled_from(["boolean", "null", "number"])}),
    st.builds(
        lambda a, b: {"type": "string", "minLength": a, "maxLength": a + b},
        small, small,
    ),
    st.builds(
        lambda a, n: {"type": "integer", "minimum": a, "exclusiveMaximum": a + n},
        st.integers(-1200, 1200), st.integers(1, 2000),
    ),
    st.sampled_from(["^[a-c]{2}$", "x", '^["\\\\]', "\\d$"]).map(
        lambda p: {"type": "string", "pattern": p}
    ),
    st.lists(
        st.sampled_from([1, "a", None, True, 1.5, [1], {"k": '"'}]), min_size=1
    ).map(lambda values: {"enum": values}),
)  # fmt: skip


@st.composite
def objects(draw, inner):
    fields = draw(st.dictionaries(names, inner, max_size=4))
    required = draw(st.lists(st.sampled_from([*fields]), unique=True)) if fields else []
    return {"type": "object", "properties": fields, "required": required}


@st.composite
def arrays(draw, inner):
    low, more = draw(small), draw(small)
    first = draw(st.lists(inner, min_size=1, max_size=2))
    schema = {"type": "array", "items": draw(inner), "minItems": low}
    schema |= {"maxItems": low + more} if draw(st.booleans()) else {}
    return schema | ({"prefixItems": first} if draw(st.booleans()) else {})


schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        objects(inner),
        arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda s: {"anyOf": s}),
        inner.map(lambda s: {"type": "object", "additionalProperties": s}),
    ),
    max_leaves=5,
)


@given(schemas, st.integers(0, 10**6))
def test_every_text_that_ends_is_json(schema, seed):
    text = written(expression(schema), random.Random(seed))
    if text is not None:
        json.loads(text)


@pytest.mark.reference
@given(schemas, st.integers(0, 10**6))
def test_every_text_that_ends_is_valid(schema, seed):
    import jsonschema

    rng = random.Random(seed)
    validator = jsonschema.Draft202012Validator(schema)
    for _ in range(3):
        text = written(expression(schema), rng)
        if text is not None:
            validator.validate(json.loads(text))


def test_any_object():
    rng, e = random.Random(0), any_object()
    texts = [text for text in (written(e, rng) for _ in range(60)) if text]
    assert len(texts) > 20
    assert all(isinstance(json.loads(text), dict) for text in texts)


TOKENS = Tokenizer.gpt2()


def generated(seed, **settings):
    shape = GPT2Config(50257, n_positions=300, n_embd=8, n_layer=1, n_head=2)
    ids = GPT2.random(shape).generate(
        [50256], do_sample=True, seed=seed, tokenizer=TOKENS, **settings
    )[0]
    return TOKENS.decode(ids[1:], skip_special_tokens=True)


def test_generate_writes_json():
    """From a model that knows nothing."""
    fields = {"on": {"type": "boolean"}, "n": {"type": "integer", "maximum": 99}}
    fields["who"] = {"enum": ["me", "you"]}
    schema = {"type": "object", "properties": fields, "required": [*fields]}
    for seed in range(4):
        value = json.loads(generated(seed, json_schema=schema, max_new_tokens=200))
        assert [*value] == ["on", "n", "who"]
        assert value["n"] <= 99


def test_a_text_that_runs_out_of_tokens_can_be_told():
    config = GenerationConfig(
        json_schema={"const": "a long text"}, tokenizer=TOKENS, max_new_tokens=2
    )
    text = plan([1], config, 300)
    assert not text.complete([1, *TOKENS.encode('"a')])
    assert text.complete([1, *TOKENS.encode('"a long text"')])
    assert plan([1], GenerationConfig(), 300).complete([1])


def test_twenty_fields_are_compiled_at_once():
    import time

    kinds = [
        {"type": "string", "maxLength": 40},
        {"type": "integer"},
        {"type": "number"},
    ]
    kinds += [{"enum": ["a", "b"]}, {"type": "array", "items": {"type": "string"}}]
    fields = {f"field_{i}": kinds[i % 5] for i in range(20)}
    schema = {"type": "object", "properties": fields, "required": ["field_3"]}
    begin = time.process_time()
    constrain([1], GenerationConfig(json_schema=schema, tokenizer=TOKENS))
    assert time.process_time() - begin < 1


def test_the_command_line(tmp_path, capsys):
    path = tmp_path / "schema.json"
    path.write_text(
        '{"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 4}'
    )
    options = ["A story", "--seed", "1", "--json-schema", str(path)]
    assert main([*options, "-n", "40"]) == 0
    out = capsys.readouterr()
    assert len(json.loads(out.out.removeprefix("A story"))) >= 3
    assert "cut off" not in out.err
    assert main([*options, "-n", "2"]) == 0
    assert "cut off before it was all that json_schema asks" in capsys.readouterr().err
    assert main(["A story", "--json-object", "-n", "9", "--seed", "2"]) == 0
    assert capsys.readouterr().out.startswith("A story{")
    path.write_text('{"type": "array", "contains": 3}')
    assert main(options) == 1
    assert "json_schema, at #/contains: this keyword" in capsys.readouterr().err
    path.write_text("{")
    assert main(options) == 2
    assert "schema.json is not JSON" in capsys.readouterr().err
    assert main([*options[:-1], str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    ["$schema", "$id", "$comment", "$defs", "definitions", "title", "description",
     "default", "examples", "deprecated", "readOnly", "writeOnly"],
)  # fmt: skip
def test_what_restricts_nothing_may_stand_anywhere(name):
    assert spells({name: "x", "type": "null"}, "null")
    assert spells({name: "x", "const": 1}, "1")
    assert spells({name: "x"}, "[1]")


WORDS = {
    "object": ["properties", "required", "additionalProperties"],
    "array": ["items", "prefixItems", "minItems", "maxItems"],
    "string": ["minLength", "maxLength", "pattern"],
    "integer": ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
}


@pytest.mark.parametrize("name", [w for words in WORDS.values() for w in words])
def test_a_keyword_stands_beside_its_type_alone(name):
    for kind in (*WORDS, "boolean", "null"):
        if name not in WORDS.get(kind, []):
            with pytest.raises(ValueError, match=f"at #/{name}: this keyword"):
                expression({"type": kind, name: 1})
    with pytest.raises(ValueError, match=f'at #/{name}: "type": ".*" must stand'):
        expression({name: 1})


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "object", "properties": []}, "#/properties: must be an object"),
        ({"type": "object", "required": "a"}, "#/required: must be a list of names"),
        ({"type": "array", "maxItems": 10_001}, "#/maxItems: must be from 0 to 10000"),
        ({"type": "array", "prefixItems": {}}, "#/prefixItems: must be a list of sch"),
        ({"type": "array", "prefixItems": []}, "#/prefixItems: must be a list of sch"),
        ({"type": "array", "prefixItems": [3]}, "#/prefixItems/0: a schema is"),
        ({"type": "array", "items": 3}, "#/items: a schema is an object"),
        ({"anyOf": [True, 3]}, "#/anyOf/1: a schema is"),
        ({"type": "string", "pattern": 3}, "#/pattern: must be a text"),
        ({"type": "string", "pattern": "^a|b"}, "#/pattern: write"),
        ({"type": "string", "pattern": "a|b$"}, "#/pattern: write"),
        ({"type": "integer", "maximum": 10**15}, "#/maximum: must be a whole number"),
        ({"type": []}, "#/type: must be of"),
        ({"type": ["null", "text"]}, "#/type: must be of"),
        ({"type": ["text", "null"]}, "#/type: must be of"),
        ({"$ref": 3}, "#/\\$ref: must begin with"),
        ({"$ref": "#/$defs/1", "$defs": [{}]}, "#/\\$ref: there is no #/\\$defs/1"),
        ({"type": "object", "properties": {"a": 3}}, "#/properties/a: a schema is"),
        ({"type": "object", "additionalProperties": 3},
         "#/additionalProperties: a sch"),
        ({"enum": [1], "$ref": "#"}, "#/enum: this keyword"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1},
         "#/exclusiveMinimum: can be expressed for integers"),
    ],
)  # fmt: skip
def test_wrong_values_have_a_place(schema, place):
    with pytest.raises(ValueError, match=f"json_schema, at {place}"):
        expression(schema)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        # Bounds at the edge: 50 schemas in each other, 10,000 items, 15 digits.
        ({"type": "integer"}, ["999999999999999", "-999999999999999"],
         ["1000000000000000", "-1000000000000000"]),
        ({"type": "integer", "exclusiveMinimum": 3, "minimum": 2}, ["4"], ["3", "2"]),
        ({"type": "integer", "exclusiveMinimum": 3, "minimum": 6}, ["6"], ["5", "4"]),
        ({"type": "integer", "exclusiveMaximum": 3, "maximum": 5}, ["2"], ["3", "5"]),
        ({"type": "integer", "exclusiveMaximum": 9, "maximum": 5}, ["5"], ["6", "8"]),
        ({"type": "integer", "minimum": None, "maximum": 1}, ["-5", "1"], ["2"]),
        ({"type": "number"},
         ["123456789012345", "0.123456789012345", "-1E+99", "1e-7", "10"],
         ["1234567890123456", "0.1234567890123456", "1e100", "01", "-"]),
        ({"type": "string", "pattern": "a\\$"}, ['"a$"', '"xa$y"'], ['"a"']),
        ({"type": "string", "pattern": "^(?:a|b)$"}, ['"a"'], ['"ab"']),
        ({"type": "string", "pattern": "^[|]$"}, ['"|"'], ['""']),
        ({"type": "string", "pattern": "^\\|$"}, ['"|"'], ['""']),
        ({"type": "string", "pattern": "a|b"}, ['"xa"', '"by"'], ['"x"']),
        ({"type": "string", "maxLength": 1},
         ['""', '"a"', '"é"', '"\\u0001"'], ['"ab"']),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "maxItems": 1},
         ["[]", "[1]"], ["[1,2]", "[2]"]),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}], "minItems": 2,
          "items": {"const": 3}}, ["[1,2]", "[1, 2, 3, 3]"], ["[]", "[1]", "[1,2,2]"]),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": False},
         ["[]", "[1]"], ["[1,1]"]),
        ({"type": "array", "items": False}, ["[]"], ["[1]"]),
        ({"type": "array", "items": {"const": 1}, "minItems": 1},
         ["[1]", "[1,1]"], ["[]"]),
        ({"type": "object", "properties": {"a": False, "b": {"const": 1}}},
         ["{}", '{"b":1}'], ['{"a":1}']),
        ({"type": "object", "properties": {"a": {"const": 1}},
          "additionalProperties": True}, ['{"a": 1}', "{}"], ['{"b":1}']),
        ({"type": "object", "additionalProperties": False}, ["{}"], ['{"a":1}']),
        ({"type": "object"}, ["{}"], ['{"a":1}']),
        ({"const": 1.0, "type": "integer"}, ["1.0"], ["1"]),
        ({"enum": [True, 1, None], "type": ["boolean", "null"]},
         ["true", "null"], ["1"]),
        ({"const": {"é": "\n"}}, ['{"é": "\\n"}'], ['{"é":"\\n"}']),
        ({"type": ["string", "array"], "maxLength": 0, "maxItems": 0},
         ['""', "[]"], ["{}"]),
        ({"$defs": {"x": [{"const": 4}]}, "$ref": "#/$defs/x/0"}, ["4"], ["5"]),
        ({"$defs": {"~": {"const": 4}}, "$ref": "#/$defs/~0"}, ["4"], ["5"]),
    ],
)  # fmt: skip
def test_edges_by_hand(schema, good, bad):
    for text in good:
        assert spells(schema, text), text
    for text in bad:
        assert not spells(schema, text), text


def test_any_value_goes_three_deep():
    deep = '{"a": [{"b": 1}]}'
    assert spells(True, deep) and spells({}, deep)
    assert not spells(True, f"[{deep}]")
    e = Automaton(any_object())
    for text, ends in ((deep, True), (f'{{"a": {deep}}}', False), ("[]", False)):
        state = e.run(0, text.encode())
        assert (state is not None and e.may_end(state)) == ends


def test_fifty_schemas_in_each_other():
    schema = {"type": "null"}
    for _ in range(49):
        schema = {"anyOf": [schema]}
    assert spells(schema, "null")
    with pytest.raises(ValueError, match="more than 50 schemas in each other"):
        expression({"anyOf": [schema]})


def test_as_many_copies_as_are_allowed(monkeypatch):
    one = {"type": "array", "items": {"const": "a" * 16}}  # 20 parts with its comma
    monkeypatch.setattr("numpygpt.decoding.constraints.schema.MOST_PARTS", 180)
    assert spells({**one, "maxItems": 10}, "[]")
    with pytest.raises(ValueError, match="too large: 10 copies of 20 parts"):
        expression({**one, "maxItems": 11})
    with pytest.raises(ValueError, match="too large: 10 copies of 20 parts"):
        expression({**one, "minItems": 11})
