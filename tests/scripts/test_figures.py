"""The committed figures are what the script makes now."""

import re
import xml.etree.ElementTree as tree

import curve
import figures
import pytest


def words(path):
    """All that a figure says, in order."""
    return [e.text for e in tree.parse(path).iter() if e.tag.endswith("}text")]


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_says_what_the_model_says(name, tmp_path):
    figures.FIGURES[name](tmp_path / "new.svg")
    assert words(tmp_path / "new.svg") == words(figures.FOLDER / f"{name}.svg")


@pytest.mark.parametrize("name", figures.FIGURES)
def test_both_themes(name):
    """Every colour is a class, which has a light and a dark version."""
    source = (figures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme:dark" in source
    assert not re.search(r'(fill|stroke)="(?!none)', source)


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        figures.main(["modle"])
    assert "there are model" in capsys.readouterr().err


@pytest.mark.parametrize("log", ["", "1\n", '{"tokens": 1, "bits": 2}\n'])
def test_the_curve_of_what_is_no_log_is_refused(tmp_path, log):
    (tmp_path / "log").write_text(log)
    with pytest.raises(ValueError, match="log is no log of train.py: a row has"):
        curve.draw(tmp_path / "log", tmp_path / "svg")
    assert not (tmp_path / "svg").exists()
