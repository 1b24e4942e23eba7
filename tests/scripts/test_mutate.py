"""The bugs that mutate.py plants: of every kind, and each of them still Python."""

import mutate

SOURCE = '''"""A lesson < 3."""

def f(x: int = 3, n=0.5):
    """Less than 4."""
    if x < 3 and not n:
        raise ValueError(f"x must be 3, not {x + 1}")
    y = max(x + 1, 2, key=abs)
    y += 1
    print("a word", y[1:3])
    return True

if __name__ == "__main__":
    f(99)
'''


def bugs(tmp_path, monkeypatch, source=SOURCE):
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    (tmp_path / "x.py").write_text(source)
    found = []
    for bug in mutate.bugs_of("x.py"):
        data = source.encode()
        new = data[: bug.begin] + bug.new.encode() + data[bug.end :]
        assert data[bug.begin : bug.end].decode() == bug.old
        compile(new, "x.py", "exec")
        found.append(bug)
    return found


def test_every_kind_of_bug_is_drawn(tmp_path, monkeypatch):
    found = {(bug.old, bug.new) for bug in bugs(tmp_path, monkeypatch)}
    for pair in [
        ("x < 3", "(x <= 3)"),
        ("x < 3 and not n", "(x < 3 or not n)"),
        ("x < 3 and not n", "(False)"),
        ("not n", "(n)"),
        ("3", "(4)"),
        ("0.5", "(1.0)"),
        ("max", "(min)"),
        ("x + 1", "(x - 1)"),
        ("max(x + 1, 2, key=abs)", "(max(x + 1, 2))"),
        ("y += 1", "y -= 1"),
        ("y += 1", "pass"),
        ("1:3", ":3"),
        ("True", "(False)"),
        ('"a word"', "('a wor')"),
        ('print("a word", y[1:3])', "pass"),
    ]:
        assert pair in found, pair


def test_texts_types_and_the_command_line_are_left_alone(tmp_path, monkeypatch):
    for bug in bugs(tmp_path, monkeypatch):
        assert bug.old not in ("int", "99", "f(99)", '"x must be 3, not {x + 1}"')
        assert "lesson" not in bug.old and "Less" not in bug.old


def test_a_default_is_changed_as_the_module_is_imported(tmp_path, monkeypatch):
    source = "LIMIT = 5\n\ndef f(x):\n    return x < LIMIT\n"
    by_old = {bug.old: bug.at_import for bug in bugs(tmp_path, monkeypatch, source)}
    assert by_old["5"] and not by_old["x < LIMIT"]


def test_what_is_said_to_change_nothing_is_a_bug_that_can_be_drawn():
    """And has a reason. Whoever changes the code looks at it again."""
    known = mutate.changes_nothing()
    paths = {path for path, _, _ in known}
    found = {
        (bug.path, bug.code, bug.change())
        for path in paths
        for bug in mutate.bugs_of(path)
    }
    assert known.keys() <= found, known.keys() - found
    for bug, why in known.items():
        assert len(why.split()) > 3, bug


def test_the_package_has_thousands():
    found = [*mutate.bugs_of("numpygpt/model.py"), *mutate.bugs_of("scripts/train.py")]
    assert len(found) > 500
    for bug in found[::7]:
        source = (mutate.ROOT / bug.path).read_bytes()
        new = source[: bug.begin] + bug.new.encode() + source[bug.end :]
        compile(new, bug.path, "exec")


def test_the_quick_tests_run_first_and_in_short_runs():
    """What is not timed counts as quick; a file takes what its tests take."""
    seconds = {"a.py::slow": 30, "a.py::quick": 1, "b.py::b": 4, "c.py::c": 40}
    lines = {"seconds": seconds}
    assert mutate.seconds_of("a.py", lines) == 31
    tests = ["x.py::new", "a.py::quick", "b.py::b", "a.py::slow", "c.py::c"]
    runs = list(mutate.runs_of(tests, lines))
    assert runs == [(tests[:3], 5), ([tests[3]], 30), ([tests[4]], 40)]
    assert list(mutate.runs_of([], lines)) == []
