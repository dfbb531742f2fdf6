from html import unescape

import pytest

from sksynth.evaluation import Report

HTML = "<!DOCTYPE html><title>\"a\" & 'b' ü</title>"
REPORT = Report(HTML, "Do they help? No.", {})


def test_a_saved_page_is_the_page_and_its_path_comes_back(tmp_path):
    path = tmp_path / "report.html"
    assert REPORT.save(str(path)) == path
    assert path.read_text(encoding="utf-8") == HTML
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_save_leaves_the_old_page(tmp_path, monkeypatch):
    path = REPORT.save(tmp_path / "report.html")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        Report("other", "", {}).save(path)
    assert path.read_text(encoding="utf-8") == HTML
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(FileNotFoundError):
        REPORT.save(tmp_path / "missing" / "report.html")


def test_a_label_that_no_file_can_hold_is_written_as_a_number(tmp_path):
    path = Report("a\ud800b", "", {}).save(tmp_path / "report.html")
    assert path.read_text(encoding="utf-8") == "a&#55296;b"


def test_a_notebook_shows_the_page_in_a_frame_without_scripts():
    shown = REPORT._repr_html_()
    assert shown.startswith("<iframe sandbox ")
    start = shown.index('srcdoc="') + len('srcdoc="')
    assert unescape(shown[start : shown.index('"', start)]) == HTML


def test_the_words_stand_for_the_report():
    assert repr(REPORT) == "Report(\nDo they help? No.\n)"
